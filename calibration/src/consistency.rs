//! How far two modalities' embeddings are apart: of pairs that belong together, and of others.

use edgeval_measure::{Measured, Separation, UniformityKernel, within_0_and_1};
use serde::Serialize;

use crate::pairs::unit_pair;
use crate::resampling::{Drawn, Resampling, bootstrapped, mean, mean_score};
use crate::{Scored, ScoredPairs, ScoredTexts};

/// A pair is held against so many others on average: all of them would be the square of the samples.
const OTHERS: u64 = 512;
/// Uniformity is taken over so many samples at most, drawn: its time is the square of them, in every resample.
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
        let figures = Figures::of_rows(rows.iter());
        let apart = |i: usize, j: usize| rows[i].meaning != rows[j].meaning && is_drawn(i, j, rows.len());
        let separation = Separation::new(&first, &second, apart).unwrap_or_default();
        // Row by row: the centres' difference is the differences' centre.
        let differences: Vec<Vec<f64>> = first.iter().zip(&second).map(|(a, b)| difference(a, b)).collect();
        let lengths: Vec<f64> = differences.iter().map(|row| squared_length(row)).collect();
        let [uniformity_first, uniformity_second] = uniformity(rows, [&first, &second]);
        Self {
            belonging_distance: figures.mean(&separation.belonging),
            shuffled_distance: figures.of_shuffled(&separation.shuffled),
            // Terms lie outside 0 to 1, too.
            auc: within_0_and_1(&figures.of_shuffled(&separation.wins)),
            alignment: figures.mean(&lengths),
            uniformity_first,
            uniformity_second,
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

/// Of so many rows.
struct Figures {
    rows: usize,
    resampling: Resampling,
}

impl Figures {
    fn of_rows<'a>(rows: impl ExactSizeIterator<Item = &'a EmbeddedRow<'a>>) -> Self {
        Self { rows: rows.len(), resampling: Resampling::new(rows.map(|row| row.drawn)) }
    }

    fn of(&self, statistic: impl Fn(&[usize]) -> Option<f64> + Sync) -> Measured {
        if self.rows == 0 {
            return Measured::not_measured(
                "there is no sample of which the model gives embeddings of two modalities, of one width and with a direction",
            );
        }
        bootstrapped(self.rows, &self.resampling, statistic)
    }

    /// The mean of rows' values; undefined where there are none.
    fn mean(&self, values: &[f64]) -> Measured {
        self.of(|indices| mean(indices.iter().filter_map(|&index| values.get(index).copied())))
    }

    /// The mean of rows' terms. Where all pairs are told apart it is a rate, and no resample would show that another pair may not be.
    fn of_shuffled(&self, terms: &[f64]) -> Measured {
        match terms {
            [] if self.rows > 1 => Measured::not_measured("all samples mean the same: there are no shuffled pairs"),
            [] => self.of(|_| None),
            terms => mean_score(terms, &self.resampling),
        }
    }
}

/// Of both sides, over a draw of the rows.
fn uniformity(rows: &[EmbeddedRow<'_>], sides: [&[Vec<f32>]; 2]) -> [Measured; 2] {
    let mut drawn: Vec<usize> = (0..rows.len()).collect();
    drawn.sort_unstable_by_key(|&row| mixed(row as u64));
    drawn.truncate(UNIFORM);
    let figures = Figures::of_rows(drawn.iter().map(|&row| &rows[row]));
    sides.map(|side| {
        let kernel = UniformityKernel::new(&drawn.iter().map(|&row| side[row].clone()).collect::<Vec<_>>());
        figures.of(|indices| kernel.as_ref()?.of(indices.iter().copied()))
    })
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

/// Whether a pair is among those that are compared: all of up to [`OTHERS`] samples, else a fixed draw.
const fn is_drawn(i: usize, j: usize, samples: usize) -> bool {
    let pair = (i as u64).wrapping_mul(samples as u64).wrapping_add(j as u64);
    samples as u64 <= OTHERS || mixed(pair) % (samples as u64) < OTHERS
}

/// What a fixed draw goes by, that no order of the samples can meet: SplitMix64's first number (Steele, Lea & Flood 2014), from this seed.
const fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
