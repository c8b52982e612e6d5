//! Where a window's time goes: one histogram for each stage.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Three significant digits: a percentile is within 0.1 % of the true one.
const SIGNIFICANT_DIGITS: u8 = 3;
/// Stages longer than this are counted as this long: ten minutes.
const LONGEST_US: u64 = 600_000_000;

/// The times of one window. Publishing is timed by the message, not by the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Work spent on making the window out of what the sensors gave.
    pub capture: Duration,
    /// Window to tensors.
    pub preprocess: Duration,
    /// Tensors to tensors.
    pub inference: Duration,
    /// Tensors to prediction.
    pub postprocess: Duration,
}

/// One stage's times, in microseconds.
#[derive(Clone, Debug)]
pub struct StageHistogram(Histogram<u32>);

impl StageHistogram {
    /// An empty histogram that grows to what it is given.
    #[must_use]
    pub fn new() -> Self {
        #[allow(clippy::expect_used, reason = "three digits is within what the crate accepts, its only way to fail")]
        // Proved: 3 is from 0 to 5.
        let mut histogram = Histogram::new(SIGNIFICANT_DIGITS).expect("0 to 5 digits are accepted");
        histogram.auto(true);
        Self(histogram)
    }

    /// Counts one time.
    pub fn record(&mut self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(LONGEST_US);
        // It can't fail: this histogram resizes itself.
        let _ = self.0.record(microseconds.min(LONGEST_US));
    }

    /// Counts all of another histogram's times.
    pub fn add(&mut self, other: &Self) {
        // It can't fail: this histogram resizes itself, and both have the same digits.
        let _ = self.0.add(&other.0);
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time at a quantile (0 to 1) in microseconds; `None` while nothing was counted.
    #[must_use]
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(quantile))
    }

    /// The longest time in microseconds; `None` while nothing was counted.
    #[must_use]
    pub fn max_us(&self) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.max())
    }
}

/// All stages of the windows of one period.
#[derive(Clone, Debug)]
pub struct Stages {
    /// See [`StageTimes::capture`].
    pub capture: StageHistogram,
    /// See [`StageTimes::preprocess`].
    pub preprocess: StageHistogram,
    /// See [`StageTimes::inference`].
    pub inference: StageHistogram,
    /// See [`StageTimes::postprocess`].
    pub postprocess: StageHistogram,
    /// Everything from sensors' bytes to prediction.
    pub total: StageHistogram,
}

impl Stages {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let empty = StageHistogram::new;
        Self { capture: empty(), preprocess: empty(), inference: empty(), postprocess: empty(), total: empty() }
    }

    /// Counts one window.
    pub fn record(&mut self, times: &StageTimes) {
        self.capture.record(times.capture);
        self.preprocess.record(times.preprocess);
        self.inference.record(times.inference);
        self.postprocess.record(times.postprocess);
        self.total.record(times.capture + times.preprocess + times.inference + times.postprocess);
    }

    /// Counts all windows of another period.
    pub fn add(&mut self, other: &Self) {
        self.capture.add(&other.capture);
        self.preprocess.add(&other.preprocess);
        self.inference.add(&other.inference);
        self.postprocess.add(&other.postprocess);
        self.total.add(&other.total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_counted_has_no_percentile() {
        assert_eq!(StageHistogram::new().quantile_us(0.5), None);
        assert_eq!(StageHistogram::new().max_us(), None);
    }

    #[test]
    fn percentiles_are_within_a_thousandth() {
        let mut histogram = StageHistogram::new();
        (1..=10_000).for_each(|microseconds| histogram.record(Duration::from_micros(microseconds)));
        let p99 = histogram.quantile_us(0.99).unwrap() as f64;
        assert!((p99 - 9900.0).abs() / 9900.0 <= 0.001, "{p99}");
    }

    #[test]
    fn a_very_long_time_is_counted_as_the_longest() {
        let mut histogram = StageHistogram::new();
        histogram.record(Duration::from_secs(1_000_000));
        assert!(histogram.max_us().unwrap() >= LONGEST_US);
    }

    #[test]
    fn periods_add_up() {
        let (mut all, mut one) = (Stages::new(), Stages::new());
        one.record(&StageTimes { inference: Duration::from_micros(300), ..StageTimes::default() });
        all.add(&one);
        all.add(&one);
        assert_eq!((all.inference.count(), all.total.quantile_us(0.5)), (2, Some(300)));
    }
}
