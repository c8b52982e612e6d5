//! A classifier's answers to a split.

use std::collections::BTreeMap;
use std::io::Write;

use edgeval_models::Prediction;
use serde::Serialize;

use crate::resampling::Drawn;
use crate::{Sample, SetError};

/// One sample's truth and prediction.
#[derive(Clone, Debug)]
pub struct Row {
    /// The sample's id.
    pub id: String,
    /// The right class.
    pub truth: usize,
    /// What the model said.
    pub prediction: Prediction,
    /// What it shares with samples that aren't independent of it.
    pub cluster: Option<String>,
    /// Its groups.
    pub slices: BTreeMap<String, String>,
}

/// A split, scored.
#[derive(Clone, Debug)]
pub struct Scored {
    labels: Vec<String>,
    rows: Vec<Row>,
}

impl Scored {
    /// Nothing scored yet. `labels` are the model's, in the order of its classes.
    #[must_use]
    pub fn new(labels: &[String]) -> Self {
        Self { labels: labels.to_vec(), rows: Vec::new() }
    }

    /// Adds a sample's prediction.
    ///
    /// # Errors
    /// When the sample has no label, or one that the model doesn't know; or when the prediction isn't one of the labels, or holds
    /// what isn't a number.
    pub fn push(&mut self, sample: &Sample, prediction: Prediction) -> Result<(), SetError> {
        let truth = self.class_of(sample)?;
        self.check_answer(&prediction).map_err(|reason| SetError::Answer { sample: sample.id.clone(), reason })?;
        let (id, cluster, slices) = (sample.id.clone(), sample.cluster.clone(), sample.slices.clone());
        self.rows.push(Row { id, truth, prediction, cluster, slices });
        Ok(())
    }

    /// The class of a sample's label.
    ///
    /// # Errors
    /// When it has none, or one that the model doesn't know.
    pub fn class_of(&self, sample: &Sample) -> Result<usize, SetError> {
        let label = sample.label.as_ref().ok_or_else(|| SetError::Unlabelled(sample.id.clone()))?;
        self.labels.iter().position(|known| known == label).ok_or_else(|| SetError::Label {
            sample: sample.id.clone(),
            label: label.clone(),
            known: self.labels.join(", "),
        })
    }

    /// A figure made of something else would be wrong without anyone's noticing.
    fn check_answer(&self, prediction: &Prediction) -> Result<(), String> {
        let (classes, given) = (self.labels.len(), prediction.probabilities.len());
        if prediction.class >= classes || given != classes {
            let class = prediction.class;
            return Err(format!("class {class} of {given} probabilities, and has {classes} labels"));
        }
        let numbers = prediction.probabilities.iter().chain([&prediction.confidence]);
        if numbers.into_iter().any(|value| !(0.0..=1.0 + 1e-4).contains(value)) {
            return Err("with a probability that isn't between 0 and 1".to_owned());
        }
        Ok(())
    }

    /// The model's labels.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// With which others a row is drawn.
    pub(crate) fn drawn<'a>(&'a self, row: &'a Row) -> Drawn<'a> {
        let label = self.labels.get(row.truth).map(String::as_str);
        Drawn::of_row(&row.id, row.cluster.as_deref(), &row.slices, label)
    }

    /// Every sample, in order.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Writes a line of JSON for each sample: id, label, predicted label, probabilities in the labels' order.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_predictions(&self, mut writer: impl Write) -> std::io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a> {
            id: &'a str,
            label: &'a str,
            predicted: &'a str,
            probabilities: &'a [f32],
        }
        for row in &self.rows {
            let line = Line {
                id: &row.id,
                label: &self.labels[row.truth],
                predicted: &self.labels[row.prediction.class],
                probabilities: &row.prediction.probabilities,
            };
            serde_json::to_writer(&mut writer, &line)?;
            writer.write_all(b"\n")?;
        }
        writer.flush()
    }
}
