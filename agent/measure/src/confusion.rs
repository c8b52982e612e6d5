//! Classification: the confusion matrix and what follows from it. Agrees with scikit-learn.

use serde::{Deserialize, Serialize};

/// Why there can be no confusion matrix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfusionError {
    /// Truths and predictions aren't pairs.
    #[error("{truths} truths and {predictions} predictions: they must be as many")]
    Lengths {
        /// How many truths.
        truths: usize,
        /// How many predictions.
        predictions: usize,
    },
    /// A class isn't one.
    #[error("class {class} of sample {sample}: there are {classes} classes, from 0")]
    Class {
        /// Which sample.
        sample: usize,
        /// Its class.
        class: usize,
        /// How many classes there are.
        classes: usize,
    },
}

/// How often each class was taken for each: a row for each truth, a column for each prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    rows: Vec<Vec<u64>>,
}

/// Precision, recall and F1 of a class, each 0 to 1; `None` where undefined: precision of a class never predicted,
/// recall of one that never occurs, F1 of one that does neither.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Right among those predicted.
    pub precision: Option<f64>,
    /// Right among those that are.
    pub recall: Option<f64>,
    /// Harmonic mean: 2·TP / (2·TP + FP + FN).
    pub f1: Option<f64>,
    /// Samples of the class.
    pub support: u64,
}

/// Averages over classes, 0 to 1. An undefined class figure counts as 0, as scikit-learn's `zero_division=0`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Averaged precision.
    pub precision: f64,
    /// Averaged recall.
    pub recall: f64,
    /// Averaged F1.
    pub f1: f64,
}

/// What a confusion matrix comes to, each as the method of [`Confusion`] of its name.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionSummary {
    /// Share of right predictions.
    pub accuracy: Option<f64>,
    /// The plain mean over classes.
    pub macro_average: Option<Scores>,
    /// The mean over classes weighted by their samples.
    pub weighted_average: Option<Scores>,
    /// Mean recall of the classes that occur.
    pub balanced_accuracy: Option<f64>,
    /// Matthews's correlation.
    pub matthews_correlation: Option<f64>,
    /// Each class.
    pub per_class: Vec<ClassScores>,
}

impl Confusion {
    /// Counts pairs of truth and prediction, classes from 0 to `classes` − 1.
    ///
    /// # Errors
    /// When they aren't as many, or a class is out of range.
    pub fn new(truths: &[usize], predictions: &[usize], classes: usize) -> Result<Self, ConfusionError> {
        if truths.len() != predictions.len() {
            return Err(ConfusionError::Lengths { truths: truths.len(), predictions: predictions.len() });
        }
        let mut rows = vec![vec![0; classes]; classes];
        for (sample, (&truth, &prediction)) in truths.iter().zip(predictions).enumerate() {
            let class = truth.max(prediction);
            if class >= classes {
                return Err(ConfusionError::Class { sample, class, classes });
            }
            rows[truth][prediction] += 1;
        }
        Ok(Self { rows })
    }

    /// The counts: a row for each truth, a column for each prediction.
    #[must_use]
    pub fn rows(&self) -> &[Vec<u64>] {
        &self.rows
    }

    /// How many pairs were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.iter().flatten().sum()
    }

    fn right(&self) -> u64 {
        (0..self.rows.len()).map(|class| self.rows[class][class]).sum()
    }

    /// How often each class was predicted.
    fn predicted(&self) -> Vec<u64> {
        let mut sums = vec![0; self.rows.len()];
        for row in &self.rows {
            sums.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
        sums
    }

    /// How often each class occurs.
    fn supports(&self) -> Vec<u64> {
        self.rows.iter().map(|row| row.iter().sum()).collect()
    }

    /// All of the below at once, for less work than each alone.
    #[must_use]
    pub fn summary(&self) -> ConfusionSummary {
        let per_class = self.per_class();
        ConfusionSummary {
            accuracy: self.accuracy(),
            macro_average: macro_average(&per_class),
            weighted_average: average(&per_class, |scores| scores.support as f64),
            balanced_accuracy: mean_recall(&per_class),
            matthews_correlation: self.matthews_correlation(),
            per_class,
        }
    }

    /// Share of right predictions; `None` without samples.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.right(), self.total())
    }

    /// Each class's precision, recall and F1.
    #[must_use]
    pub fn per_class(&self) -> Vec<ClassScores> {
        let sides = self.predicted().into_iter().zip(self.supports());
        let scores = |(class, (predicted, support)): (usize, (u64, u64))| {
            let right = self.rows[class][class];
            ClassScores {
                precision: ratio(right, predicted),
                recall: ratio(right, support),
                f1: ratio(2 * right, predicted + support),
                support,
            }
        };
        sides.enumerate().map(scores).collect()
    }

    /// The plain mean over the classes that occur or were predicted, as scikit-learn's without `labels`; `None` without samples.
    #[must_use]
    pub fn macro_average(&self) -> Option<Scores> {
        macro_average(&self.per_class())
    }

    /// The mean over classes weighted by their samples; `None` without samples.
    #[must_use]
    pub fn weighted_average(&self) -> Option<Scores> {
        average(&self.per_class(), |scores| scores.support as f64)
    }

    /// Over all decisions together. With one label a sample all three are the accuracy.
    #[must_use]
    pub fn micro_average(&self) -> Option<Scores> {
        self.accuracy().map(|share| Scores { precision: share, recall: share, f1: share })
    }

    /// Mean recall of the classes that occur; `None` without samples. As `balanced_accuracy_score`.
    #[must_use]
    pub fn balanced_accuracy(&self) -> Option<f64> {
        mean_recall(&self.per_class())
    }

    /// Matthews's correlation for many classes (Gorodkin 2004), −1 to 1; 0 where a side has one class alone, as
    /// `matthews_corrcoef`. `None` without samples.
    #[must_use]
    pub fn matthews_correlation(&self) -> Option<f64> {
        let total = self.total() as f64;
        let of_sides = |first: &[u64], second: &[u64]| -> f64 {
            first.iter().zip(second).map(|(p, t)| *p as f64 * *t as f64).sum()
        };
        let (predictions, supports) = (self.predicted(), self.supports());
        let products = of_sides(&predictions, &supports);
        let (predicted, true_) = (of_sides(&predictions, &predictions), of_sides(&supports, &supports));
        let spread = (total * total - predicted) * (total * total - true_);
        let covariance = self.right() as f64 * total - products;
        (total > 0.0).then(|| if spread > 0.0 { covariance / libm::sqrt(spread) } else { 0.0 })
    }
}

/// A class that neither occurs nor was predicted says nothing of the model.
fn macro_average(classes: &[ClassScores]) -> Option<Scores> {
    let occurs = |scores: &ClassScores| scores.precision.is_some() || scores.recall.is_some();
    average(classes, |scores| if occurs(scores) { 1.0 } else { 0.0 })
}

fn average(classes: &[ClassScores], weight: impl Fn(&ClassScores) -> f64) -> Option<Scores> {
    let sum: f64 = classes.iter().map(&weight).sum();
    let is_seen = classes.iter().any(|scores| scores.support > 0);
    let mean = |pick: fn(&ClassScores) -> Option<f64>| {
        classes.iter().map(|scores| pick(scores).unwrap_or(0.0) * weight(scores)).sum::<f64>() / sum
    };
    (is_seen && sum > 0.0).then(|| Scores {
        precision: mean(|scores| scores.precision),
        recall: mean(|scores| scores.recall),
        f1: mean(|scores| scores.f1),
    })
}

fn mean_recall(classes: &[ClassScores]) -> Option<f64> {
    let recalls: Vec<f64> = classes.iter().filter_map(|scores| scores.recall).collect();
    (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64)
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_case_by_hand() {
        let confusion = Confusion::new(&[0, 0, 1, 1, 2], &[0, 1, 1, 1, 0], 3).unwrap();
        assert_eq!(confusion.rows(), [[1, 1, 0], [0, 2, 0], [1, 0, 0]]);
        assert_eq!(confusion.accuracy(), Some(0.6));
        let classes = confusion.per_class();
        assert_eq!((classes[0].precision, classes[0].recall), (Some(0.5), Some(0.5)));
        assert_eq!((classes[1].precision, classes[1].f1), (Some(2.0 / 3.0), Some(0.8)));
        assert_eq!((classes[2].precision, classes[2].recall, classes[2].f1), (None, Some(0.0), Some(0.0)));
        assert_eq!(confusion.macro_average().unwrap().recall, 0.5);
    }

    #[test]
    fn a_summary_says_the_same() {
        for pairs in [vec![(0, 0), (0, 1), (1, 1), (1, 1), (2, 0)], vec![(3, 3)], vec![]] {
            let (truths, predictions): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
            let confusion = Confusion::new(&truths, &predictions, 4).unwrap();
            let expected = ConfusionSummary {
                accuracy: confusion.accuracy(),
                macro_average: confusion.macro_average(),
                weighted_average: confusion.weighted_average(),
                balanced_accuracy: confusion.balanced_accuracy(),
                matthews_correlation: confusion.matthews_correlation(),
                per_class: confusion.per_class(),
            };
            assert_eq!(confusion.summary(), expected);
        }
    }

    #[test]
    fn no_samples_have_no_figures() {
        let confusion = Confusion::new(&[], &[], 3).unwrap();
        assert_eq!(
            (confusion.accuracy(), confusion.macro_average(), confusion.matthews_correlation()),
            (None, None, None)
        );
    }

    #[test]
    fn one_class_alone_correlates_with_nothing() {
        let confusion = Confusion::new(&[1, 1], &[1, 1], 2).unwrap();
        assert_eq!((confusion.accuracy(), confusion.matthews_correlation()), (Some(1.0), Some(0.0)));
    }

    #[test]
    fn what_isn_t_a_pair_is_refused() {
        assert!(Confusion::new(&[0], &[], 1).is_err());
        assert!(Confusion::new(&[0], &[1], 1).is_err());
    }
}
