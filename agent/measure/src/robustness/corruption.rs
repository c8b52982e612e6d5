//! Errors under corruptions, alone and against a reference model's (Hendrycks & Dietterich 2019, "Benchmarking Neural Network
//! Robustness to Common Corruptions and Perturbations").

use crate::vectors::mean;

/// A sum this small is rounding: nothing to divide by.
const ZERO: f64 = 1e-12;

/// A model's errors, each 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorTable {
    /// On what wasn't corrupted.
    pub clean: f64,
    /// A row for each corruption, a column for each severity.
    pub corrupted: Vec<Vec<f64>>,
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

/// Relative CE_c = Σₛ (E(s, c) − E_clean) / Σₛ (E_ref(s, c) − E_ref,clean) of one corruption: what it adds to the error, against
/// what it adds to the reference's. Negative when it helps.
///
/// # Errors
/// As [`corruption_error`]; also when the corruption doesn't add to the reference's error.
pub fn relative_corruption_error(
    errors: &[f64],
    clean: f64,
    reference: &[f64],
    reference_clean: f64,
) -> Result<f64, Incomparable> {
    let over = |errors: &[f64], clean: f64| errors.iter().map(|error| error - clean).collect::<Vec<f64>>();
    corruption_error(&over(errors, clean), &over(reference, reference_clean))
}

/// mCE: the mean of CE_c over corruptions.
///
/// # Errors
/// As [`corruption_error`], for any corruption: a mean without it would be of another set.
pub fn mean_corruption_error(model: &ErrorTable, reference: &ErrorTable) -> Result<f64, Incomparable> {
    mean_over(model, reference, corruption_error)
}

/// Relative mCE: the mean of relative CE_c over corruptions.
///
/// # Errors
/// As [`relative_corruption_error`], for any corruption.
pub fn mean_relative_corruption_error(model: &ErrorTable, reference: &ErrorTable) -> Result<f64, Incomparable> {
    mean_over(model, reference, |own, theirs| relative_corruption_error(own, model.clean, theirs, reference.clean))
}

fn mean_over(
    model: &ErrorTable,
    reference: &ErrorTable,
    of_corruption: impl Fn(&[f64], &[f64]) -> Result<f64, Incomparable>,
) -> Result<f64, Incomparable> {
    let (errors, theirs) = (model.corrupted.len(), reference.corrupted.len());
    if errors != theirs {
        return Err(Incomparable::Lengths { errors, reference: theirs });
    }
    let pairs = model.corrupted.iter().zip(&reference.corrupted);
    let each: Result<Vec<f64>, Incomparable> = pairs.map(|(own, theirs)| of_corruption(own, theirs)).collect();
    mean(each?.into_iter()).ok_or(Incomparable::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(clean: f64, corrupted: &[&[f64]]) -> ErrorTable {
        ErrorTable { clean, corrupted: corrupted.iter().map(|row| row.to_vec()).collect() }
    }

    #[test]
    fn each_corruption_counts_the_same() {
        assert_eq!(mean_error(&[vec![0.5], vec![0.0, 0.5]]), Some(0.375));
        assert_eq!(share_kept(0.5, &[vec![0.25], vec![0.5]]), Some(0.75));
        assert_eq!((mean_error(&[]), mean_error(&[vec![]]), share_kept(0.0, &[vec![0.5]])), (None, None, None));
    }

    #[test]
    fn against_the_reference_by_hand() {
        let (model, reference) =
            (table(0.25, &[&[0.5, 0.75], &[0.25, 0.5]]), table(0.5, &[&[0.75, 1.0], &[0.75, 0.75]]));
        // 1.25 / 1.75 and 0.75 / 1.5; 0.75 / 0.75 and 0.25 / 0.5.
        assert!((mean_corruption_error(&model, &reference).unwrap() - (5.0 / 7.0 + 0.5) / 2.0).abs() < 1e-12);
        assert_eq!(mean_relative_corruption_error(&model, &reference), Ok(0.75));
    }

    #[test]
    fn a_reference_without_errors_is_no_measure() {
        assert_eq!(corruption_error(&[0.1], &[0.0]), Err(Incomparable::Reference { sum: 0.0 }));
        let (model, reference) = (table(0.1, &[&[0.2]]), table(0.3, &[&[0.3]]));
        assert!(mean_corruption_error(&model, &reference).is_ok());
        assert!(mean_relative_corruption_error(&model, &reference).is_err());
        assert!(matches!(corruption_error(&[], &[]), Err(Incomparable::Nothing)));
        assert!(matches!(corruption_error(&[0.1], &[]), Err(Incomparable::Lengths { .. })));
        assert!(matches!(corruption_error(&[f64::NAN], &[0.1]), Err(Incomparable::NotFinite)));
        assert!(mean_corruption_error(&model, &table(0.1, &[])).is_err());
    }
}
