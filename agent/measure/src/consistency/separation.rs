//! How well pairs that belong together are told from shuffled ones.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::vectors::{product, products};

/// Rows are summed up in so many parts at most: how many there are decides the last bits, so it mustn't hang on the cores.
const PARTS: usize = 16;

/// Probability that a value of `high` exceeds one of `low`, ties counting half, 0 to 1 (the area under the ROC curve;
/// scikit-learn's `roc_auc_score`). Infinite values have their places. `None` when either is empty or holds what isn't a number.
#[must_use]
pub fn auc(low: &[f64], high: &[f64]) -> Option<f64> {
    if low.is_empty() || high.is_empty() || low.iter().chain(high).any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = low.to_vec();
    sorted.sort_by(f64::total_cmp);
    let wins: f64 = high.iter().map(|&value| ranks(&sorted, value).into_iter().sum::<usize>() as f64 / 2.0).sum();
    Some(wins / (low.len() as f64 * high.len() as f64))
}

/// Two modalities' embeddings held against each other, row by row. Distances are 1 − u·v, 0 to 2 for unit vectors.
///
/// A shuffled pair has a row of each side, and varies with both. [`Self::shuffled`] and [`Self::wins`] therefore have a term for each row that holds
/// what it adds on either side: their plain mean is the figure, and the mean over resampled rows varies as the figure does (the projection of
/// Hájek 1968; for a mean of pairs van der Vaart 1998, §11 and §12).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Separation {
    /// The distance of each row's own pair.
    pub belonging: Vec<f64>,
    /// Each row's term of the mean distance of shuffled pairs. Empty where there is no such pair.
    pub shuffled: Vec<f64>,
    /// Each row's term of the probability that a belonging pair is nearer than a shuffled one, ties counting half: [`auc`]. A term may lie
    /// outside 0 to 1. Empty where there is no shuffled pair.
    pub wins: Vec<f64>,
}

impl Separation {
    /// Of unit vectors, of which row *i* of both sides belongs together; `shuffled(i, j)` tells whether row *i* of `first` and row *j* of `second` are
    /// compared as a pair that doesn't. Both have as many rows, at least one, all of one length; `None` otherwise.
    #[must_use]
    pub fn new(
        first: &[Vec<f32>],
        second: &[Vec<f32>],
        shuffled: impl Fn(usize, usize) -> bool + Sync,
    ) -> Option<Self> {
        let length = first.first()?.len();
        if first.len() != second.len() || first.iter().chain(second).any(|row| row.len() != length) {
            return None;
        }
        let belonging: Vec<f64> = first.iter().zip(second).map(|(u, v)| 1.0 - product(u, v)).collect();
        let mut sorted = belonging.clone();
        sorted.sort_by(f64::total_cmp);
        let rows = first.len().div_ceil(PARTS);
        let part = |(part, some): (usize, &[Vec<f32>])| {
            let mut sums = Sums::new(first.len());
            some.iter()
                .enumerate()
                .for_each(|(row, u)| sums.add_row(part * rows + row, u, (second, &shuffled), &sorted));
            sums
        };
        let parts: Vec<Sums> = first.par_chunks(rows).enumerate().map(part).collect();
        let sums = parts.into_iter().fold(Sums::new(first.len()), Sums::plus);
        let (shuffled, wins) = sums.terms(&belonging, &sorted);
        Some(Self { belonging, shuffled, wins })
    }
}

/// Sums over shuffled pairs: of a row those in which it stands, on either side.
struct Sums {
    pairs: Vec<f64>,
    distances: Vec<f64>,
    /// Over how many of the belonging pairs they win, as a share.
    wins: Vec<f64>,
    /// By the rank of a belonging distance: half of the pairs that win over those before it alone, and half of those that win or tie with those alone.
    ends: Vec<f64>,
}

impl Sums {
    fn new(rows: usize) -> Self {
        let [pairs, distances, wins] = [(); 3].map(|()| vec![0.0; rows]);
        Self { pairs, distances, wins, ends: vec![0.0; rows + 1] }
    }

    fn add_row(
        &mut self,
        i: usize,
        u: &[f32],
        (second, shuffled): (&[Vec<f32>], &(impl Fn(usize, usize) -> bool + Sync)),
        sorted: &[f64],
    ) {
        let places: Vec<usize> = (0..second.len()).filter(|&j| shuffled(i, j)).collect();
        let others: Vec<&[f32]> = places.iter().map(|&j| second[j].as_slice()).collect();
        for (j, product) in places.into_iter().zip(products(u, &others)) {
            let distance = 1.0 - product;
            let [less, not_more] = ranks(sorted, distance);
            self.ends[less] += 0.5;
            self.ends[not_more] += 0.5;
            let won = (less + not_more) as f64 / (2 * sorted.len()) as f64;
            for row in [i, j] {
                self.pairs[row] += 1.0;
                self.distances[row] += distance;
                self.wins[row] += won;
            }
        }
    }

    fn plus(mut self, other: Self) -> Self {
        let add = |to: &mut Vec<f64>, from: Vec<f64>| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut self.pairs, other.pairs);
        add(&mut self.distances, other.distances);
        add(&mut self.wins, other.wins);
        add(&mut self.ends, other.ends);
        self
    }

    /// The rows' terms of the mean distance, and of the probability: with all rows' weights at 1, the figure and as many times its derivative by the row's
    /// weight as there are rows.
    fn terms(self, belonging: &[f64], sorted: &[f64]) -> (Vec<f64>, Vec<f64>) {
        // Each pair was added to two rows.
        let pairs = self.pairs.iter().sum::<f64>() / 2.0;
        if pairs == 0.0 {
            return (Vec::new(), Vec::new());
        }
        let mean = |sums: &[f64]| sums.iter().sum::<f64>() / 2.0 / pairs;
        let (distance, probability) = (mean(&self.distances), mean(&self.wins));
        let of_pairs =
            |sums: &[f64], mean: f64, row: usize| belonging.len() as f64 * (sums[row] - mean * self.pairs[row]) / pairs;
        let beaten = beaten(&self.ends, pairs);
        let own = |row: usize| beaten[ranks(sorted, belonging[row])[0]] / pairs;
        let rows = 0..belonging.len();
        (
            rows.clone().map(|row| distance + of_pairs(&self.distances, distance, row)).collect(),
            rows.map(|row| own(row) + of_pairs(&self.wins, probability, row)).collect(),
        )
    }
}

/// How many of sorted values are less than one, and how many aren't more.
fn ranks(sorted: &[f64], value: f64) -> [usize; 2] {
    let (lowest, highest) = (sorted[0], sorted[sorted.len() - 1]);
    // Modalities that are well told apart have most shuffled pairs farther than any belonging one.
    if value > highest {
        return [sorted.len(); 2];
    }
    if value < lowest {
        return [0; 2];
    }
    [sorted.partition_point(|other| *other < value), sorted.partition_point(|other| *other <= value)]
}

/// By a belonging distance's rank, over how many of the shuffled pairs it wins, ties counting half.
fn beaten(ends: &[f64], pairs: f64) -> Vec<f64> {
    let mut left = pairs;
    let mut after = |end: &f64| {
        left -= end;
        left
    };
    ends.iter().map(&mut after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        assert_eq!(auc(&[0.0, 1.0], &[1.0, 2.0]), Some(0.875));
        assert_eq!(auc(&[1.0], &[1.0]), Some(0.5));
        assert_eq!(auc(&[], &[1.0]), None);
    }

    #[test]
    fn what_isn_t_a_number_has_no_place_among_values() {
        assert_eq!((auc(&[f64::NAN], &[1.0]), auc(&[1.0, 2.0], &[3.0, f64::NAN])), (None, None));
        assert_eq!(auc(&[f64::NEG_INFINITY, 0.0], &[f64::INFINITY]), Some(1.0));
    }

    /// Unit vectors on a circle, the second side a little off.
    fn sides() -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        let at = |angle: f32| vec![angle.cos(), angle.sin()];
        let angle = |row: u16| f32::from(row * 37 % 23) * 0.3;
        (0..9).map(|row| (at(angle(row)), at(angle(row) + f32::from(row * row % 7) * 0.4))).unzip()
    }

    /// Some pairs are left out, as of samples that mean the same.
    fn is_shuffled(i: usize, j: usize) -> bool {
        i != j && !(i + j).is_multiple_of(4)
    }

    /// Both figures of rows with weights, by their definition.
    fn weighted(weights: &[f64]) -> [f64; 2] {
        let (first, second) = sides();
        let distance = |i: usize, j: usize| 1.0 - product(&first[i], &second[j]);
        let (mut sums, mut pairs) = ([0.0; 2], 0.0);
        for i in 0..9 {
            for j in (0..9).filter(|&j| is_shuffled(i, j)) {
                let weight = weights[i] * weights[j];
                let won = (0..9).map(|k| weights[k] * auc(&[distance(k, k)], &[distance(i, j)]).unwrap()).sum::<f64>();
                sums = [sums[0] + weight * distance(i, j), sums[1] + weight * won / weights.iter().sum::<f64>()];
                pairs += weight;
            }
        }
        sums.map(|sum| sum / pairs)
    }

    #[test]
    fn terms_are_the_figure_and_its_derivatives() {
        let (first, second) = sides();
        let found = Separation::new(&first, &second, is_shuffled).unwrap();
        let (whole, step) = (weighted(&[1.0; 9]), 1e-6);
        for (terms, figure) in [&found.shuffled, &found.wins].into_iter().zip(0..) {
            assert!((terms.iter().sum::<f64>() / 9.0 - whole[figure]).abs() < 1e-12);
            for row in 0..9 {
                let mut weights = [1.0; 9];
                weights[row] += step;
                let derivative = (weighted(&weights)[figure] - whole[figure]) / step;
                let expected = whole[figure] + 9.0 * derivative;
                assert!((terms[row] - expected).abs() < 1e-4, "{figure}, {row}: {} and not {expected}", terms[row]);
            }
        }
    }

    #[test]
    fn the_probability_is_that_of_all_pairs() {
        let (first, second) = sides();
        let found = Separation::new(&first, &second, is_shuffled).unwrap();
        let far: Vec<f64> = (0..81)
            .filter(|pair| is_shuffled(pair / 9, pair % 9))
            .map(|pair| 1.0 - product(&first[pair / 9], &second[pair % 9]))
            .collect();
        let mean = found.wins.iter().sum::<f64>() / 9.0;
        assert!((mean - auc(&found.belonging, &far).unwrap()).abs() < 1e-12);
    }

    #[test]
    fn what_belongs_is_near() {
        let rows = [vec![1.0_f32, 0.0], vec![0.0, 1.0]];
        let found = Separation::new(&rows, &rows, |i, j| i != j).unwrap();
        assert_eq!((found.belonging, found.shuffled, found.wins), (vec![0.0; 2], vec![1.0; 2], vec![1.0; 2]));
    }

    #[test]
    fn without_shuffled_pairs_there_is_nothing_to_tell_apart() {
        let rows = [vec![1.0_f32, 0.0], vec![0.0, 1.0]];
        let found = Separation::new(&rows, &rows, |_, _| false).unwrap();
        assert_eq!((found.belonging.len(), found.shuffled, found.wins), (2, vec![], vec![]));
        assert_eq!(Separation::new(&[], &[], |_, _| true), None);
        assert_eq!(Separation::new(&rows, &rows[..1], |_, _| true), None);
    }
}
