//! Latency: percentiles of raw times.

use serde::{Deserialize, Serialize};

/// The nearest-rank percentile: the smallest value that at least `share` (0 to 1) of the values don't exceed.
/// `sorted` is in ascending order; `None` when it is empty. As numpy's `percentile(method="inverted_cdf")`.
#[must_use]
pub fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = libm::ceil(share.clamp(0.0, 1.0) * sorted.len() as f64) as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// What a run's raw times come to, in their own unit. Percentiles are nearest rank.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// Shortest.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Longest.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
}

impl LatencySummary {
    /// Sums up raw times, in any order; `None` for no times at all.
    #[must_use]
    pub fn of(times: &[f64]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share| percentile(&sorted, share);
        Some(Self {
            min: *sorted.first()?,
            p50: at(0.50)?,
            p90: at(0.90)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            p999: at(0.999)?,
            max: *sorted.last()?,
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
        })
    }
}

/// One bin of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HistogramBin {
    /// Times from this, in their own unit.
    pub low: f64,
    /// Up to this, which belongs to the next bin; the last holds its own end.
    pub high: f64,
    /// How many.
    pub count: u64,
}

/// A histogram of times over 0 with bins of equal ratio, so that a long tail doesn't squeeze everything else into one. Empty without bins, or times that are
/// finite and over 0; one bin when all are equal.
#[must_use]
pub fn histogram(times: &[f64], bins: usize) -> Vec<HistogramBin> {
    let times: Vec<f64> = times.iter().copied().filter(|time| *time > 0.0 && time.is_finite()).collect();
    let (Some(least), Some(most)) =
        (times.iter().copied().min_by(f64::total_cmp), times.iter().copied().max_by(f64::total_cmp))
    else {
        return Vec::new();
    };
    let bins = if least < most { bins } else { bins.min(1) };
    let ratio = libm::log(most / least) / bins.max(1) as f64;
    let border = |bin: usize| if bin == bins { most } else { least * libm::exp(ratio * bin as f64) };
    let empty = |bin: usize| HistogramBin { low: border(bin), high: border(bin + 1), count: 0 };
    let mut histogram: Vec<HistogramBin> = (0..bins).map(empty).collect();
    for time in times {
        let place = histogram.partition_point(|bin| bin.high <= time).min(bins.saturating_sub(1));
        if let Some(bin) = histogram.get_mut(place) {
            bin.count += 1;
        }
    }
    histogram
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_are_the_textbook_s() {
        let sorted = [15.0, 20.0, 35.0, 40.0, 50.0];
        for (share, expected) in [(0.05, 15.0), (0.30, 20.0), (0.40, 20.0), (0.50, 35.0), (1.0, 50.0), (0.0, 15.0)] {
            assert_eq!(percentile(&sorted, share), Some(expected), "{share}");
        }
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn a_histogram_has_bins_of_equal_ratio() {
        let bins = histogram(&[1.0, 1.5, 2.0, 4.0, 8.0], 3);
        assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [2, 1, 2]);
        assert!((bins[1].low - 2.0).abs() < 1e-12 && (bins[1].high - 4.0).abs() < 1e-12 && bins[2].high == 8.0);
        assert_eq!(histogram(&[3.0, 3.0], 5), [HistogramBin { low: 3.0, high: 3.0, count: 2 }]);
        assert!(histogram(&[0.0, f64::NAN], 5).is_empty() && histogram(&[1.0], 0).is_empty());
    }

    proptest! {
        #[test]
        fn a_histogram_holds_every_time(times in prop::collection::vec(1e-3_f64..1e9, 1..200), bins in 1_usize..40) {
            let counted: u64 = histogram(&times, bins).iter().map(|bin| bin.count).sum();
            prop_assert_eq!(counted, times.len() as u64);
        }

        #[test]
        fn a_summary_is_in_order(times in prop::collection::vec(0.0_f64..1e9, 1..200)) {
            let s = LatencySummary::of(&times).unwrap();
            let rising = [s.min, s.p50, s.p90, s.p95, s.p99, s.p999, s.max];
            prop_assert!(rising.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(s.min <= s.mean + 1e-6 && s.mean <= s.max + 1e-6);
        }
    }
}
