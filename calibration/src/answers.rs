//! A split's answers, of whatever task.

use std::io::Write;

use edgeval_models::{Manifest, Modality, Output, Prediction, Task};

use crate::{Consistency, Sample, Scored, ScoredPairs, ScoredTexts, SetError};

/// A split's answers.
#[derive(Clone, Debug)]
pub enum Answers {
    /// Classes.
    Classes(Scored),
    /// Words.
    Texts(ScoredTexts),
    /// Places of two modalities in one space.
    Pairs(ScoredPairs),
}

impl Answers {
    /// None yet, of a model with this manifest.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        if let Some(decode) = &manifest.decode {
            return Self::Texts(ScoredTexts::new(decode.begin.0.iter().map(|(ask, _)| ask.clone()).collect()));
        }
        if manifest.task == Task::Retrieval {
            return Self::Pairs(ScoredPairs::new(embedded(manifest)));
        }
        Self::Classes(Scored::new(&manifest.labels))
    }

    /// Whether the model can be asked about a sample and held against it.
    ///
    /// # Errors
    /// When it has no label, or one that the model doesn't know; asks for what the model can't be asked for; or lacks one of a pair.
    pub fn check(&self, sample: &Sample) -> Result<(), SetError> {
        match self {
            Self::Classes(scored) => scored.class_of(sample).map(|_| ()),
            Self::Texts(scored) => scored.check_ask(sample),
            Self::Pairs(scored) => scored.check_pair(sample),
        }
    }

    /// Adds a sample's.
    ///
    /// # Errors
    /// As [`Answers::check`], or when the prediction can't be scored: it has another form, or holds what isn't a number.
    pub fn push(&mut self, sample: &Sample, prediction: Prediction) -> Result<(), SetError> {
        match self {
            Self::Classes(scored) => scored.push(sample, prediction),
            Self::Texts(scored) => scored.push(sample, prediction),
            Self::Pairs(scored) => scored.push(sample, &prediction),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Classes(scored) => scored.rows().len(),
            Self::Texts(scored) => scored.rows().len(),
            Self::Pairs(scored) => scored.rows().len(),
        }
    }

    /// How far the modalities' embeddings are apart, where the model gives two of every sample. Pairs of different samples are compared unless they have the
    /// same label, or the same first reference.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        match self {
            Self::Classes(scored) => scored.consistency(),
            Self::Texts(scored) => scored.consistency(),
            Self::Pairs(scored) => scored.consistency(),
        }
    }

    /// Writes a line of JSON for each sample: its id, what is right and what the model said.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_predictions(&self, writer: impl Write) -> std::io::Result<()> {
        match self {
            Self::Classes(scored) => scored.write_predictions(writer),
            Self::Texts(scored) => scored.write_predictions(writer),
            Self::Pairs(scored) => scored.write_predictions(writer),
        }
    }
}

/// The modalities that a model has embeddings of.
fn embedded(manifest: &Manifest) -> Vec<Modality> {
    let modality =
        |output: &Output| if let Output::Embedding { modality, .. } = output { Some(*modality) } else { None };
    manifest.outputs.iter().filter_map(modality).collect()
}
