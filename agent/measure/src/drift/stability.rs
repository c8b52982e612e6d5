//! The population stability index.

use serde::{Deserialize, Serialize};

use crate::interval::between_ranks;

/// What a bin without a sample counts as: half a sample, so that the logarithm exists and depends on how many were looked at
/// (Haldane 1956, Anscombe 1956). Other bins aren't touched.
const EMPTY: f64 = 0.5;

/// A baseline's values in bins of equal share, to be kept on the board. It holds no values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StabilityBaseline {
    /// Borders between bins, rising; the outer bins are open, and a value on a border belongs to the bin above it.
    pub borders: Vec<f64>,
    /// How many of the baseline's values each bin holds: one more than there are borders.
    pub counts: Vec<u64>,
}

impl StabilityBaseline {
    /// Bins of a baseline's values, such as confidences, in any order: borders at its quantiles 1/bins, 2/bins … between ranks on a straight
    /// line (numpy's `quantile`), those that coincide once. 10 bins are usual.
    ///
    /// `None` without values, with one that isn't finite, or with fewer than two bins.
    #[must_use]
    pub fn of(values: &[f64], bins: usize) -> Option<Self> {
        if bins < 2 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quantile = |number: usize| between_ranks(&sorted, number as f64 / bins as f64);
        let mut borders = (1..bins).map(quantile).collect::<Option<Vec<f64>>>()?;
        borders.dedup();
        Some(Self { counts: counts(&borders, values), borders })
    }

    /// PSI of other values against the baseline: Σ (a − b) ln(a / b) over bins, a and b the shares in each (Siddiqi 2006, "Credit Risk
    /// Scorecards"; the symmetric divergence of Kullback & Leibler 1951). 0 or more. Under 0.1 is usually taken as stable and over
    /// 0.25 as shifted, but without a shift it averages (bins − 1)(1/n + 1/m) for n and m values (Yurdakul 2018): with few values that
    /// alone is over 0.1.
    ///
    /// A bin that is empty on one side counts as half a sample there; one that is empty on both is left out. `None` without values,
    /// with one that isn't finite, or with an empty baseline.
    #[must_use]
    pub fn index(&self, values: &[f64]) -> Option<f64> {
        let total: u64 = self.counts.iter().sum();
        let fits = self.counts.len() == self.borders.len() + 1 && values.iter().all(|value| value.is_finite());
        let share = |count: u64, total: f64| (if count == 0 { EMPTY } else { count as f64 }) / total;
        let of_bin = |(live, baseline): (&u64, &u64)| {
            let (a, b) = (share(*live, values.len() as f64), share(*baseline, total as f64));
            (a - b) * libm::log(a / b)
        };
        let live = counts(&self.borders, values);
        let bins = live.iter().zip(&self.counts).filter(|(live, baseline)| **live + **baseline > 0);
        (fits && total > 0 && !values.is_empty()).then(|| bins.map(of_bin).sum())
    }
}

fn counts(borders: &[f64], values: &[f64]) -> Vec<u64> {
    let bin = |value: &f64| borders.partition_point(|border| border <= value);
    let mut counts = vec![0; borders.len() + 1];
    values.iter().map(bin).for_each(|bin| counts[bin] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_equal_shares() {
        let values: Vec<f64> = (0..20).rev().map(f64::from).collect();
        let baseline = StabilityBaseline::of(&values, 10).unwrap();
        assert_eq!((baseline.counts.clone(), baseline.borders.len()), (vec![2; 10], 9));
        assert_eq!(baseline.index(&values), Some(0.0));
    }

    #[test]
    fn a_shift_by_hand() {
        let baseline = StabilityBaseline { borders: vec![0.5], counts: vec![5, 5] };
        let expected = (0.8 - 0.5) * (0.8_f64 / 0.5).ln() + (0.2 - 0.5) * (0.2_f64 / 0.5).ln();
        assert!((baseline.index(&[0.1, 0.1, 0.2, 0.4, 0.5]).unwrap() - expected).abs() < 1e-12);
        // None of four in the lower bin: half of one.
        let expected = (0.125 - 0.5) * (0.125_f64 / 0.5).ln() + (1.0 - 0.5) * (1.0_f64 / 0.5).ln();
        assert!((baseline.index(&[0.9; 4]).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_fall_from_certainty_is_seen() {
        let baseline = StabilityBaseline::of(&[1.0; 50], 10).unwrap();
        assert_eq!((baseline.borders.clone(), baseline.index(&[1.0; 7])), (vec![1.0], Some(0.0)));
        assert!(baseline.index(&[0.8; 50]).unwrap() > 1.0);
    }

    #[test]
    fn what_isn_t_a_baseline_has_no_index() {
        assert!(StabilityBaseline::of(&[], 10).is_none() && StabilityBaseline::of(&[0.5], 1).is_none());
        assert!(StabilityBaseline::of(&[f64::NAN], 10).is_none());
        let baseline = StabilityBaseline::of(&[0.1, 0.9], 2).unwrap();
        assert!(baseline.index(&[]).is_none() && baseline.index(&[f64::NAN]).is_none());
        let broken = StabilityBaseline { borders: vec![0.5], counts: vec![1] };
        assert!(broken.index(&[0.5]).is_none());
        assert!(StabilityBaseline { borders: vec![], counts: vec![0] }.index(&[0.5]).is_none());
    }
}
