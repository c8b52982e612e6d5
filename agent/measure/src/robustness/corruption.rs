//! Errors under corruptions, alone and against a reference model's (Hendrycks & Dietterich 2019, "Benchmarking Neural Network
//! Robustness to Common Corruptions and Perturbations").

use serde::{Deserialize, Serialize};

use crate::vectors::mean;

/// A sum this small is rounding: nothing to divide by.
const ZERO: f64 = 1e-12;

/// A model's errors on the samples that one corruption was tried on, each 0 to 1: a sound's corruptions can't be tried on samples without one, so
/// what is clean isn't the same for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorruptionErrors {
    /// As they are.
    pub clean: f64,
    /// Corrupted, at each severity.
    pub corrupted: Vec<f64>,
}

/// Why errors can't be set against a reference's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Incomparable {
    /// There is nothing to average.
    #[error("there are no errors under corruption")]
    Nothing,
    /// They aren't pairs.
    #[error("{errors} errors and {reference} of the reference: they must be as many")]
    Lengths {
        /// How many errors the model has.
        errors: usize,
        /// How many the reference has.
        reference: usize,
    },
    /// An error isn't a finite number.
    #[error("an error isn't a finite number")]
    NotFinite,
    /// The reference doesn't err, or not more than on clean samples.
    #[error("the reference's errors add up to {sum}: a ratio to them has no meaning")]
    Reference {
        /// What they add up to.
        sum: f64,
    },
}

/// The headline: mean over corruptions of the mean error over severities. 0 to 1 for error rates.
///
/// `errors` has a row for each corruption, a column for each severity; rows may differ in length, each corruption counts the same.
/// `None` without corruptions, with one that has no severities, or a value that isn't finite.
#[must_use]
pub fn mean_error(errors: &[Vec<f64>]) -> Option<f64> {
    let of_each: Option<Vec<f64>> = errors.iter().map(|row| mean(row.iter().copied())).collect();
    mean(of_each?.into_iter()).filter(|value| value.is_finite())
}

/// The share of the clean score that is kept: the mean corrupted score (over corruptions, of means over severities) divided by the
/// clean one. 0 or more; over 1 when corruptions help.
///
/// `None` when the clean score isn't over 0, and as [`mean_error`].
#[must_use]
pub fn share_kept(clean: f64, corrupted: &[Vec<f64>]) -> Option<f64> {
    let share = mean_error(corrupted)? / clean;
    (clean > 0.0 && share.is_finite()).then_some(share)
}

/// CE_c = Σₛ E(s, c) / Σₛ E_ref(s, c) of one corruption; 1 errs as much as the reference. An error for each severity.
///
/// # Errors
/// When they aren't as many, there are none, one isn't finite, or the reference's add up to zero.
pub fn corruption_error(errors: &[f64], reference: &[f64]) -> Result<f64, Incomparable> {
    if errors.len() != reference.len() {
        return Err(Incomparable::Lengths { errors: errors.len(), reference: reference.len() });
    }
    if errors.is_empty() {
        return Err(Incomparable::Nothing);
    }
    let (own, theirs): (f64, f64) = (errors.iter().sum(), reference.iter().sum());
    if !own.is_finite() || !theirs.is_finite() {
        return Err(Incomparable::NotFinite);
    }
    if theirs <= ZERO { Err(Incomparable::Reference { sum: theirs }) } else { Ok(own / theirs) }
}

/// Relative CE_c = Σₛ (E(s, c) − E_clean,c) / Σₛ (E_ref(s, c) − E_ref,clean,c) of one corruption: what it adds to the error, against
/// what it adds to the reference's. E_clean,c is the error on the samples of that corruption, uncorrupted. Negative when it helps.
///
/// # Errors
/// As [`corruption_error`]; also when the corruption doesn't add to the reference's error.
pub fn relative_corruption_error(errors: &CorruptionErrors, reference: &CorruptionErrors) -> Result<f64, Incomparable> {
    let added = |of: &CorruptionErrors| of.corrupted.iter().map(|error| error - of.clean).collect::<Vec<f64>>();
    corruption_error(&added(errors), &added(reference))
}

/// mCE: the mean of CE_c over corruptions, of which both are given the same in the same order; 0 or more, 1 errs as much as the reference.
///
/// # Errors
/// As [`corruption_error`], for any corruption: a mean without it would be of another set. Also when there are none, or not as many.
pub fn mean_corruption_error(model: &[CorruptionErrors], reference: &[CorruptionErrors]) -> Result<f64, Incomparable> {
    mean_over(model, reference, |own, theirs| corruption_error(&own.corrupted, &theirs.corrupted))
}

/// Relative mCE: the mean of relative CE_c over corruptions, given as to [`mean_corruption_error`].
///
/// # Errors
/// As [`relative_corruption_error`], for any corruption. Also when there are none, or not as many.
pub fn mean_relative_corruption_error(
    model: &[CorruptionErrors],
    reference: &[CorruptionErrors],
) -> Result<f64, Incomparable> {
    mean_over(model, reference, relative_corruption_error)
}

fn mean_over(
    model: &[CorruptionErrors],
    reference: &[CorruptionErrors],
    of_corruption: impl Fn(&CorruptionErrors, &CorruptionErrors) -> Result<f64, Incomparable>,
) -> Result<f64, Incomparable> {
    if model.len() != reference.len() {
        return Err(Incomparable::Lengths { errors: model.len(), reference: reference.len() });
    }
    let pairs = model.iter().zip(reference);
    let each: Result<Vec<f64>, Incomparable> = pairs.map(|(own, theirs)| of_corruption(own, theirs)).collect();
    mean(each?.into_iter()).ok_or(Incomparable::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(clean: f64, corrupted: &[f64]) -> CorruptionErrors {
        CorruptionErrors { clean, corrupted: corrupted.to_vec() }
    }

    #[test]
    fn each_corruption_counts_the_same() {
        assert_eq!(mean_error(&[vec![0.5], vec![0.0, 0.5]]), Some(0.375));
        assert_eq!(share_kept(0.5, &[vec![0.25], vec![0.5]]), Some(0.75));
        assert_eq!((mean_error(&[]), mean_error(&[vec![]]), share_kept(0.0, &[vec![0.5]])), (None, None, None));
    }

    #[test]
    fn against_the_reference_by_hand() {
        let model = [errors(0.25, &[0.5, 0.75]), errors(0.25, &[0.25, 0.5])];
        let reference = [errors(0.5, &[0.75, 1.0]), errors(0.5, &[0.75, 0.75])];
        // 1.25 / 1.75 and 0.75 / 1.5; 0.75 / 0.75 and 0.25 / 0.5.
        assert!((mean_corruption_error(&model, &reference).unwrap() - (5.0 / 7.0 + 0.5) / 2.0).abs() < 1e-12);
        assert_eq!(mean_relative_corruption_error(&model, &reference), Ok(0.75));
    }

    #[test]
    fn each_corruption_has_what_is_clean_of_its_own_samples() {
        let model = [errors(0.0, &[0.5]), errors(0.5, &[0.75])];
        assert_eq!(mean_relative_corruption_error(&model, &model), Ok(1.0));
        let reference = [errors(0.25, &[0.5]), errors(0.25, &[0.75])];
        // 0.5 / 0.25 and 0.25 / 0.5.
        assert_eq!(mean_relative_corruption_error(&model, &reference), Ok(1.25));
    }

    #[test]
    fn a_reference_without_errors_is_no_measure() {
        assert_eq!(corruption_error(&[0.1], &[0.0]), Err(Incomparable::Reference { sum: 0.0 }));
        let (model, reference) = ([errors(0.1, &[0.2])], [errors(0.3, &[0.3])]);
        assert!(mean_corruption_error(&model, &reference).is_ok());
        assert!(mean_relative_corruption_error(&model, &reference).is_err());
        assert!(matches!(corruption_error(&[], &[]), Err(Incomparable::Nothing)));
        assert!(matches!(corruption_error(&[0.1], &[]), Err(Incomparable::Lengths { .. })));
        assert!(matches!(corruption_error(&[f64::NAN], &[0.1]), Err(Incomparable::NotFinite)));
        assert!(mean_corruption_error(&model, &[]).is_err());
    }
}
