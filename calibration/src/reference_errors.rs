//! A fixed model's errors under corruption, stored with a set: what corruption errors are held against.

use std::collections::{BTreeMap, BTreeSet};

use edgeval_measure::Measured;
use serde::{Deserialize, Serialize};

use crate::{CorruptionScores, ReferenceSet, Robustness, SetError};

const FILE: &str = "reference-errors.json";

/// A reference model's errors, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceErrors {
    /// Which model: name, version and arithmetic.
    pub model: String,
    /// Its bundle's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How they were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_by: Option<String>,
    /// On what wasn't corrupted.
    pub clean: f64,
    /// By corruption, at severities 1 to 5.
    pub errors: BTreeMap<String, Vec<f64>>,
}

impl ReferenceErrors {
    /// The errors that an evaluation found; `None` when nothing was corrupted.
    #[must_use]
    pub fn of(model: String, robustness: &Robustness) -> Option<Self> {
        let error = |score: &Measured| Some(rounded(1.0 - score.figure()?.value));
        let of_each = |row: &CorruptionScores| {
            let errors: Option<Vec<f64>> = row.scores.iter().map(error).collect();
            Some((row.name.clone(), errors?))
        };
        let errors: BTreeMap<String, Vec<f64>> = robustness.corruptions.iter().filter_map(of_each).collect();
        let clean = error(&robustness.clean).filter(|_| !errors.is_empty())?;
        Some(Self { model, sha256: None, measured_by: None, clean, errors })
    }
}

/// To nine places, so that 1 − 0.9975 reads as what it is.
fn rounded(error: f64) -> f64 {
    (error * 1e9).round() / 1e9
}

impl ReferenceSet {
    /// The reference model's errors, where the set stores some.
    ///
    /// # Errors
    /// When the file can't be read, isn't what was recorded, names what is no corruption, or doesn't hold five errors from 0 to 1 for each.
    pub fn reference_errors(&self) -> Result<Option<ReferenceErrors>, SetError> {
        if !self.directory().join(FILE).exists() {
            return Ok(None);
        }
        let bytes = self.read(FILE)?;
        let wrong = |reason: String| SetError::Description { path: self.directory().join(FILE), reason };
        let read: ReferenceErrors = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let is_error = |value: &f64| (0.0..=1.0).contains(value);
        let fits = |errors: &Vec<f64>| errors.len() == 5 && errors.iter().all(is_error);
        let known: BTreeSet<&str> = crate::findings::corruption_names().collect();
        if let Some(name) = read.errors.keys().find(|name| !known.contains(name.as_str())) {
            return Err(wrong(format!(
                "there is no corruption `{name}`; there are {}",
                Vec::from_iter(known).join(", ")
            )));
        }
        match read.errors.iter().find(|(_, errors)| !fits(errors)) {
            Some((name, _)) => Err(wrong(format!("`{name}` must have five errors from 0 to 1, one a severity"))),
            None if !is_error(&read.clean) => Err(wrong("`clean` must be an error from 0 to 1".to_owned())),
            None => Ok(Some(read)),
        }
    }
}
