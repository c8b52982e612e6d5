//! A sample's picture and sound, corrupted in every way and at every severity.

use std::collections::BTreeMap;
use std::sync::Arc;

use edgeval_models::{Modality, Picture, Sound, Window};

use super::subject::{StandIn, Subject};
use crate::SetError;
use crate::corruption::{
    CorruptionError, Frame, PictureCorruption, Seed, Severity, SoundCorruption, StreamCorruption, corrupt_picture,
    corrupt_sound,
};

/// Pixels of a picture that is corrupted. A camera's picture has twenty times as many, takes minutes, and models see none of them.
const MOST_PIXELS: usize = 1 << 20;
/// Whose noise is played at a model that has one modality alone (MultiBench's baseline).
pub(crate) const NOISES: [(Modality, &str); 2] =
    [(Modality::Image, PictureCorruption::GaussianNoise.name()), (Modality::Audio, SoundCorruption::WhiteNoise.name())];

/// Scores under corruption.
#[derive(Debug, Default)]
pub(super) struct Corrupted {
    /// By corruption: the score at each severity.
    pub scores: BTreeMap<String, Vec<f64>>,
    /// By modality: the score with that modality alone, under the noise of each severity.
    pub alone_in_noise: BTreeMap<Modality, Vec<f64>>,
}

/// Tries every corruption of what the sample has. `clean` is its score as it is, `others` are windows whose voices babble.
pub(super) fn corrupted(subject: &mut Subject<'_>, clean: f64, others: &[Arc<Window>]) -> Result<Corrupted, SetError> {
    let mut corrupted = Corrupted::default();
    if subject.has(Modality::Image) {
        let picture = subject.window.image.as_ref().map(at_size_of_corruption);
        for kind in PictureCorruption::all() {
            let corrupt = |severity, seed| {
                let picture = picture.as_ref().map(|picture| corrupt_picture(picture, kind, severity, seed));
                Ok(Window { image: picture.transpose()?, ..Window::default() })
            };
            sweep(subject, Modality::Image, kind.name(), &corrupt, &mut corrupted)?;
        }
        for kind in StreamCorruption::ALL {
            corrupted.scores.insert(kind.name().to_owned(), streamed(subject, kind, clean)?);
        }
    }
    if subject.has(Modality::Audio) {
        let voices: Vec<&Sound> = others.iter().filter_map(|other| other.audio.as_ref()).collect();
        let sound = subject.window.audio.clone();
        for kind in SoundCorruption::ALL {
            let corrupt = |severity, seed| {
                let sound = sound.as_ref().map(|sound| corrupt_sound(sound, kind, severity, seed, &voices));
                Ok(Window { audio: sound.transpose()?, ..Window::default() })
            };
            sweep(subject, Modality::Audio, kind.name(), &corrupt, &mut corrupted)?;
        }
    }
    Ok(corrupted)
}

/// A large picture, shrunk to what is corrupted. Sizes of corruptions are shares of the picture's, so that they stay the same.
fn at_size_of_corruption(picture: &Picture) -> Picture {
    let shrink = (MOST_PIXELS as f64 / (picture.width * picture.height) as f64).sqrt();
    if shrink >= 1.0 {
        return picture.clone();
    }
    let side = |length: usize| ((length as f64 * shrink) as usize).max(1);
    picture.resized(side(picture.width), side(picture.height))
}

type Corrupt<'a> = dyn Fn(Severity, Seed) -> Result<Window, CorruptionError> + 'a;

/// One corruption, at every severity. What can't be done to this set at all, such as babble where nobody else talks, is left out.
fn sweep(
    subject: &mut Subject<'_>,
    modality: Modality,
    name: &'static str,
    corrupt: &Corrupt<'_>,
    corrupted: &mut Corrupted,
) -> Result<(), SetError> {
    let seed = Seed { run: subject.setup.options.seed, sample: subject.place as u64 };
    let in_noise = NOISES.contains(&(modality, name));
    let (mut scores, mut alone) = (Vec::new(), Vec::new());
    for severity in Severity::ALL {
        let window = match corrupt(severity, seed) {
            Ok(window) => window,
            Err(CorruptionError::NoVoices { .. }) => return Ok(()),
            Err(reason) => return Err(SetError::Corruption { sample: subject.sample.id.clone(), reason }),
        };
        subject.put(modality, StandIn::Of(&window))?;
        scores.push(subject.score()?);
        if in_noise {
            alone.push(score_alone(subject, modality)?);
        }
        subject.restore(modality);
    }
    corrupted.scores.insert(name.to_owned(), scores);
    if in_noise {
        corrupted.alone_in_noise.insert(modality, alone);
    }
    Ok(())
}

/// How right the model is with the other modalities gone.
fn score_alone(subject: &mut Subject<'_>, modality: Modality) -> Result<f64, SetError> {
    let others: Vec<Modality> = subject.modalities().into_iter().filter(|other| *other != modality).collect();
    others.iter().try_for_each(|other| subject.put(*other, StandIn::Nothing))?;
    let score = subject.score()?;
    others.iter().for_each(|other| subject.restore(*other));
    Ok(score)
}

/// Frames that never came, or are those of an earlier sample: the split in its order is the stream.
fn streamed(subject: &mut Subject<'_>, kind: StreamCorruption, clean: f64) -> Result<Vec<f64>, SetError> {
    let mut scores = Vec::new();
    for severity in Severity::ALL {
        scores.push(match subject.setup.frame(kind, severity, subject.place) {
            Frame::Own => clean,
            Frame::Missing => subject.score_with(Modality::Image, StandIn::Nothing)?,
            Frame::Frozen(place) => {
                let earlier = subject.setup.part(place, Modality::Image)?;
                subject.score_with(Modality::Image, StandIn::Of(&earlier))?
            }
        });
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use edgeval_models::Channels;

    use super::*;

    #[test]
    fn large_pictures_alone_are_shrunk() {
        for (size, expected) in
            [((1280, 720), (1280, 720)), ((4000, 3000), (1182, 886)), ((2, 2_000_000), (1, 1_024_000))]
        {
            let (width, height) = size;
            let picture = Picture { width, height, channels: Channels::Rgb, data: vec![7; width * height * 3] };
            let shrunk = at_size_of_corruption(&picture);
            assert_eq!((shrunk.width, shrunk.height), expected);
            assert!(shrunk.data.len() == shrunk.width * shrunk.height * 3 && shrunk.data.iter().all(|&byte| byte == 7));
        }
    }
}
