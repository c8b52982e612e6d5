//! A straight line between two clocks: least squares over pairs of readings, pure.

use std::collections::VecDeque;

/// A clock that differs more from its nominal rate is not believed, relative.
const WILDEST_DRIFT: f64 = 1e-3;
/// Below this span, in units of the second clock (ns), jitter would be taken for drift.
const SHORTEST_SPAN_NS: f64 = 5e9;
/// A pair further off than this many standard deviations is left out of the second fit.
const OUTLIER: f64 = 3.0;

/// `y = y0 + slope * (x - x0)`, where y is nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    x0: f64,
    y0: f64,
    slope: f64,
    /// Twice the standard deviation of the pairs about the line, in nanoseconds: 95 % lie within.
    pub uncertainty_ns: f64,
}

impl Line {
    /// The second clock when the first shows `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.y0 + self.slope * (x - self.x0)
    }

    /// The first clock when the second shows `y`.
    #[must_use]
    pub fn inverse(&self, y: f64) -> f64 {
        self.x0 + (y - self.y0) / self.slope
    }
}

/// Pairs of readings of two clocks, the latest `capacity` of them.
#[derive(Clone, Debug)]
pub struct ClockFit {
    pairs: VecDeque<(f64, f64)>,
    capacity: usize,
    nominal_slope: f64,
}

impl ClockFit {
    /// A fit over at most `capacity` pairs (two at least) of clocks whose rates nominally differ by `nominal_slope`.
    #[must_use]
    pub fn new(nominal_slope: f64, capacity: usize) -> Self {
        Self { pairs: VecDeque::with_capacity(capacity), capacity: capacity.max(2), nominal_slope }
    }

    /// Both clocks, read at one moment.
    pub fn add(&mut self, x: f64, y: f64) {
        if self.pairs.len() == self.capacity {
            self.pairs.pop_front();
        }
        self.pairs.push_back((x, y));
    }

    /// How many pairs there are.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// The line through the pairs; none before the first.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        let all: Vec<(f64, f64)> = self.pairs.iter().copied().collect();
        let rough = self.through(&all)?;
        let limit = rough.uncertainty_ns / 2.0 * OUTLIER;
        let near: Vec<_> = all.iter().copied().filter(|&(x, y)| (y - rough.at(x)).abs() <= limit).collect();
        self.through(&near).or(Some(rough))
    }

    fn through(&self, pairs: &[(f64, f64)]) -> Option<Line> {
        let count = pairs.len() as f64;
        let (first, last) = (pairs.first()?, pairs.last()?);
        // Sums of differences from the first pair: nanoseconds since boot squared would lose digits.
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
        let (mean_x, mean_y) = (first.0 + mean(&|pair| pair.0 - first.0), first.1 + mean(&|pair| pair.1 - first.1));
        let slope = if last.1 - first.1 < SHORTEST_SPAN_NS {
            self.nominal_slope
        } else {
            self.plausible(
                mean(&|pair| (pair.0 - mean_x) * (pair.1 - mean_y)) / mean(&|pair| (pair.0 - mean_x).powi(2)),
            )
        };
        let line = Line { x0: mean_x, y0: mean_y, slope, uncertainty_ns: 0.0 };
        let deviation = mean(&|pair| (pair.1 - line.at(pair.0)).powi(2)).sqrt();
        Some(Line { uncertainty_ns: 2.0 * deviation, ..line })
    }

    fn plausible(&self, slope: f64) -> f64 {
        let drift = slope / self.nominal_slope - 1.0;
        if drift.abs() <= WILDEST_DRIFT { slope } else { self.nominal_slope }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A clock that ticks `slope` ns a tick, seen with `jitter_ns` of either sign.
    fn fitted(slope: f64, start: f64, jitter_ns: f64, count: usize) -> Line {
        let mut fit = ClockFit::new(1.0, 60);
        for second in 0..count {
            let x = second as f64 * 1e9;
            let sign = if second % 2 == 0 { 1.0 } else { -1.0 };
            fit.add(x, start + slope * x + sign * jitter_ns);
        }
        fit.line().unwrap()
    }

    proptest! {
        #[test]
        fn drift_and_offset_are_found(ppm in -200.0..200.0f64, start in 0.0..1e15f64, jitter_us in 0.0..50.0f64) {
            let slope = 1.0 + ppm * 1e-6;
            let line = fitted(slope, start, jitter_us * 1e3, 60);
            let expected = start + slope * 60e9;
            prop_assert!((line.at(60e9) - expected).abs() < jitter_us * 1e3 + 1000.0);
            prop_assert!((line.inverse(line.at(12e9)) - 12e9).abs() < 1000.0);
            prop_assert!((line.uncertainty_ns - 2.0 * jitter_us * 1e3).abs() < 0.2 * jitter_us * 1e3 + 1000.0);
        }
    }

    #[test]
    fn a_short_span_is_not_taken_for_drift() {
        assert_eq!(fitted(1.0 + 100e-6, 5e9, 0.0, 4).slope, 1.0);
    }

    #[test]
    fn a_wild_slope_is_not_believed() {
        assert_eq!(fitted(1.5, 5e9, 0.0, 30).slope, 1.0);
    }

    #[test]
    fn one_bad_reading_is_left_out() {
        let mut fit = ClockFit::new(1.0, 60);
        for second in 0..60 {
            let late = if second == 30 { 20e6 } else { 0.0 };
            fit.add(f64::from(second) * 1e9, f64::from(second) * 1e9 + late);
        }
        assert!((fit.line().unwrap().at(30e9) - 30e9).abs() < 1.0);
    }

    #[test]
    fn nothing_read_is_no_line() {
        assert!(ClockFit::new(1.0, 8).line().is_none());
    }
}
