//! The answers to a split of a model that generates.

use std::collections::BTreeMap;
use std::io::Write;

use edgeval_models::{Generated, Modality, Prediction};
use serde::Serialize;

use crate::resampling::Drawn;
use crate::{Sample, SetError};

/// One sample's right answers, and the model's.
#[derive(Clone, Debug)]
pub struct GeneratedRow {
    /// The sample's id.
    pub id: String,
    /// Right answers; a sample without any has no figures but of the answer itself.
    pub references: Vec<String>,
    /// What the model said.
    pub generated: Generated,
    /// How sure it was, 0 to 1.
    pub confidence: f32,
    /// Each modality's place in the shared space, where the model tells it.
    pub embeddings: Vec<(Modality, Vec<f32>)>,
    /// What the sample shares with those that aren't independent of it.
    pub cluster: Option<String>,
    /// Its groups.
    pub slices: BTreeMap<String, String>,
}

impl<'a> From<&'a GeneratedRow> for Drawn<'a> {
    fn from(row: &'a GeneratedRow) -> Self {
        Self::of_row(&row.id, row.cluster.as_deref(), &row.slices, None)
    }
}

/// A split's texts, to be held against their references.
#[derive(Clone, Debug, Default)]
pub struct ScoredTexts {
    asks: Vec<String>,
    rows: Vec<GeneratedRow>,
}

impl ScoredTexts {
    /// Nothing answered yet. `asks` is what the model can be asked for.
    #[must_use]
    pub const fn new(asks: Vec<String>) -> Self {
        Self { asks, rows: Vec::new() }
    }

    /// Whether a sample asks for what the model can be asked for.
    ///
    /// # Errors
    /// When it doesn't.
    pub fn check_ask(&self, sample: &Sample) -> Result<(), SetError> {
        match &sample.ask {
            Some(ask) if !self.asks.contains(ask) => {
                Err(SetError::Ask { sample: sample.id.clone(), ask: ask.clone(), known: self.asks.join(", ") })
            }
            _ => Ok(()),
        }
    }

    /// Adds a sample's answer.
    ///
    /// # Errors
    /// As [`ScoredTexts::check_ask`], or when the prediction has no words, or a probability that isn't one.
    pub fn push(&mut self, sample: &Sample, prediction: Prediction) -> Result<(), SetError> {
        self.check_ask(sample)?;
        let wrong = |reason: &str| SetError::Answer { sample: sample.id.clone(), reason: reason.to_owned() };
        let Prediction { generated, confidence, embeddings, .. } = prediction;
        let generated = generated.ok_or_else(|| wrong("without words"))?;
        // A figure made of something else would be wrong without anyone's noticing.
        let is_probability = |value: &f32| (0.0..=1.0 + 1e-4).contains(value);
        if !is_probability(&confidence) || !generated.probabilities.iter().all(is_probability) {
            return Err(wrong("with a probability that isn't between 0 and 1"));
        }
        let Sample { id, references, cluster, slices, .. } = sample.clone();
        self.rows.push(GeneratedRow { id, references, generated, confidence, embeddings, cluster, slices });
        Ok(())
    }

    /// Every sample, in order.
    #[must_use]
    pub fn rows(&self) -> &[GeneratedRow] {
        &self.rows
    }

    /// Writes a line of JSON for each sample: id, references, text.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_predictions(&self, mut writer: impl Write) -> std::io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a> {
            id: &'a str,
            references: &'a [String],
            text: &'a str,
        }
        for row in &self.rows {
            let line = Line { id: &row.id, references: &row.references, text: &row.generated.text };
            serde_json::to_writer(&mut writer, &line)?;
            writer.write_all(b"\n")?;
        }
        writer.flush()
    }
}
