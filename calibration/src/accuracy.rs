//! What the rows of a scored split come to.

use std::collections::BTreeMap;

use edgeval_measure::{
    CalibrationError, ClassScores, Confusion, ConfusionSummary, Figure, Measured, RANKED_SAMPLES, ReliabilityBin,
    Resampled, brier_score, calibration_error, negative_log_likelihood, reliability_bins, top_k_accuracy, wilson,
};
use serde::Serialize;

use crate::resampling::{RESAMPLES, Resampling, bootstrapped, mean, mean_score, widest};
use crate::score::{Row, Scored};

/// How many of the most probable classes `top5` looks at.
const FIRST_FEW: usize = 5;

/// How often the model is right. Figures are 0 to 1.
#[derive(Clone, Debug, Serialize)]
pub struct Accuracy {
    /// Where the intervals come from.
    pub interval: String,
    /// Share of right answers.
    pub top1: Measured,
    /// Share of samples whose label is among the five most probable classes; of models with more classes than that.
    pub top5: Measured,
    /// Mean of the classes' precision.
    pub precision_macro: Measured,
    /// Mean of the classes' recall.
    pub recall_macro: Measured,
    /// Mean of the classes' F1.
    pub f1_macro: Measured,
    /// Precision over all decisions.
    pub precision_micro: Measured,
    /// Recall over all decisions.
    pub recall_micro: Measured,
    /// F1 over all decisions.
    pub f1_micro: Measured,
    /// Precision, weighted by the classes' samples.
    pub precision_weighted: Measured,
    /// Recall, weighted by the classes' samples.
    pub recall_weighted: Measured,
    /// F1, weighted by the classes' samples.
    pub f1_weighted: Measured,
    /// Mean recall of the classes that occur.
    pub balanced_accuracy: Measured,
    /// Matthews's correlation, −1 to 1.
    pub matthews_correlation: Measured,
    /// Expected calibration error, 15 equal bins.
    pub ece: Measured,
    /// Maximum calibration error.
    pub mce: Measured,
    /// What both sum up: confidence against accuracy, 15 equal bins and one for certainty.
    pub reliability: Vec<ReliabilityBin>,
    /// Brier's score, 0 to 2: Σ (p − y)² over classes.
    pub brier: Measured,
    /// Mean negative log-likelihood of the right class, in nats.
    pub nll: Measured,
    /// Each class.
    pub per_class: Vec<ClassFigures>,
    /// A row for each truth, a column for each prediction.
    pub confusion: Vec<Vec<u64>>,
    /// Each group of each slice key.
    pub slices: Vec<SliceFigures>,
}

/// One class. Each figure's count is that of the samples that it is made of.
#[derive(Clone, Debug, Serialize)]
pub struct ClassFigures {
    /// Its label.
    pub label: String,
    /// Right among those predicted.
    pub precision: Measured,
    /// Right among those that are.
    pub recall: Measured,
    /// Their harmonic mean, of samples that are or were predicted.
    pub f1: Measured,
    /// Samples of the class.
    pub support: u64,
}

/// One group of samples.
#[derive(Clone, Debug, Serialize)]
pub struct SliceFigures {
    /// What groups them, such as `speaker`.
    pub key: String,
    /// Which group.
    pub value: String,
    /// Share of right answers, with Wilson's interval.
    pub top1: Measured,
    /// Whether it has the 30 samples that a ranking needs.
    pub ranked: bool,
}

impl Scored {
    /// How often the model was right, with 95 % intervals: Wilson's where samples are independent, a bootstrap over clusters
    /// where they name theirs. A rate's (top-1, top-5, a class's precision and recall) is never narrower than Wilson's: samples that aren't
    /// independent tell less, not more, though no resample of samples that are all right shows it.
    #[must_use]
    pub fn accuracy(&self) -> Accuracy {
        let figures = Figures::new(self);
        let confusions = figures.confusions();
        let calibration = figures.calibration();
        let of = |pick: fn(&ConfusionSummary) -> Option<f64>| {
            never_certain(confusions.figure(|summary| pick(summary.as_ref()?)))
        };
        let of_calibration = |pick: fn(&CalibrationError) -> f64| calibration.figure(|error| error.as_ref().map(pick));
        let all: Vec<usize> = (0..self.rows().len()).collect();
        let confusion = figures.confusion(&all).map(|confusion| confusion.rows().to_vec()).unwrap_or_default();
        let top1 = figures.top1(&confusions);
        Accuracy {
            interval: figures.interval(),
            precision_macro: of(|c| Some(c.macro_average?.precision)),
            recall_macro: of(|c| Some(c.macro_average?.recall)),
            f1_macro: of(|c| Some(c.macro_average?.f1)),
            // With one label a sample all three are top-1.
            precision_micro: top1.clone(),
            recall_micro: top1.clone(),
            f1_micro: top1.clone(),
            top1,
            top5: figures.top5(),
            precision_weighted: of(|c| Some(c.weighted_average?.precision)),
            recall_weighted: of(|c| Some(c.weighted_average?.recall)),
            f1_weighted: of(|c| Some(c.weighted_average?.f1)),
            balanced_accuracy: of(|c| c.balanced_accuracy),
            matthews_correlation: confusions.figure(|summary| summary.as_ref()?.matthews_correlation),
            ece: of_calibration(|error| error.expected),
            mce: of_calibration(|error| error.maximum),
            reliability: figures.reliability(&all),
            brier: figures.of_probabilities(brier_score),
            nll: figures.of_probabilities(negative_log_likelihood),
            per_class: figures.per_class(&confusions),
            confusion,
            slices: slices(self.rows()),
        }
    }
}

/// A figure that is 1, or 0, in all resamples has as many rights, or wrongs, as there are samples: no resample shows another.
fn never_certain(figure: Measured) -> Measured {
    let certain = match figure.figure() {
        Some(found) if found.low == 1.0 => wilson(found.n, found.n),
        Some(found) if found.low == 0.0 && found.high == 0.0 => wilson(0, found.n),
        _ => return figure,
    };
    widest(figure, &certain)
}

/// What the matrices of all rows and of each resample come to; none where they can't be counted.
type Confusions = Resampled<Option<ConfusionSummary>>;

/// Rows with their resamples.
struct Figures<'a> {
    scored: &'a Scored,
    resampling: Resampling,
}

impl<'a> Figures<'a> {
    fn new(scored: &'a Scored) -> Self {
        Self { scored, resampling: Resampling::new(scored.rows().iter().map(|row| scored.drawn(row))) }
    }

    fn interval(&self) -> String {
        let drawn = self.resampling.drawn();
        match self.resampling.clusters {
            Some(_) => format!("95 %, bootstrap over {drawn}, {RESAMPLES} resamples; Wilson for slices"),
            None if self.resampling.is_one_cluster => format!(
                "95 %, of this one cluster alone: Wilson for top-1 and top-5, bootstrap over {drawn} otherwise, {RESAMPLES} resamples"
            ),
            None => format!(
                "95 %, Wilson for top-1, top-5 and slices, bootstrap over {drawn} otherwise, {RESAMPLES} resamples"
            ),
        }
    }

    fn rows(&self) -> &[Row] {
        self.scored.rows()
    }

    fn confusion(&self, indices: &[usize]) -> Option<Confusion> {
        let (truths, predictions): (Vec<usize>, Vec<usize>) =
            indices.iter().map(|&index| (self.rows()[index].truth, self.rows()[index].prediction.class)).unzip();
        Confusion::new(&truths, &predictions, self.scored.labels().len()).ok()
    }

    /// One matrix a resample serves all the figures that are taken from it.
    fn confusions(&self) -> Confusions {
        let summary = |indices: &[usize]| Some(self.confusion(indices)?.summary());
        Resampled::new(self.rows().len(), &self.resampling.resamples, summary)
    }

    fn top1(&self, confusions: &Confusions) -> Measured {
        let independent = self.rate(|_| true, |row| row.prediction.class == row.truth);
        let resampled = || confusions.figure(|summary| summary.as_ref()?.accuracy);
        if self.resampling.clusters.is_some() { widest(resampled(), &independent) } else { independent }
    }

    fn top5(&self) -> Measured {
        if self.scored.labels().len() <= FIRST_FEW {
            return Measured::not_measured("the model has five classes or fewer: the right one is always among five");
        }
        let among = |row: &Row| top_k_accuracy(&[wide(row)], &[row.truth], FIRST_FEW);
        mean_score(&self.rows().iter().filter_map(among).collect::<Vec<f64>>(), &self.resampling)
    }

    /// Wilson's: how many of some rows are so.
    fn rate(&self, of: impl Fn(&Row) -> bool, is: impl Fn(&Row) -> bool) -> Measured {
        let all: Vec<&Row> = self.rows().iter().filter(|row| of(row)).collect();
        wilson(all.iter().filter(|row| is(row)).count() as u64, all.len() as u64)
    }

    fn of_probabilities(&self, score: fn(&[Vec<f64>], &[usize]) -> Option<f64>) -> Measured {
        let each = |row: &Row| score(&[wide(row)], &[row.truth]);
        let values: Vec<Option<f64>> = self.rows().iter().map(each).collect();
        self.of_means(&values)
    }

    /// The mean over samples; one without a value is left out.
    fn of_means(&self, values: &[Option<f64>]) -> Measured {
        let of = |indices: &[usize]| mean(indices.iter().filter_map(|&index| values[index]));
        bootstrapped(values.len(), &self.resampling, of)
    }

    fn calibration(&self) -> Resampled<Option<CalibrationError>> {
        Resampled::new(self.rows().len(), &self.resampling.resamples, |indices| {
            let (confidences, right) = self.sureness(indices);
            calibration_error(&confidences, &right)
        })
    }

    fn reliability(&self, indices: &[usize]) -> Vec<ReliabilityBin> {
        let (confidences, right) = self.sureness(indices);
        reliability_bins(&confidences, &right)
    }

    /// How sure the model was of each, and whether it was right.
    fn sureness(&self, indices: &[usize]) -> (Vec<f64>, Vec<bool>) {
        let of = |row: &Row| (f64::from(row.prediction.confidence), row.prediction.class == row.truth);
        indices.iter().map(|&index| of(&self.rows()[index])).unzip()
    }

    fn per_class(&self, confusions: &Confusions) -> Vec<ClassFigures> {
        let of = |class: usize, pick: fn(&ClassScores) -> Option<f64>| {
            confusions.figure(|summary| pick(summary.as_ref()?.per_class.get(class)?))
        };
        let count = |of: &dyn Fn(&Row) -> bool| self.rows().iter().filter(|row| of(row)).count() as u64;
        let figures = |(class, label): (usize, &String)| ClassFigures {
            label: label.clone(),
            precision: widest(
                self.rate(|row| row.prediction.class == class, |row| row.truth == class),
                &of(class, |scores| scores.precision),
            ),
            recall: widest(
                self.rate(|row| row.truth == class, |row| row.prediction.class == class),
                &of(class, |scores| scores.recall),
            ),
            f1: of(class, |scores| scores.f1)
                .map(|figure| Figure { n: count(&|row| [row.truth, row.prediction.class].contains(&class)), ..figure }),
            support: count(&|row| row.truth == class),
        };
        self.scored.labels().iter().enumerate().map(figures).collect()
    }
}

fn wide(row: &Row) -> Vec<f64> {
    row.prediction.probabilities.iter().map(|p| f64::from(*p)).collect()
}

fn slices(rows: &[Row]) -> Vec<SliceFigures> {
    let mut groups: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for row in rows {
        for (key, value) in &row.slices {
            let (right, count) = groups.entry((key, value)).or_default();
            *right += u64::from(row.prediction.class == row.truth);
            *count += 1;
        }
    }
    let figures = |((key, value), (right, count)): ((&str, &str), (u64, u64))| SliceFigures {
        key: key.to_owned(),
        value: value.to_owned(),
        top1: wilson(right, count),
        ranked: count >= RANKED_SAMPLES,
    };
    groups.into_iter().map(figures).collect()
}
