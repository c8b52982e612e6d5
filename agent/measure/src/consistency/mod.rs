//! How well modalities agree.

mod geometry;
mod retrieval;
mod skew;

pub use geometry::{UniformityKernel, alignment, modality_gap, uniformity};
pub use retrieval::{RetrievalRanks, embedding_distances, median_rank, recall_at, retrieval_ranks};
pub use skew::{SkewTolerance, skew_tolerance};

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::vectors::{product, products};

/// Probability that a value of `high` exceeds one of `low`, ties counting half, 0 to 1 (the area under the ROC curve;
/// scikit-learn's `roc_auc_score`). Infinite values have their places. `None` when either is empty or holds what isn't a number.
#[must_use]
pub fn auc(low: &[f64], high: &[f64]) -> Option<f64> {
    if low.is_empty() || high.is_empty() || low.iter().chain(high).any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = low.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lowest, highest) = (sorted[0], sorted[sorted.len() - 1]);
    let below = |value: f64| {
        // Modalities that are well told apart have most of their values outside the others'.
        if value > highest {
            return sorted.len() as f64;
        }
        if value < lowest {
            return 0.0;
        }
        let less = sorted.partition_point(|other| *other < value);
        let not_more = sorted.partition_point(|other| *other <= value);
        (less + not_more) as f64 / 2.0
    };
    let wins: f64 = high.iter().map(|&value| below(value)).sum();
    Some(wins / (low.len() as f64 * high.len() as f64))
}

/// Distances 1 − u·v, 0 to 2, between unit vectors: of pairs that belong together (row *i* of both), and for each row of
/// `first` those to all rows of `second` that don't, as `apart(i, j)` tells. Both should have as many rows, all of one length: a row
/// without a counterpart is in no pair, though it is held against the others, and of two vectors what lies beyond the shorter one isn't
/// counted. Empty without rows; what isn't finite gives what isn't.
#[must_use]
pub fn separation(
    first: &[Vec<f32>],
    second: &[Vec<f32>],
    apart: impl Fn(usize, usize) -> bool + Sync,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let belonging = first.iter().zip(second).map(|(u, v)| 1.0 - product(u, v)).collect();
    let others_of = |(i, u): (usize, &Vec<f32>)| {
        let others: Vec<&[f32]> =
            second.iter().enumerate().filter(|(j, _)| apart(i, *j)).map(|(_, v)| v.as_slice()).collect();
        products(u, &others).into_iter().map(|product| 1.0 - product).collect()
    };
    (belonging, first.par_iter().enumerate().map(others_of).collect())
}

/// How often two modalities alone pick the same class, 0 to 1; their interval is Wilson's. `None` without samples or when
/// they aren't as many.
#[must_use]
pub fn agreement(first: &[usize], second: &[usize]) -> Option<f64> {
    let same = first.iter().zip(second).filter(|(a, b)| a == b).count();
    (!first.is_empty() && first.len() == second.len()).then(|| same as f64 / first.len() as f64)
}

/// Jensen–Shannon divergence of two distributions over the same classes, in bits, 0 to 1 (Lin 1991); the square of
/// scipy's `jensenshannon(base=2)`. Each is divided by its sum first. `None` when they have other lengths, hold a negative
/// value, or don't add up to something.
#[must_use]
pub fn jensen_shannon_divergence(p: &[f64], q: &[f64]) -> Option<f64> {
    let (sum_p, sum_q): (f64, f64) = (p.iter().sum(), q.iter().sum());
    let is_distribution = |values: &[f64], sum: f64| sum > 0.0 && sum.is_finite() && values.iter().all(|v| *v >= 0.0);
    if p.len() != q.len() || !is_distribution(p, sum_p) || !is_distribution(q, sum_q) {
        return None;
    }
    let relative = |a: f64, m: f64| if a > 0.0 { a * libm::log2(a / m) } else { 0.0 };
    let of_class = |(p, q): (&f64, &f64)| {
        let (p, q) = (p / sum_p, q / sum_q);
        let middle = (p + q) / 2.0;
        (relative(p, middle) + relative(q, middle)) / 2.0
    };
    Some(p.iter().zip(q).map(of_class).sum())
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

    #[test]
    fn what_belongs_is_near() {
        let unit = |x: f32, y: f32| vec![x, y];
        let rows = [unit(1.0, 0.0), unit(0.0, 1.0)];
        let (near, far) = separation(&rows, &rows, |i, j| i != j);
        assert_eq!((near, far), (vec![0.0, 0.0], vec![vec![1.0], vec![1.0]]));
        let (near, far) = separation(&rows[..1], &rows, |i, j| i != j);
        assert_eq!((near, far), (vec![0.0], vec![vec![1.0]]), "the second has no counterpart");
    }

    #[test]
    fn who_agrees_picks_the_same() {
        assert_eq!(agreement(&[1, 2, 3, 3], &[1, 2, 0, 3]), Some(0.75));
        assert_eq!((agreement(&[], &[]), agreement(&[1], &[])), (None, None));
    }

    #[test]
    fn disjoint_distributions_are_one_bit_apart() {
        assert_eq!(jensen_shannon_divergence(&[1.0, 0.0], &[0.0, 1.0]), Some(1.0));
        assert_eq!(jensen_shannon_divergence(&[0.5, 0.5], &[2.0, 2.0]), Some(0.0));
        for (p, q) in [
            (vec![1.0], vec![]),
            (vec![0.0], vec![1.0]),
            (vec![-1.0, 2.0], vec![0.5, 0.5]),
            (vec![f64::NAN], vec![1.0]),
        ] {
            assert_eq!(jensen_shannon_divergence(&p, &q), None, "{p:?} {q:?}");
        }
    }
}
