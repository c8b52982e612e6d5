//! A model that generates, asked about every sample of a split.

use std::collections::BTreeMap;
use std::io::Write;

use edgeval_models::{Generated, Prediction, Window};
use serde::Serialize;

use crate::{ReferenceSet, Sample, SetError};

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
    /// What the sample shares with those that aren't independent of it.
    pub cluster: Option<String>,
    /// Its groups.
    pub slices: BTreeMap<String, String>,
}

/// A split's texts, to be held against their references.
#[derive(Clone, Debug, Default)]
pub struct ScoredTexts {
    rows: Vec<GeneratedRow>,
}

/// Asks `predict` about every sample of a split, one in memory at a time. `asks` is what the model can be asked for.
///
/// # Errors
/// When the split is empty, a sample asks for what the model can't be asked for, a file can't be read, or `predict` fails or gives no
/// words.
pub fn score_texts<E>(
    set: &ReferenceSet,
    split: &str,
    asks: &[String],
    mut predict: impl FnMut(&Window) -> Result<Prediction, E>,
) -> Result<ScoredTexts, SetError>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let positions = set.positions(split)?;
    let samples = || positions.iter().filter_map(|&place| set.samples().get(place));
    // As with labels, a wrong set is told at once.
    samples().try_for_each(|sample| check_ask(sample, asks))?;
    let mut scored = ScoredTexts::default();
    for sample in samples() {
        let window = set.window(sample)?;
        let prediction = predict(&window)
            .map_err(|reason| SetError::Prediction { sample: sample.id.clone(), reason: reason.into() })?;
        scored.push(sample, prediction)?;
    }
    Ok(scored)
}

fn check_ask(sample: &Sample, asks: &[String]) -> Result<(), SetError> {
    match &sample.ask {
        Some(ask) if !asks.contains(ask) => {
            Err(SetError::Ask { sample: sample.id.clone(), ask: ask.clone(), known: asks.join(", ") })
        }
        _ => Ok(()),
    }
}

impl ScoredTexts {
    /// Adds a sample's answer.
    ///
    /// # Errors
    /// When the prediction has no words, or a probability that isn't one.
    pub fn push(&mut self, sample: &Sample, prediction: Prediction) -> Result<(), SetError> {
        let wrong = |reason: &str| SetError::Answer { sample: sample.id.clone(), reason: reason.to_owned() };
        let Prediction { generated, confidence, .. } = prediction;
        let generated = generated.ok_or_else(|| wrong("without words"))?;
        // A figure made of something else would be wrong without anyone's noticing.
        let is_probability = |value: &f32| (0.0..=1.0 + 1e-4).contains(value);
        if !is_probability(&confidence) || !generated.probabilities.iter().all(is_probability) {
            return Err(wrong("with a probability that isn't between 0 and 1"));
        }
        let Sample { id, references, cluster, slices, .. } = sample.clone();
        self.rows.push(GeneratedRow { id, references, generated, confidence, cluster, slices });
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
