//! How many queries a percentile needs: MLPerf LoadGen's early stopping.
//!
//! With `t` queries over the true percentile allowed, `n(t)` queries are enough when so few would be over it by chance
//! with a probability of at most 1 − 0.99. Source: MLCommons inference policies, "Early stopping", appendix.

use libm::{exp, lgamma, log};

/// Confidence of the estimate.
const CONFIDENCE: f64 = 0.99;

/// A run was too short for a percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} queries are too few for this percentile at 99 % confidence: {needed} are needed")]
pub struct TooFewQueries {
    /// Queries of the run.
    pub given: u64,
    /// The fewest that are enough.
    pub needed: u64,
}

/// The smallest `n` with P[Bin(n, 1 − percentile) ≤ t] ≤ 1 − 0.99.
///
/// `percentile` is over 0 and under 1, such as 0.9. `u64::MAX` where no number is enough, as for a percentile of 1.
#[must_use]
pub fn queries_needed(percentile: f64, t: u64) -> u64 {
    let enough = |n: u64| at_most(t, n, 1.0 - percentile) <= 1.0 - CONFIDENCE;
    let mut high = t.saturating_add(1);
    while !enough(high) {
        let Some(twice) = high.checked_mul(2) else { return u64::MAX };
        high = twice;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}

/// The percentile's estimate at 99 % confidence: with the largest `t ≥ 1` such that `n(t)` queries were made, the `t − 1` longest times
/// are left out and the next is reported. `times` are in any order.
///
/// # Errors
/// When fewer than `n(1)` queries were made.
pub fn early_stopping_estimate(times: &[f64], percentile: f64) -> Result<f64, TooFewQueries> {
    let given = times.len() as u64;
    let t =
        largest_t(given, percentile).ok_or_else(|| TooFewQueries { given, needed: queries_needed(percentile, 1) })?;
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    // t is at most the number of queries, so the index is inside.
    Ok(sorted[sorted.len() - usize::try_from(t).unwrap_or(1)])
}

/// The largest `t ≥ 1` with `n(t) ≤ queries`; `n` grows with `t`.
fn largest_t(queries: u64, percentile: f64) -> Option<u64> {
    let holds = |t: u64| at_most(t, queries, 1.0 - percentile) <= 1.0 - CONFIDENCE;
    if queries == 0 || !holds(1) {
        return None;
    }
    let (mut low, mut high) = (1, queries);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// P[Bin(n, p) ≤ t], summed from the largest term down; 1 where `t` is the mean or more: it is over a third there,
/// and only its being under a hundredth matters.
fn at_most(t: u64, n: u64, p: f64) -> f64 {
    if t as f64 >= n as f64 * p {
        return 1.0;
    }
    let log_choose = |k: u64| lgamma(n as f64 + 1.0) - lgamma(k as f64 + 1.0) - lgamma((n - k) as f64 + 1.0);
    let log_term = |k: u64| log_choose(k) + k as f64 * log(p) + (n - k) as f64 * libm::log1p(-p);
    let mut term = exp(log_term(t));
    let mut sum = term;
    // Below the mean each term is smaller than the one after it: once they no longer count, none does.
    for k in (0..t).rev() {
        term *= (k + 1) as f64 / (n - k) as f64 * (1.0 - p) / p;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers_of_queries_come_out() {
        for (percentile, t, expected) in
            [(0.90, 1, 64), (0.95, 1, 130), (0.99, 1, 662), (0.999, 1, 6636), (0.99, 0, 459)]
        {
            assert_eq!(queries_needed(percentile, t), expected, "p{percentile} t{t}");
        }
    }

    #[test]
    fn the_published_numbers_over_come_out() {
        for (queries, expected) in [(745, 55), (35_227, 3391), (56_356, 5470)] {
            assert_eq!(largest_t(queries, 0.90), Some(expected), "{queries}");
        }
    }

    #[test]
    fn the_estimate_leaves_out_the_longest_but_one() {
        let times: Vec<f64> = (1..=64).map(f64::from).collect();
        assert_eq!(early_stopping_estimate(&times, 0.9), Ok(64.0));
        assert_eq!(early_stopping_estimate(&times[..63], 0.9), Err(TooFewQueries { given: 63, needed: 64 }));
        let many: Vec<f64> = (1..=745).map(f64::from).collect();
        assert_eq!(early_stopping_estimate(&many, 0.9), Ok(745.0 - 54.0));
    }

    #[test]
    fn no_number_of_queries_finds_the_largest_time_there_can_be() {
        for percentile in [1.0, 2.0, f64::NAN] {
            assert_eq!(queries_needed(percentile, 1), u64::MAX, "{percentile}");
            assert!(early_stopping_estimate(&[1.0; 9], percentile).is_err());
        }
        assert_eq!(queries_needed(0.9, u64::MAX), u64::MAX);
    }

    #[test]
    fn no_queries_are_too_few() {
        assert!(early_stopping_estimate(&[], 0.5).is_err());
    }
}
