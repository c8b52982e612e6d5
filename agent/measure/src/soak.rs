//! A soak: one query after the other until the board is as warm as it gets, told minute by minute.

use serde::Serialize;

use crate::latency::percentile;

/// A minute, in seconds.
const MINUTE_S: f64 = 60.0;
/// Minutes whose temperatures must agree before the board counts as steady.
pub const STEADY_MINUTES: usize = 5;
/// How far these temperatures may lie apart, in kelvins: sensors of boards have steps of half a degree or one.
pub const STEADY_KELVINS: f64 = 2.0;

/// The queries of one minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SoakMinute {
    /// Its length in seconds: about 60, since it ends with a query.
    pub seconds: f64,
    /// Whether it wasn't cut short by the soak's end.
    pub whole: bool,
    /// Queries that ended in it, 1 or more.
    pub queries: u64,
    /// Median latency, nearest rank, in microseconds.
    pub p50_us: f64,
    /// 90th percentile.
    pub p90_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// Queries each second.
    pub throughput_per_s: f64,
}

impl SoakMinute {
    fn of(latencies_us: &mut Vec<f64>, seconds: f64, whole: bool) -> Option<Self> {
        latencies_us.sort_by(f64::total_cmp);
        let at = |share| percentile(latencies_us, share);
        let (p50_us, p90_us, p99_us) = (at(0.50)?, at(0.90)?, at(0.99)?);
        let queries = latencies_us.len() as u64;
        latencies_us.clear();
        Some(Self { seconds, whole, queries, p50_us, p90_us, p99_us, throughput_per_s: queries as f64 / seconds })
    }
}

/// Puts queries into minutes. Time is passed in: seconds since the soak began, never falling.
#[derive(Clone, Debug)]
pub struct SoakClock {
    began_s: f64,
    ends_s: f64,
    latencies_us: Vec<f64>,
}

impl SoakClock {
    /// No query yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { began_s: 0.0, ends_s: MINUTE_S, latencies_us: Vec::new() }
    }

    /// Counts a query that ended at `ended_s`. The first that ends a full minute since the soak began, or later, ends that minute, which
    /// is given. A query that takes longer than a minute makes a longer one; none is empty.
    pub fn record(&mut self, ended_s: f64, latency_us: f64) -> Option<SoakMinute> {
        self.latencies_us.push(latency_us);
        if ended_s < self.ends_s {
            return None;
        }
        self.ends_s = MINUTE_S * (libm::floor(ended_s / MINUTE_S) + 1.0);
        self.end(ended_s, true)
    }

    /// What was counted since the last minute's end; none without a query.
    pub fn cut(&mut self, now_s: f64) -> Option<SoakMinute> {
        self.end(now_s, false)
    }

    fn end(&mut self, now_s: f64, whole: bool) -> Option<SoakMinute> {
        let seconds = now_s - self.began_s;
        self.began_s = now_s;
        SoakMinute::of(&mut self.latencies_us, seconds, whole)
    }
}

impl Default for SoakClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the temperatures at the ends of the last [`STEADY_MINUTES`] minutes, in degrees Celsius, lie within [`STEADY_KELVINS`]. `None`
/// of fewer, or where one isn't a number.
#[must_use]
pub fn is_steady(temperatures_c: &[f64]) -> Option<bool> {
    let last = &temperatures_c[temperatures_c.len().checked_sub(STEADY_MINUTES)?..];
    let (least, most) = (last.iter().copied().reduce(f64::min)?, last.iter().copied().reduce(f64::max)?);
    last.iter().all(|celsius| celsius.is_finite()).then_some(most - least <= STEADY_KELVINS)
}

/// The last whole minute against the first: over 1 when the board became slower.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SoakDrift {
    /// The last whole minute's median latency over the first's.
    pub p50_ratio: f64,
    /// The same of 90th percentiles.
    pub p90_ratio: f64,
}

impl SoakDrift {
    /// Of minutes in their order. `None` with fewer than two whole ones, or when the first took no time.
    #[must_use]
    pub fn of(minutes: &[SoakMinute]) -> Option<Self> {
        let mut whole = minutes.iter().filter(|minute| minute.whole);
        let (first, last) = (whole.next()?, whole.next_back()?);
        let (p50_ratio, p90_ratio) = (last.p50_us / first.p50_us, last.p90_us / first.p90_us);
        (p50_ratio.is_finite() && p90_ratio.is_finite()).then_some(Self { p50_ratio, p90_ratio })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes of queries that end every `step_s`, each taking what `latency_us` says at that time.
    fn soaked(step_s: f64, queries: usize, latency_us: impl Fn(f64) -> f64) -> (Vec<SoakMinute>, SoakClock) {
        let mut clock = SoakClock::new();
        let ends = (1..=queries).map(|query| query as f64 * step_s);
        let minutes = ends.filter_map(|ended_s| clock.record(ended_s, latency_us(ended_s))).collect();
        (minutes, clock)
    }

    #[test]
    fn a_minute_has_the_queries_that_ended_in_it() {
        let (minutes, mut clock) = soaked(0.5, 250, |ended_s| 1000.0 + ended_s);
        assert_eq!(minutes.len(), 2);
        let [first, second] = minutes[..] else { unreachable!() };
        assert_eq!((first.seconds, first.queries, first.throughput_per_s), (60.0, 120, 2.0));
        // Ends at 0.5, 1.0, … 60.0 seconds: the ranks are 60, 108 and 119 of 120.
        assert_eq!((first.p50_us, first.p90_us, first.p99_us), (1030.0, 1054.0, 1059.5));
        assert_eq!((second.queries, second.p50_us), (120, 1090.0));
        let rest = clock.cut(125.0).unwrap();
        assert_eq!((rest.seconds, rest.queries, rest.throughput_per_s), (5.0, 10, 2.0));
        assert!(!rest.whole && first.whole);
        assert_eq!(clock.cut(126.0), None, "nothing since");
    }

    /// Queries don't end on the minute: what the first takes too long isn't missing from the last.
    #[test]
    fn two_minutes_have_two_minutes() {
        let (minutes, _) = soaked(11.0, 11, |_| 1.0);
        let told: Vec<(f64, u64)> = minutes.iter().map(|minute| (minute.seconds, minute.queries)).collect();
        assert_eq!(told, [(66.0, 6), (55.0, 5)], "ends at 66 and 121 seconds");
    }

    #[test]
    fn a_query_longer_than_a_minute_makes_a_longer_minute() {
        let (minutes, _) = soaked(90.0, 2, |_| 9e7);
        assert_eq!(minutes.iter().map(|minute| (minute.seconds, minute.queries)).collect::<Vec<_>>(), [(90.0, 1); 2]);
    }

    #[test]
    fn a_board_is_steady_when_five_minutes_agree() {
        let warming = [40.0, 50.0, 56.0, 59.0, 60.5, 61.0];
        assert_eq!(is_steady(&warming[..4]), None);
        assert_eq!(is_steady(&warming), Some(false));
        assert_eq!(is_steady(&[warming.as_slice(), &[61.0, 61.0]].concat()), Some(true));
        assert_eq!(is_steady(&[60.0, 62.0, 61.0, 60.0, 62.0]), Some(true));
        assert_eq!(is_steady(&[60.0, 62.1, 61.0, 60.0, 62.0]), Some(false));
        assert_eq!(is_steady(&[60.0, f64::NAN, 60.0, 60.0, 60.0]), None);
    }

    #[test]
    fn the_last_minute_is_held_against_the_first() {
        let latency_us = |ended_s| match ended_s {
            0.0..=60.0 => 100.0,
            60.0..=120.0 => 150.0,
            _ => 900.0,
        };
        let (mut minutes, mut clock) = soaked(0.5, 300, latency_us);
        assert_eq!(SoakDrift::of(&minutes[..1]), None);
        // A rest of a minute isn't held against a whole one.
        minutes.extend(clock.cut(151.0));
        assert_eq!(SoakDrift::of(&minutes), Some(SoakDrift { p50_ratio: 1.5, p90_ratio: 1.5 }));
    }
}
