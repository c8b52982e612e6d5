//! Parts of samples that stand in for others'. Each stands in for several: it is kept while there is room, and read once.

use std::sync::Arc;

use edgeval_models::{Modality, Window};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::SetError;

/// Pictures and sounds are kept up to so many bytes, however long the set is.
const MOST_BYTES: u64 = 32 << 20;
/// A guess: a second of sound.
const USUAL_BYTES: u64 = 32 << 10;

/// Windows with one part alone, by the sample's place and the part's modality.
#[derive(Debug)]
pub(super) struct Parts(Cache<(usize, Modality), Arc<Window>, Bytes>);

impl Parts {
    pub fn new() -> Self {
        Self(Cache::with_weighter((MOST_BYTES / USUAL_BYTES) as usize, MOST_BYTES, Bytes))
    }

    /// What is kept, or is read now.
    pub fn get(
        &self,
        place: usize,
        modality: Modality,
        read: impl FnOnce() -> Result<Window, SetError>,
    ) -> Result<Arc<Window>, SetError> {
        self.0.get_or_insert_with(&(place, modality), || read().map(Arc::new))
    }
}

/// How much of the room a window takes.
#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<(usize, Modality), Arc<Window>> for Bytes {
    fn weight(&self, _: &(usize, Modality), window: &Arc<Window>) -> u64 {
        let picture = window.image.as_ref().map_or(0, |picture| picture.data.len());
        let sound = window.audio.as_ref().map_or(0, |sound| size_of_val(sound.samples.as_slice()));
        (size_of::<Window>() + picture + sound) as u64
    }
}
