//! How far two modalities' embeddings are apart: of pairs that belong together, and of others.

use edgeval_measure::{Figure, Measured, UniformityKernel, auc, separation};
use serde::Serialize;

use crate::pairs::unit_pair;
use crate::resampling::{Drawn, Resampling, bootstrapped, mean};
use crate::{Scored, ScoredPairs, ScoredTexts};

/// A pair is held against so many others on average: all of them would be the square of the samples.
const OTHERS: u64 = 512;
/// Uniformity is taken over so many samples at most, evenly apart: its time is the square of them, in every resample.
const UNIFORM: usize = 200;

/// How far the modalities' embeddings are apart. Distances are 1 − cosine, 0 to 2.
#[derive(Clone, Debug, Serialize)]
pub struct Consistency {
    /// Mean of pairs that belong together.
    pub belonging_distance: Measured,
    /// Mean of pairs of different samples that don't.
    pub shuffled_distance: Measured,
    /// Probability that a belonging pair is nearer than a shuffled one, ties counting half.
    pub auc: Measured,
    /// Mean squared distance of pairs that belong together, 0 to 4 (Wang & Isola 2020).
    pub alignment: Measured,
    /// How evenly the first modality uses the sphere, −8 to 0 nats, less is better (Wang & Isola 2020).
    pub uniformity_first: Measured,
    /// The same of the second.
    pub uniformity_second: Measured,
    /// How far the modalities' centres are apart, 0 to 2 (Liang et al. 2022).
    pub modality_gap: Measured,
}

/// One sample's two embeddings, of length 1.
#[derive(Clone, Debug)]
pub(crate) struct EmbeddedRow<'a> {
    drawn: Drawn<'a>,
    pair: (Vec<f32>, Vec<f32>),
    /// Samples with the same aren't compared: their pairs may well be near.
    meaning: &'a str,
}

impl<'a> EmbeddedRow<'a> {
    pub const fn new(drawn: Drawn<'a>, pair: (Vec<f32>, Vec<f32>), meaning: &'a str) -> Self {
        Self { drawn, pair, meaning }
    }
}

impl Consistency {
    /// Of rows of embeddings; without any they can't be measured.
    pub(crate) fn new(rows: &[EmbeddedRow<'_>]) -> Self {
        let (first, second): (Vec<Vec<f32>>, Vec<Vec<f32>>) = rows.iter().map(|row| row.pair.clone()).unzip();
        let resampling = Resampling::new(rows.iter().map(|row| row.drawn));
        let figures = Figures { rows, first: &first, second: &second, resampling };
        let (belonging, others) = figures.distances();
        let to_others: Vec<Option<f64>> = others.iter().map(|row| mean(row.iter().copied())).collect();
        let wins: Vec<Option<f64>> = belonging.iter().zip(&others).map(|(own, row)| auc(&[*own], row)).collect();
        // Row by row: the centres' difference is the differences' centre.
        let differences: Vec<Vec<f64>> = first.iter().zip(&second).map(|(a, b)| difference(a, b)).collect();
        Self {
            belonging_distance: figures.of_means(&belonging.iter().copied().map(Some).collect::<Vec<_>>()),
            shuffled_distance: figures.of_means(&to_others),
            auc: with_value(figures.of_means(&wins), auc(&belonging, &others.concat())),
            alignment: figures.of_means(&differences.iter().map(|row| Some(squared_length(row))).collect::<Vec<_>>()),
            uniformity_first: figures.uniformity(&first),
            uniformity_second: figures.uniformity(&second),
            modality_gap: figures.of(|indices| Some(squared_length(&mean_row(&differences, indices)?).sqrt())),
        }
    }
}

impl Scored {
    /// How far the modalities' embeddings are apart, over the samples of which the model gives two. Samples with the same label aren't compared.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        let rows = self.rows().iter().filter_map(|row| {
            let pair = unit_pair(&row.prediction.embeddings)?;
            Some(EmbeddedRow::new(self.drawn(row), pair, &self.labels()[row.truth]))
        });
        Consistency::new(&rows.collect::<Vec<_>>())
    }
}

impl ScoredTexts {
    /// The same; samples with the same first reference aren't compared.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        let rows = self.rows().iter().filter_map(|row| {
            let pair = unit_pair(&row.embeddings)?;
            Some(EmbeddedRow::new(row.into(), pair, row.references.first().unwrap_or(&row.id)))
        });
        Consistency::new(&rows.collect::<Vec<_>>())
    }
}

impl ScoredPairs {
    /// The same; all samples are compared.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        let rows = self
            .rows()
            .iter()
            .map(|row| EmbeddedRow::new(row.into(), (row.first.clone(), row.second.clone()), &row.id));
        Consistency::new(&rows.collect::<Vec<_>>())
    }
}

struct Figures<'a> {
    rows: &'a [EmbeddedRow<'a>],
    first: &'a [Vec<f32>],
    second: &'a [Vec<f32>],
    resampling: Resampling,
}

impl Figures<'_> {
    /// Of the pairs, and for each row of its first to seconds of others. A row's pair is held against its own others, so that rows can be resampled.
    fn distances(&self) -> (Vec<f64>, Vec<Vec<f64>>) {
        let apart =
            |i: usize, j: usize| self.rows[i].meaning != self.rows[j].meaning && is_drawn(i, j, self.rows.len());
        separation(self.first, self.second, apart)
    }

    fn of(&self, statistic: impl Fn(&[usize]) -> Option<f64> + Sync) -> Measured {
        if self.rows.is_empty() {
            return Measured::not_measured("there is no sample of which the model gives embeddings of two modalities");
        }
        bootstrapped(self.rows.len(), &self.resampling, statistic)
    }

    /// The mean over samples; one without a value is left out.
    fn of_means(&self, values: &[Option<f64>]) -> Measured {
        self.of(|indices| mean(indices.iter().filter_map(|&index| values[index])))
    }

    /// In a resample a row that was drawn twice would lie on itself, which no two samples do: each row counts once.
    fn uniformity(&self, side: &[Vec<f32>]) -> Measured {
        let step = side.len().div_ceil(UNIFORM).max(1);
        let looked_at: Vec<Vec<f32>> = side.iter().step_by(step).cloned().collect();
        let kernel = UniformityKernel::new(&looked_at);
        let places: Vec<Option<usize>> =
            (0..side.len()).map(|index| index.is_multiple_of(step).then_some(index / step)).collect();
        self.of(|indices| kernel.as_ref()?.of(indices.iter().filter_map(|&index| places[index])))
    }
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect()
}

fn squared_length(row: &[f64]) -> f64 {
    row.iter().map(|value| value * value).sum()
}

/// The mean of some rows; `None` without any.
fn mean_row(rows: &[Vec<f64>], indices: &[usize]) -> Option<Vec<f64>> {
    let mut times = vec![0.0; rows.len()];
    indices.iter().for_each(|&index| times[index] += 1.0);
    let mut sum = vec![0.0; rows.first()?.len()];
    for (row, times) in rows.iter().zip(times).filter(|(_, times)| *times > 0.0) {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += times * value);
    }
    (!indices.is_empty()).then(|| sum.into_iter().map(|sum| sum / indices.len() as f64).collect())
}

/// Whether a pair is among those that are compared: all of up to [`OTHERS`] samples, else a fixed draw that no order of the
/// samples can meet (SplitMix64's finaliser of the pair's number).
const fn is_drawn(i: usize, j: usize, samples: usize) -> bool {
    if samples as u64 <= OTHERS {
        return true;
    }
    let mut mixed = (i as u64).wrapping_mul(samples as u64).wrapping_add(j as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % (samples as u64) < OTHERS
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
