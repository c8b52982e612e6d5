//! A replayed reference set knows the right answers: each pass comes to an accuracy.

use edgeval_calibration::{Accuracy, Consistency, ReferenceSet, Scored, SetError};
use edgeval_models::Prediction;
use edgeval_wire as wire;

use crate::capture::{self, Source, Truth};

/// Keeps the answers of one pass.
#[derive(Debug)]
pub struct Replayed {
    set: ReferenceSet,
    labels: Vec<String>,
    samples: usize,
    scored: Scored,
}

/// What a pass came to.
#[derive(Debug)]
pub struct Pass {
    /// Which set.
    pub set: wire::SetIdentity,
    /// How often the model was right.
    pub accuracy: Accuracy,
    /// How far the embeddings are apart.
    pub consistency: Consistency,
}

impl Replayed {
    /// Opens the set that is replayed; `None` when sensors are captured.
    ///
    /// # Errors
    /// When the set can't be opened.
    pub fn open(options: &capture::Options, labels: &[String]) -> Result<Option<Self>, SetError> {
        let (Source::Replay, Some(folder)) = (options.source, &options.replay.set) else { return Ok(None) };
        let set = ReferenceSet::open(folder)?;
        let samples = set.positions(&options.replay.split)?.len();
        Ok(Some(Self { set, labels: labels.to_vec(), samples, scored: Scored::new(labels) }))
    }

    /// Keeps an answer; with the last one of a pass, what it came to.
    ///
    /// # Errors
    /// When the sample's label is none of the model's.
    pub fn record(&mut self, truth: Truth, prediction: Prediction) -> Result<Option<Pass>, SetError> {
        self.scored.push(&self.set.samples()[truth.sample], prediction)?;
        if self.scored.rows().len() < self.samples {
            return Ok(None);
        }
        let scored = std::mem::replace(&mut self.scored, Scored::new(&self.labels));
        let set = wire::SetIdentity {
            name: wire::text(self.set.name()),
            version: wire::text(self.set.version()),
            identity: wire::text(self.set.identity()),
            samples: self.samples as u64,
        };
        Ok(Some(Pass { set, accuracy: scored.accuracy(), consistency: scored.consistency() }))
    }
}
