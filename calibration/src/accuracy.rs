//! What the rows of a scored split come to.

use std::collections::BTreeMap;

use edgeval_measure::{
    Confusion, Figure, Measured, auc, bootstrap, calibration_error, resample_clusters, separation, wilson,
};
use serde::Serialize;

use crate::score::{Row, Scored};

/// Resamples of every bootstrap.
const RESAMPLES: usize = 1000;
/// Their seed: the same rows give the same intervals.
const SEED: u64 = 20_240_917;
/// A slice with fewer samples is reported, not ranked.
const RANKED_SAMPLES: usize = 30;

/// How often the model is right. Figures are 0 to 1.
#[derive(Clone, Debug, Serialize)]
pub struct Accuracy {
    /// Where the intervals come from.
    pub interval: &'static str,
    /// Share of right answers.
    pub top1: Measured,
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
    /// Each class.
    pub per_class: Vec<ClassFigures>,
    /// A row for each truth, a column for each prediction.
    pub confusion: Vec<Vec<u64>>,
    /// Each group of each slice key.
    pub slices: Vec<SliceFigures>,
}

/// One class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassFigures {
    /// Its label.
    pub label: String,
    /// Right among those predicted.
    pub precision: Measured,
    /// Right among those that are.
    pub recall: Measured,
    /// Their harmonic mean.
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

/// How far the modalities' embeddings are apart. Distances are 1 − cosine, 0 to 2.
#[derive(Clone, Debug, Serialize)]
pub struct Consistency {
    /// Mean of pairs that belong together.
    pub belonging_distance: Measured,
    /// Mean of pairs of different samples with different labels.
    pub shuffled_distance: Measured,
    /// Probability that a belonging pair is nearer than a shuffled one, ties counting half.
    pub auc: Measured,
}

impl Scored {
    /// How often the model was right, with 95 % intervals: Wilson's where samples are independent, a bootstrap over clusters
    /// where they name theirs.
    #[must_use]
    pub fn accuracy(&self) -> Accuracy {
        let figures = Figures::new(self);
        let of = |pick: fn(&Confusion) -> Option<f64>| figures.of_confusion(pick);
        let all: Vec<usize> = (0..self.rows().len()).collect();
        let confusion = figures.confusion(&all).map(|confusion| confusion.rows().to_vec()).unwrap_or_default();
        Accuracy {
            interval: figures.interval(),
            top1: figures.top1(),
            precision_macro: of(|c| Some(c.macro_average()?.precision)),
            recall_macro: of(|c| Some(c.macro_average()?.recall)),
            f1_macro: of(|c| Some(c.macro_average()?.f1)),
            precision_micro: of(|c| Some(c.micro_average()?.precision)),
            recall_micro: of(|c| Some(c.micro_average()?.recall)),
            f1_micro: of(|c| Some(c.micro_average()?.f1)),
            precision_weighted: of(|c| Some(c.weighted_average()?.precision)),
            recall_weighted: of(|c| Some(c.weighted_average()?.recall)),
            f1_weighted: of(|c| Some(c.weighted_average()?.f1)),
            balanced_accuracy: of(Confusion::balanced_accuracy),
            matthews_correlation: of(Confusion::matthews_correlation),
            ece: figures.of_calibration(|error| error.expected),
            mce: figures.of_calibration(|error| error.maximum),
            per_class: figures.per_class(),
            confusion,
            slices: slices(self.rows()),
        }
    }

    /// How far the modalities' embeddings are apart, where the model gives two.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        let side = |index: usize| -> Option<Vec<Vec<f32>>> {
            self.rows().iter().map(|row| row.prediction.embeddings.get(index).map(|(_, vector)| unit(vector))).collect()
        };
        match (side(0), side(1)) {
            (Some(first), Some(second)) if !first.is_empty() => Figures::new(self).consistency(&first, &second),
            _ => {
                let absent = || Measured::not_measured("the model gives no embeddings of two modalities");
                Consistency { belonging_distance: absent(), shuffled_distance: absent(), auc: absent() }
            }
        }
    }
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 { vector.iter().map(|value| value / length).collect() } else { vector.to_vec() }
}

/// Rows with their resamples.
struct Figures<'a> {
    scored: &'a Scored,
    resamples: Vec<Vec<usize>>,
    clustered: bool,
}

impl<'a> Figures<'a> {
    fn new(scored: &'a Scored) -> Self {
        let rows = scored.rows();
        let clustered = rows.iter().any(|row| row.cluster.is_some());
        let clusters: Vec<&str> = rows.iter().map(|row| row.cluster.as_deref().unwrap_or(&row.id)).collect();
        let resamples = resample_clusters(&clusters, &vec![""; rows.len()], RESAMPLES, SEED);
        Self { scored, resamples, clustered }
    }

    const fn interval(&self) -> &'static str {
        if self.clustered {
            "95 %, bootstrap over clusters, 1000 resamples"
        } else {
            "95 %, Wilson for top-1, bootstrap over samples otherwise, 1000 resamples"
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

    fn of_confusion(&self, pick: impl Fn(&Confusion) -> Option<f64>) -> Measured {
        bootstrap(self.rows().len(), &self.resamples, |indices| pick(&self.confusion(indices)?))
    }

    fn top1(&self) -> Measured {
        if self.clustered {
            return self.of_confusion(Confusion::accuracy);
        }
        let right = self.rows().iter().filter(|row| row.prediction.class == row.truth).count();
        wilson(right as u64, self.rows().len() as u64)
    }

    fn of_calibration(&self, pick: fn(&edgeval_measure::CalibrationError) -> f64) -> Measured {
        bootstrap(self.rows().len(), &self.resamples, |indices| {
            let row = |&index: &usize| &self.rows()[index];
            let confidences: Vec<f64> = indices.iter().map(|i| f64::from(row(i).prediction.confidence)).collect();
            let right: Vec<bool> = indices.iter().map(|i| row(i).prediction.class == row(i).truth).collect();
            calibration_error(&confidences, &right).as_ref().map(pick)
        })
    }

    fn per_class(&self) -> Vec<ClassFigures> {
        let figures = |(class, label): (usize, &String)| ClassFigures {
            label: label.clone(),
            precision: self.of_confusion(|c| c.per_class()[class].precision),
            recall: self.of_confusion(|c| c.per_class()[class].recall),
            f1: self.of_confusion(|c| c.per_class()[class].f1),
            support: self.rows().iter().filter(|row| row.truth == class).count() as u64,
        };
        self.scored.labels().iter().enumerate().map(figures).collect()
    }

    /// A row's pair is held against its own others, so that rows can be resampled.
    fn consistency(&self, first: &[Vec<f32>], second: &[Vec<f32>]) -> Consistency {
        let apart = |i: usize, j: usize| self.rows()[i].truth != self.rows()[j].truth;
        let (belonging, others) = separation(first, second, apart);
        let mean = |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let to_others: Vec<Option<f64>> = others.iter().map(|row| mean(row)).collect();
        let wins: Vec<Option<f64>> = belonging.iter().zip(&others).map(|(own, row)| auc(&[*own], row)).collect();
        let over_rows = |values: &[Option<f64>]| {
            let of = |indices: &[usize]| mean(&indices.iter().filter_map(|&index| values[index]).collect::<Vec<_>>());
            bootstrap(belonging.len(), &self.resamples, of)
        };
        Consistency {
            belonging_distance: over_rows(&belonging.iter().copied().map(Some).collect::<Vec<_>>()),
            shuffled_distance: over_rows(&to_others),
            auc: with_value(over_rows(&wins), auc(&belonging, &others.concat())),
        }
    }
}

/// The whole set's value with the interval of its rows' means: comparing each row's pair with its own others is what can be
/// resampled, comparing every pair with every other is what the figure is.
fn with_value(measured: Measured, value: Option<f64>) -> Measured {
    match (measured, value) {
        (Measured::Figure(figure), Some(value)) => {
            Measured::Figure(Figure { value, low: figure.low.min(value), high: figure.high.max(value), ..figure })
        }
        (measured, _) => measured,
    }
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
        ranked: count >= RANKED_SAMPLES as u64,
    };
    groups.into_iter().map(figures).collect()
}
