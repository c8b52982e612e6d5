//! How sure a figure is: 95 % intervals and paired tests. Randomness is passed in as a seed or as indices. All cores share
//! the resamples; each resample's figures are the same whoever computes them.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::{Figure, Measured};

/// The normal distribution's 97.5th percentile.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's interval (1927) for a rate of independent samples: `right` of `n`. Not measured without samples, or with more
/// right than there are. As statsmodels' `proportion_confint(method="wilson")`.
#[must_use]
pub fn wilson(right: u64, n: u64) -> Measured {
    if n == 0 {
        return Measured::not_measured("there are no samples");
    }
    if right > n {
        return Measured::not_measured("more were counted than there are samples");
    }
    let (count, value) = (n as f64, right as f64 / n as f64);
    let scale = 1.0 + Z * Z / count;
    let centre = (value + Z * Z / (2.0 * count)) / scale;
    let half = Z / scale * libm::sqrt(value * (1.0 - value) / count + Z * Z / (4.0 * count * count));
    // Rounding may leave a bound on the wrong side of a rate of 0 or 1 by a last bit.
    let (low, high) = ((centre - half).clamp(0.0, value), (centre + half).clamp(value, 1.0));
    Measured::Figure(Figure { value, low, high, n })
}

/// Resamples for a bootstrap over clusters (Davison & Hinkley 1997, §3.8): each draws as many clusters as there are, with
/// replacement and within its stratum, and gives the indices of all their samples.
///
/// `clusters` and `strata` name each sample's own and are as many; pass the same stratum for all when there are none. A cluster
/// in two strata counts as two: [`crate::strata_of_clusters`] gives strata that no cluster is across. The same seed gives the same resamples
/// everywhere.
#[must_use]
pub fn resample_clusters(clusters: &[&str], strata: &[&str], resamples: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut members: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (sample, key) in strata.iter().copied().zip(clusters.iter().copied()).enumerate() {
        members.entry(key).or_default().push(sample);
    }
    let mut by_stratum: BTreeMap<&str, Vec<&[usize]>> = BTreeMap::new();
    for ((stratum, _), samples) in &members {
        by_stratum.entry(stratum).or_default().push(samples);
    }
    let draw = |seed: u64| {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut drawn = Vec::with_capacity(clusters.len());
        for groups in by_stratum.values() {
            (0..groups.len()).for_each(|_| drawn.extend_from_slice(groups[random.random_range(0..groups.len())]));
        }
        drawn
    };
    // Each has a seed of its own, so that it doesn't matter who draws it.
    let mut seeds = Pcg64Mcg::seed_from_u64(seed);
    let seeds: Vec<u64> = (0..resamples).map(|_| seeds.random()).collect();
    seeds.into_par_iter().map(draw).collect()
}

/// The 2.5th and 97.5th percentile of a statistic's resampled values, between ranks on a straight line: scipy's
/// `bootstrap(method="percentile")`. Values that aren't finite are left out; `None` when none is left.
#[must_use]
pub fn percentile_interval(values: &[f64]) -> Option<(f64, f64)> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    Some((between_ranks(&sorted, 0.025)?, between_ranks(&sorted, 0.975)?))
}

/// The quantile at `share` (0 to 1) of values in ascending order, between ranks on a straight line: numpy's `quantile`. `None` without
/// values.
pub fn between_ranks(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted.get(place as usize)?, sorted.get((place as usize + 1).min(last))?);
    Some(below + (above - below) * place.fract())
}

/// A statistic of all `n` samples with the interval of its resamples. The statistic takes sample indices and gives
/// `None` where it is undefined; undefined for all samples is not measured, of one sample alone neither, and resamples where it is undefined are left out.
/// The interval is widened to hold the value itself, which a biased statistic (such as a calibration error, that resampling
/// enlarges) can leave outside.
#[must_use]
pub fn bootstrap(n: usize, resamples: &[Vec<usize>], statistic: impl Fn(&[usize]) -> Option<f64> + Sync) -> Measured {
    let all: Vec<usize> = (0..n).collect();
    let values = || resamples.par_iter().filter_map(|indices| statistic(indices)).collect();
    bootstrapped(n, statistic(&all), values)
}

/// What many figures of the same samples are taken from, such as one confusion matrix: made once for all samples and once for each resample,
/// where [`bootstrap`] would make it for each figure anew.
#[derive(Clone, Debug)]
pub struct Resampled<T> {
    n: usize,
    whole: T,
    parts: Vec<T>,
}

impl<T: Send> Resampled<T> {
    /// Sums up all `n` samples, and each resample, from their indices. Everything is kept: a summary should be small.
    #[must_use]
    pub fn new(n: usize, resamples: &[Vec<usize>], summary: impl Fn(&[usize]) -> T + Sync) -> Self {
        let all: Vec<usize> = (0..n).collect();
        let parts = resamples.par_iter().map(|indices| summary(indices)).collect();
        Self { n, whole: summary(&all), parts }
    }

    /// The summary of all samples.
    #[must_use]
    pub const fn whole(&self) -> &T {
        &self.whole
    }

    /// A statistic of the summaries with its interval: what [`bootstrap`] would give, to the bit.
    #[must_use]
    pub fn figure(&self, statistic: impl Fn(&T) -> Option<f64>) -> Measured {
        bootstrapped(self.n, statistic(&self.whole), || self.parts.iter().filter_map(&statistic).collect())
    }
}

fn bootstrapped(n: usize, value: Option<f64>, resampled: impl FnOnce() -> Vec<f64>) -> Measured {
    let Some(value) = value else { return Measured::not_measured("it is undefined for these samples") };
    // Its resamples are all alike.
    if n == 1 {
        return Measured::not_measured("one sample alone can't tell how sure the figure is");
    }
    match percentile_interval(&resampled()) {
        Some((low, high)) => {
            Measured::Figure(Figure { value, low: low.min(value), high: high.max(value), n: n as u64 })
        }
        None => Measured::not_measured("it is undefined for the resamples, so its interval is unknown"),
    }
}

/// The second figure less the first, from their intervals alone: d ± √((v₂ − l₂)² + (u₁ − v₁)²) downwards, and the like upwards ("MOVER": Newcombe 1998,
/// method 10, for Wilson's intervals; Zou & Donner 2008 for any). The interval is 95 % where the two are independent. Of figures over the same samples, which
/// err together, it is wider than a paired one. Not measured where one of the two isn't, or the
/// difference isn't finite.
#[must_use]
pub fn difference(first: &Measured, second: &Measured) -> Measured {
    let (first, second) = match (first, second) {
        (Measured::Figure(first), Measured::Figure(second)) => (first, second),
        (absent @ Measured::NotMeasured { .. }, _) | (_, absent) => return absent.clone(),
    };
    let value = second.value - first.value;
    let down = libm::hypot(second.value - second.low, first.high - first.value);
    let up = libm::hypot(second.high - second.value, first.value - first.low);
    if !(value - down).is_finite() || !(value + up).is_finite() {
        return Measured::not_measured("the difference is larger than a number can be");
    }
    Measured::Figure(Figure { value, low: value - down, high: value + up, n: first.n.min(second.n) })
}

/// McNemar's exact test (1947): the probability of two models' disagreements if they were equally good.
/// `first_only` samples only the first got right, `second_only` only the second. 0 to 1, 0 being less than a double holds; 1 when they
/// never disagree. As statsmodels' `mcnemar(exact=True)`.
#[must_use]
pub fn mcnemar_exact(first_only: u64, second_only: u64) -> f64 {
    let n = first_only + second_only;
    let log_choose =
        |k: u64| libm::lgamma(n as f64 + 1.0) - libm::lgamma(k as f64 + 1.0) - libm::lgamma((n - k) as f64 + 1.0);
    let tail: f64 =
        (0..=first_only.min(second_only)).map(|k| libm::exp(log_choose(k) - n as f64 * std::f64::consts::LN_2)).sum();
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_by_the_book() {
        let figure = *wilson(8, 10).figure().unwrap();
        assert!(
            (figure.low - 0.490_162_471_536_642).abs() < 1e-9 && (figure.high - 0.943_317_848_545_625).abs() < 1e-9
        );
        assert!(wilson(0, 0).figure().is_none() && wilson(2, 1).figure().is_none());
        let all = *wilson(10, 10).figure().unwrap();
        assert!(all.high == 1.0 && all.low < 1.0);
    }

    #[test]
    fn a_difference_has_newcombe_s_interval() {
        // Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339.
        let figure = *difference(&wilson(48, 80), &wilson(56, 70)).figure().unwrap();
        assert!((figure.value - 0.2).abs() < 1e-12 && figure.n == 70);
        assert!((figure.low - 0.0524).abs() < 5e-5 && (figure.high - 0.3339).abs() < 5e-5, "{figure:?}");
        let absent = Measured::not_measured("no samples");
        assert_eq!((difference(&absent, &wilson(1, 2)), difference(&wilson(1, 2), &absent)), (absent.clone(), absent));
    }

    #[test]
    fn clusters_stay_whole() {
        let clusters = ["a", "a", "b", "c", "c", "c"];
        let resamples = resample_clusters(&clusters, &["s"; 6], 50, 1);
        for drawn in &resamples {
            let count = |sample: usize| drawn.iter().filter(|&&other| other == sample).count();
            assert!(count(0) == count(1) && count(3) == count(4) && count(4) == count(5));
        }
        assert!(resamples.iter().any(|drawn| drawn.len() != 6));
        assert_eq!(resamples, resample_clusters(&clusters, &["s"; 6], 50, 1));
    }

    #[test]
    fn strata_keep_their_size() {
        let (clusters, strata) = (["a", "b", "c", "d"], ["x", "x", "y", "y"]);
        for drawn in resample_clusters(&clusters, &strata, 20, 3) {
            assert_eq!(drawn.iter().filter(|&&sample| sample < 2).count(), 2);
        }
    }

    #[test]
    fn a_bootstrap_holds_its_value() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let resamples = resample_clusters(&["a", "b", "c", "d"], &["s"; 4], 200, 7);
        let mean = |indices: &[usize]| {
            (!indices.is_empty()).then(|| indices.iter().map(|&i| values[i]).sum::<f64>() / indices.len() as f64)
        };
        let figure = *bootstrap(4, &resamples, mean).figure().unwrap();
        assert!(figure.value == 2.5 && figure.low < 2.5 && figure.high > 2.5 && figure.n == 4);
        assert!(bootstrap(0, &[], mean).figure().is_none());
        assert!(bootstrap(1, &[vec![0], vec![0]], mean).figure().is_none(), "no width would look sure");
    }

    #[test]
    fn one_summary_serves_many_figures() {
        let resamples = resample_clusters(&["a", "b", "c", "d"], &["s"; 4], 50, 7);
        let values = |indices: &[usize]| indices.iter().map(|&index| index as f64).collect::<Vec<f64>>();
        let lowest = |values: &Vec<f64>| values.iter().copied().reduce(f64::min).filter(|value| *value < 2.0);
        let sum = |values: &Vec<f64>| Some(values.iter().sum());
        let summaries = Resampled::new(4, &resamples, values);
        assert_eq!(summaries.figure(lowest), bootstrap(4, &resamples, |indices| lowest(&values(indices))));
        assert_eq!(summaries.figure(sum), bootstrap(4, &resamples, |indices| sum(&values(indices))));
        assert_eq!(summaries.figure(|_| None), bootstrap(4, &resamples, |_| None));
        assert_eq!(summaries.whole(), &[0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn an_interval_lies_between_ranks() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let (low, high) = percentile_interval(&values).unwrap();
        assert!((low - 2.5).abs() < 1e-12 && (high - 97.5).abs() < 1e-12);
        assert_eq!(percentile_interval(&[f64::NAN, 3.0]), Some((3.0, 3.0)));
        assert_eq!(percentile_interval(&[f64::NAN]), None);
    }

    #[test]
    fn a_value_outside_its_resamples_widens_the_interval() {
        let count = |indices: &[usize]| Some(indices.len() as f64);
        for (resample, low, high) in [(vec![0], 1.0, 2.0), (vec![0, 1, 1], 2.0, 3.0)] {
            let figure = *bootstrap(2, &[resample], count).figure().unwrap();
            assert_eq!((figure.low, figure.value, figure.high), (low, 2.0, high));
        }
    }

    #[test]
    fn mcnemar_counts_disagreements() {
        assert_eq!(mcnemar_exact(0, 0), 1.0);
        assert!((mcnemar_exact(1, 9) - 0.021_484_375).abs() < 1e-9);
    }
}
