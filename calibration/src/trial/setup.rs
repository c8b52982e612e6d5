//! What all trials of a split share; nothing of it changes while they run.

use std::collections::BTreeMap;
use std::sync::Arc;

use edgeval_models::{Modality, Model, Plane, Precision, Tensors, Window};

use super::TrialOptions;
use super::judge::Judge;
use super::parts::Parts;
use super::ring::Ring;
use super::subject::failed;
use crate::corruption::{CorruptionError, Frame, Random, Severity, StreamCorruption, corrupt_stream};
use crate::{Observer, ReferenceSet, Sample, SetError};

/// Other samples that stand in for a modality: the perceptual score needs five at least.
const OTHERS: usize = 5;
/// The set's mean is taken over so many samples at most.
const AVERAGED: usize = 128;

/// What all trials share.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    pub set: &'a ReferenceSet,
    pub judge: Judge,
    pub options: TrialOptions,
    /// What the model takes, less what is left out.
    pub modalities: Vec<Modality>,
    pub without: Option<Modality>,
    pub planes: Vec<Plane>,
    /// Mean tensors of pictures and sounds.
    pub means: Tensors,
    pub other_is_fp32: bool,
    /// Who may stop a trial.
    pub observer: &'a dyn Observer,
    /// Parts that stand in, as far as they are kept.
    parts: Parts,
    /// Of each modality the split's samples that have it. That of pictures is the stream that frames are lost from.
    rings: BTreeMap<Modality, Ring>,
    /// By corruption and severity: what is seen at each moment of the stream.
    streams: BTreeMap<(&'static str, Severity), Vec<Frame>>,
}

impl<'a> Setup<'a> {
    /// Of a split's samples at `positions`, in the set's order. The model is asked for the mean of what it is given; `modalities` are what it takes, less
    /// what is left out.
    ///
    /// # Errors
    /// When a sample can't be read or preprocessed.
    pub fn new(
        (set, positions): (&'a ReferenceSet, &[usize]),
        judge: Judge,
        options: TrialOptions,
        (model, modalities): (&mut Model, Vec<Modality>),
        (precision, without): (Precision, Option<Modality>),
        observer: &'a dyn Observer,
    ) -> Result<Self, SetError> {
        let rings = rings(set, positions, &modalities, options.seed);
        let frames = rings.get(&Modality::Image).map_or(0, Ring::len);
        let mut setup = Self {
            set,
            judge,
            options,
            modalities,
            without,
            planes: model.planes(),
            means: Tensors::default(),
            other_is_fp32: precision == Precision::Int8,
            observer,
            parts: Parts::new(),
            rings,
            streams: streams(options.seed, frames)
                .map_err(|reason| SetError::Corruption { sample: "all".to_owned(), reason })?,
        };
        setup.means = setup.mean_tensors(positions, model)?;
        Ok(setup)
    }

    /// A sample's window, less what is left out.
    pub fn window(&self, sample: &Sample) -> Result<Window, SetError> {
        self.set.window_without(sample, self.without)
    }

    /// A sample's picture, sound or words alone.
    pub fn part(&self, place: usize, modality: Modality) -> Result<Arc<Window>, SetError> {
        self.parts.get(place, modality, || self.set.window_of(&self.set.samples()[place], modality))
    }

    /// For each modality that a sample has the windows of others whose parts can stand in, with that modality alone read.
    pub fn others(&self, place: usize) -> Result<BTreeMap<Modality, Vec<Arc<Window>>>, SetError> {
        let mut others = BTreeMap::new();
        for (modality, ring) in self.rings.iter().filter(|(_, ring)| ring.rank(place).is_some()) {
            let windows = ring.after(place, OTHERS).map(|other| self.part(other, *modality));
            others.insert(*modality, windows.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(others)
    }

    /// What the stream shows at a sample's place; a frozen frame's place is one in the set.
    pub fn frame(&self, kind: StreamCorruption, severity: Severity, place: usize) -> Frame {
        let Some((ring, rank)) = self.rings.get(&Modality::Image).and_then(|ring| Some((ring, ring.rank(place)?)))
        else {
            return Frame::Own;
        };
        match self.streams.get(&(kind.name(), severity)).and_then(|frames| frames.get(rank)) {
            Some(Frame::Frozen(earlier)) => Frame::Frozen(ring.at(*earlier)),
            Some(Frame::Missing) => Frame::Missing,
            _ => Frame::Own,
        }
    }

    /// The mean of what the model is given, over a fair part of the split. Tensors of words stay as they are without any.
    fn mean_tensors(&self, positions: &[usize], model: &mut Model) -> Result<Tensors, SetError> {
        let empty = model.preprocess(&Window::default());
        let mut means = empty.map_err(|reason| failed(&self.set.samples()[positions[0]], reason))?;
        for modality in [Modality::Image, Modality::Audio] {
            if !self.modalities.contains(&modality) {
                continue;
            }
            let places = having(self.set, positions, modality);
            let (mut sums, mut scratch): (BTreeMap<String, Vec<f64>>, _) = (BTreeMap::new(), means.clone());
            let mut averaged = crate::order::stratified(self.set.samples(), &places, self.options.seed);
            averaged.truncate(AVERAGED);
            for &place in &averaged {
                let sample = &self.set.samples()[place];
                let window = self.part(place, modality)?;
                model.refill(&window, modality, &mut scratch).map_err(|reason| failed(sample, reason))?;
                for name in model.tensors_of(modality) {
                    let Some(tensor) = scratch.get(name) else { continue };
                    let sum = sums.entry(name.to_owned()).or_insert_with(|| vec![0.0; tensor.values.len()]);
                    sum.iter_mut().zip(&tensor.values).for_each(|(sum, value)| *sum += f64::from(*value));
                }
            }
            for (name, sum) in sums {
                let Some(mean) = means.get_mut(&name) else { continue };
                mean.values = sum.into_iter().map(|sum| (sum / averaged.len() as f64) as f32).collect();
            }
        }
        Ok(means)
    }
}

/// The split's samples that have a modality.
fn having(set: &ReferenceSet, positions: &[usize], modality: Modality) -> Vec<usize> {
    positions.iter().copied().filter(|&place| set.samples()[place].has(modality)).collect()
}

fn rings(set: &ReferenceSet, positions: &[usize], modalities: &[Modality], seed: u64) -> BTreeMap<Modality, Ring> {
    let mut random = Random::seeded(seed);
    let ring = |modality: &Modality| (*modality, Ring::new(having(set, positions, *modality), &mut random));
    modalities.iter().map(ring).collect()
}

fn streams(seed: u64, frames: usize) -> Result<BTreeMap<(&'static str, Severity), Vec<Frame>>, CorruptionError> {
    let both = StreamCorruption::ALL.into_iter().flat_map(|kind| Severity::ALL.map(|severity| (kind, severity)));
    both.map(|(kind, severity)| Ok(((kind.name(), severity), corrupt_stream(kind, severity, seed, frames)?))).collect()
}
