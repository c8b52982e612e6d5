//! A fixed model's errors under corruption, stored with a set: what corruption errors are held against.

use std::collections::{BTreeMap, BTreeSet};

use edgeval_measure::{CorruptionErrors, Measured};
use serde::{Deserialize, Serialize};

use crate::{CorruptionScores, ReferenceSet, Robustness, SetError};

const FILE: &str = "reference-errors.json";
/// The first had one clean error for all corruptions, although they aren't tried on the same samples.
const SCHEMA: u32 = 2;

/// A reference model's errors, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceErrors {
    /// Of the file: 2.
    pub schema: u32,
    /// Which model: name, version and arithmetic.
    pub model: String,
    /// Its bundle's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How they were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_by: Option<String>,
    /// By corruption, of the samples that it was tried on: as they are, and at severities 1 to 5.
    pub errors: BTreeMap<String, CorruptionErrors>,
}

/// Of any schema; the first didn't say it.
#[derive(Deserialize)]
struct Versioned {
    schema: Option<u32>,
}

impl ReferenceErrors {
    /// The errors that an evaluation found; `None` when nothing was corrupted.
    #[must_use]
    pub fn of(model: String, robustness: &Robustness) -> Option<Self> {
        let error = |score: &Measured| Some(error_of_score(score.figure()?.value));
        let of_each = |row: &CorruptionScores| {
            let corrupted: Option<Vec<f64>> = row.scores.iter().map(error).collect();
            Some((row.name.clone(), CorruptionErrors { clean: error(&row.clean)?, corrupted: corrupted? }))
        };
        let errors: BTreeMap<_, _> = robustness.corruptions.iter().filter_map(of_each).collect();
        (!errors.is_empty()).then_some(Self { schema: SCHEMA, model, sha256: None, measured_by: None, errors })
    }
}

/// 1 less a score, to nine places: 1 − 0.9975 reads as what it is, and a model's errors are those that it left in a file.
pub(crate) fn error_of_score(score: f64) -> f64 {
    ((1.0 - score) * 1e9).round() / 1e9
}

impl ReferenceSet {
    /// Whether there is a file of them, usable or not.
    pub(crate) fn stores_reference_errors(&self) -> bool {
        self.directory().join(FILE).exists()
    }

    /// The reference model's errors, or why there are none that others can be held against: the set stores none, or in another schema.
    ///
    /// # Errors
    /// When the file can't be read, isn't what was recorded, names what is no corruption, or doesn't hold a clean error and five
    /// others from 0 to 1 for each.
    pub fn reference_errors(&self) -> Result<Result<ReferenceErrors, String>, SetError> {
        if !self.stores_reference_errors() {
            return Ok(Err(format!("the set stores no reference model's errors ({FILE})")));
        }
        let bytes = self.read(FILE)?;
        let wrong = |reason: String| SetError::Description { path: self.directory().join(FILE), reason };
        let json = |error: serde_json::Error| wrong(error.to_string());
        let schema = serde_json::from_slice::<Versioned>(&bytes).map_err(json)?.schema.unwrap_or(1);
        if schema != SCHEMA {
            return Ok(Err(format!(
                "{FILE} is of schema {schema}; this program reads schema {SCHEMA}: measure the errors anew (evaluate --write-reference-errors)"
            )));
        }
        let read: ReferenceErrors = serde_json::from_slice(&bytes).map_err(json)?;
        let is_error = |value: &f64| (0.0..=1.0).contains(value);
        let fits = |errors: &CorruptionErrors| {
            errors.corrupted.len() == 5 && errors.corrupted.iter().chain([&errors.clean]).all(is_error)
        };
        if read.model.contains(char::is_control) {
            return Err(wrong(format!("`model` has a character that isn't to be seen: {:?}", read.model)));
        }
        let known: BTreeSet<&str> = crate::findings::corruption_names().collect();
        if let Some(name) = read.errors.keys().find(|name| !known.contains(name.as_str())) {
            return Err(wrong(format!(
                "there is no corruption `{name}`; there are {}",
                Vec::from_iter(known).join(", ")
            )));
        }
        match read.errors.iter().find(|(_, errors)| !fits(errors)) {
            Some((name, _)) => Err(wrong(format!(
                "`{name}` must have a clean error and five corrupted ones, one a severity, all from 0 to 1"
            ))),
            None => Ok(Ok(read)),
        }
    }
}
