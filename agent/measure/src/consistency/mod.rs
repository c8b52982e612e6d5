//! How well modalities agree.

mod geometry;
mod retrieval;
mod separation;
mod skew;

pub use geometry::{UniformityKernel, alignment, modality_gap, uniformity};
pub use retrieval::{RetrievalRanks, embedding_distances, median_rank, recall_at, retrieval_ranks};
pub use separation::{Separation, auc};
pub use skew::{SkewTolerance, skew_tolerance};

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
