//! The answers to a split of a model for retrieval: for each sample the places of its two sides in one space.

use std::collections::BTreeMap;
use std::io::Write;

use edgeval_models::{Modality, Prediction};
use serde::Serialize;

use crate::resampling::Drawn;
use crate::{Sample, SetError};

/// One sample's two embeddings.
#[derive(Clone, Debug)]
pub struct PairRow {
    /// The sample's id.
    pub id: String,
    /// The first modality's, of length 1.
    pub first: Vec<f32>,
    /// The second modality's, of length 1.
    pub second: Vec<f32>,
    /// What the sample shares with those that aren't independent of it.
    pub cluster: Option<String>,
    /// Its groups.
    pub slices: BTreeMap<String, String>,
}

impl<'a> From<&'a PairRow> for Drawn<'a> {
    fn from(row: &'a PairRow) -> Self {
        Self::of_row(&row.id, row.cluster.as_deref(), &row.slices, None)
    }
}

/// A split's embeddings.
#[derive(Clone, Debug, Default)]
pub struct ScoredPairs {
    modalities: Vec<Modality>,
    rows: Vec<PairRow>,
}

impl ScoredPairs {
    /// Nothing yet, of a model that embeds these modalities; the first two are compared.
    #[must_use]
    pub const fn new(modalities: Vec<Modality>) -> Self {
        Self { modalities, rows: Vec::new() }
    }

    /// The modalities that the model embeds.
    #[must_use]
    pub fn modalities(&self) -> &[Modality] {
        &self.modalities
    }

    /// Whether a sample has both sides of a pair.
    ///
    /// # Errors
    /// When it lacks one.
    pub fn check_pair(&self, sample: &Sample) -> Result<(), SetError> {
        match self.modalities.iter().take(2).find(|modality| !sample.has(**modality)) {
            Some(lacks) => Err(SetError::NoPair { sample: sample.id.clone(), lacks: lacks.to_string() }),
            None => Ok(()),
        }
    }

    /// Adds a sample's.
    ///
    /// # Errors
    /// As [`ScoredPairs::check_pair`], or when there are no two embeddings of one width, or one has no direction.
    pub fn push(&mut self, sample: &Sample, prediction: &Prediction) -> Result<(), SetError> {
        self.check_pair(sample)?;
        let wrong = |reason: &str| SetError::Answer { sample: sample.id.clone(), reason: reason.to_owned() };
        let (first, second) = unit_pair(&prediction.embeddings).ok_or_else(|| wrong(&lack(&prediction.embeddings)))?;
        let width = self.rows.first().map_or(first.len(), |row| row.first.len());
        if first.len() != width || second.len() != width {
            return Err(wrong("with embeddings that aren't as wide as each other, or as those before"));
        }
        let Sample { id, cluster, slices, .. } = sample.clone();
        self.rows.push(PairRow { id, first, second, cluster, slices });
        Ok(())
    }

    /// Every sample, in order.
    #[must_use]
    pub fn rows(&self) -> &[PairRow] {
        &self.rows
    }

    /// The samples that a row's two sides find first: its first side among the second ones, and its second among the first ones.
    #[must_use]
    pub fn nearest(&self, row: &PairRow) -> [Option<&PairRow>; 2] {
        let first = |of: &dyn Fn(&PairRow) -> f64| self.rows.iter().max_by(|one, other| of(one).total_cmp(&of(other)));
        [first(&|other| cosine(&row.first, &other.second)), first(&|other| cosine(&row.second, &other.first))]
    }

    /// Writes a line of JSON for each sample: id and embeddings.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_predictions(&self, mut writer: impl Write) -> std::io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a> {
            id: &'a str,
            first: &'a [f32],
            second: &'a [f32],
        }
        for row in &self.rows {
            serde_json::to_writer(&mut writer, &Line { id: &row.id, first: &row.first, second: &row.second })?;
            writer.write_all(b"\n")?;
        }
        writer.flush()
    }
}

/// The first two embeddings, brought to length 1; `None` without two of one width, or when one is 0 or holds what isn't a number.
pub(crate) fn unit_pair(embeddings: &[(Modality, Vec<f32>)]) -> Option<(Vec<f32>, Vec<f32>)> {
    let [(_, first), (_, second), ..] = embeddings else { return None };
    (first.len() == second.len()).then_some((unit(first)?, unit(second)?))
}

/// Why embeddings are no pair.
fn lack(embeddings: &[(Modality, Vec<f32>)]) -> String {
    let Some((modality, values)) = embeddings.iter().find(|(_, values)| unit(values).is_none()) else {
        return "without two embeddings of one width".to_owned();
    };
    let is_number = values.iter().all(|value| value.is_finite());
    let what = if is_number { "is 0 everywhere, so that it has no direction" } else { "holds what isn't a number" };
    format!("with an embedding of {modality} that {what}")
}

/// Of two vectors of length 1.
fn cosine(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
}

fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    // Squares of what a float of 32 bits holds may lie beyond it.
    let length = vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
    (length > 0.0 && length.is_finite())
        .then(|| vector.iter().map(|&value| (f64::from(value) / length) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(first: &[f32], second: &[f32]) -> Prediction {
        let embeddings = vec![(Modality::Image, first.to_vec()), (Modality::Text, second.to_vec())];
        Prediction { embeddings, ..Prediction::default() }
    }

    fn sample() -> Sample {
        let (image, text) = (Some("a.png".to_owned()), Some("a cat".to_owned()));
        Sample { id: "1".to_owned(), image, text, ..Sample::default() }
    }

    #[test]
    fn embeddings_are_brought_to_length_1() {
        let mut scored = ScoredPairs::new(vec![Modality::Image, Modality::Text]);
        scored.push(&sample(), &prediction(&[3.0, 4.0], &[0.0, -2.0])).unwrap();
        assert_eq!(
            (scored.rows()[0].first.as_slice(), scored.rows()[0].second.as_slice()),
            (&[0.6, 0.8][..], &[0.0, -1.0][..])
        );
    }

    #[test]
    fn each_side_finds_its_nearest() {
        let mut scored = ScoredPairs::new(vec![Modality::Image, Modality::Text]);
        let named = |id: &str| Sample { id: id.to_owned(), ..sample() };
        scored.push(&named("a"), &prediction(&[1.0, 0.0], &[0.0, 1.0])).unwrap();
        scored.push(&named("b"), &prediction(&[0.6, 0.8], &[1.0, 0.1])).unwrap();
        let found = |row: usize| scored.nearest(&scored.rows()[row]).map(|found| found.unwrap().id.as_str());
        assert_eq!((found(0), found(1)), (["b", "b"], ["a", "a"]));
    }

    #[test]
    fn what_can_t_be_compared_is_refused() {
        let mut scored = ScoredPairs::new(vec![Modality::Image, Modality::Text]);
        let refused = [
            (&[0.0, 0.0][..], &[1.0, 0.0][..], "image that is 0"),
            (&[1.0], &[1.0, 0.0], "one width"),
            (&[1.0, 0.0], &[f32::NAN, 1.0], "text that holds what isn't a number"),
        ];
        for (first, second, words) in refused {
            let error = scored.push(&sample(), &prediction(first, second)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let lonely = Sample { text: None, ..sample() };
        let error = scored.push(&lonely, &prediction(&[1.0], &[1.0])).unwrap_err().to_string();
        assert!(error.contains("text"), "{error}");
    }
}
