//! When each sample was captured: from sample numbers over the sound card's clock to CLOCK_MONOTONIC. Pure.
//!
//! A sound card has its own clock, and cpal stamps with CLOCK_MONOTONIC_RAW (or a clock of its own) since the stream was
//! made. Two lines are fitted: card to CLOCK_MONOTONIC, from pairs of readings taken each second; and sample number to
//! CLOCK_MONOTONIC, from the stamps of the callbacks. The second also smooths the callbacks' jitter.

use super::clock_fit::{ClockFit, Line};
use super::ring::Stamp;
use crate::clock::Moment;

/// Time between two readings of both clocks.
const READING_NS: i64 = 1_000_000_000;
/// Readings that the fit looks back over: two minutes.
const READINGS: usize = 120;
/// A pair whose two clocks weren't read within this time says nothing.
const SLOWEST_READING_NS: i64 = 2_000_000;
/// Time over which stamps are averaged before the fit takes them.
const POINT_NS: f64 = 1e8;
/// Averages that the fit looks back over: half a minute.
const POINTS: usize = 300;
/// A stamp later than expected by this much means lost sound, when the driver said that it lost some.
const LATE_AFTER_OVERRUN_NS: f64 = 20e6;
/// … and by this much even when it didn't.
const LATE_NS: f64 = 100e6;
/// A stamp earlier than expected by this much means that the line is wrong.
const EARLY_NS: f64 = 100e6;

/// Where a callback's samples belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The number of the first.
    pub first: u64,
    /// Sample frames lost before it.
    pub lost: u64,
    /// Whether numbers before it have nothing to do with those from it on.
    pub starts_anew: bool,
}

/// Numbers samples, and knows when each was captured.
#[derive(Debug)]
pub struct SoundClock {
    ns_per_sample: f64,
    card: ClockFit,
    samples: ClockFit,
    next: u64,
    read_at: Option<Moment>,
    reading_ns: i64,
    /// The stamps since the last average: sample numbers and times.
    block: Vec<(f64, f64)>,
}

impl SoundClock {
    /// For sound of nominally `rate_hz` samples a second.
    #[must_use]
    pub fn new(rate_hz: u32) -> Self {
        let ns_per_sample = 1e9 / f64::from(rate_hz.max(1));
        Self {
            ns_per_sample,
            card: ClockFit::new(1.0, READINGS),
            samples: ClockFit::new(ns_per_sample, POINTS),
            next: 0,
            read_at: None,
            reading_ns: 0,
            block: Vec::new(),
        }
    }

    /// Whether it is time to read both clocks.
    #[must_use]
    pub fn wants_reading(&self, now: Moment) -> bool {
        self.read_at.is_none_or(|last| now.nanoseconds_since(last) >= READING_NS)
    }

    /// Both clocks were read: the card's, between two readings of CLOCK_MONOTONIC.
    pub fn read_both(&mut self, card_ns: i64, before: Moment, after: Moment) {
        let width = after.nanoseconds_since(before);
        if width <= SLOWEST_READING_NS || self.read_at.is_none() {
            self.card.add(card_ns as f64, before.shifted(width / 2).nanoseconds() as f64);
            self.reading_ns = width / 2;
            self.read_at = Some(after);
        }
    }

    /// Numbers a callback's samples. `overran` when the driver or the ring lost something since the last.
    pub fn place(&mut self, stamp: &Stamp, overran: bool) -> Placed {
        let card = self.card.line();
        let captured = card.map_or(stamp.arrived.nanoseconds() as f64, |line| line.at(stamp.captured_ns as f64));
        self.next += stamp.refused;
        let mut placed = Placed { first: self.next, lost: stamp.refused, starts_anew: false };
        if let Some(expected) = self.samples.line().map(|line| line.at(self.next as f64)) {
            let late_ns = captured - expected;
            if late_ns < -EARLY_NS {
                placed.starts_anew = true;
            } else if late_ns > if overran { LATE_AFTER_OVERRUN_NS } else { LATE_NS } {
                placed.lost += (late_ns / self.ns_per_sample).round() as u64;
            }
            if placed.starts_anew || placed.lost > stamp.refused {
                // How much was lost is a guess, so what was learned before it says nothing about what comes after.
                self.samples = ClockFit::new(self.ns_per_sample, POINTS);
                self.block.clear();
            }
        }
        placed.first = self.next - stamp.refused + placed.lost;
        self.next = placed.first + stamp.kept as u64;
        self.add_point(placed.first, captured);
        placed
    }

    fn add_point(&mut self, first: u64, captured: f64) {
        let point = (first as f64, captured);
        if self.samples.pairs() == 0 {
            self.samples.add(point.0, point.1);
        }
        self.block.push(point);
        let origin = self.block[0];
        if captured - origin.1 >= POINT_NS {
            let count = self.block.len() as f64;
            let mean = |of: &dyn Fn(&(f64, f64)) -> f64| self.block.iter().map(of).sum::<f64>() / count;
            let (number, time) = (mean(&|point| point.0 - origin.0), mean(&|point| point.1 - origin.1));
            self.samples.add(origin.0 + number, origin.1 + time);
            self.block.clear();
        }
    }

    /// From a sample's number to CLOCK_MONOTONIC; none before the first callback.
    #[must_use]
    pub fn timeline(&self) -> Option<Line> {
        self.samples.line()
    }

    /// What the mapping leaves uncertain (95 %), in microseconds; none while there are too few pairs to tell.
    #[must_use]
    pub fn uncertainty_us(&self) -> Option<u64> {
        let enough = self.card.pairs() >= 3 && self.samples.pairs() >= 3;
        let (card, samples) = (self.card.line()?, self.samples.line()?);
        let total_ns = card.uncertainty_ns.hypot(samples.uncertainty_ns) + self.reading_ns as f64;
        enough.then(|| (total_ns / 1e3).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT_NS: i64 = 7_000_000_000_000;
    const RATE_HZ: u32 = 48_000;
    const FRAMES: usize = 960;

    /// A card whose crystal is `ppm` fast, and whose clock started at BOOT_NS and runs 20 ppm slow.
    struct Card {
        clock: SoundClock,
        ppm: f64,
        /// True sample number, as the card counts.
        sample: u64,
    }

    impl Card {
        fn new(ppm: f64) -> Self {
            Self { clock: SoundClock::new(RATE_HZ), ppm, sample: 0 }
        }

        fn true_ns(&self, sample: u64) -> f64 {
            sample as f64 * 1e9 / (f64::from(RATE_HZ) * (1.0 + self.ppm * 1e-6))
        }

        fn card_ns(true_ns: f64) -> i64 {
            (true_ns * (1.0 - 20e-6)) as i64
        }

        fn callback(&mut self, overran: bool) -> Placed {
            let now_ns = self.true_ns(self.sample + FRAMES as u64);
            let now = Moment::from_nanoseconds(BOOT_NS + now_ns as i64);
            if self.clock.wants_reading(now) {
                self.clock.read_both(Self::card_ns(now_ns), now.shifted(-20_000), now.shifted(20_000));
            }
            let jitter = if (self.sample / FRAMES as u64).is_multiple_of(2) { 300_000.0 } else { -300_000.0 };
            let captured_ns = Self::card_ns(self.true_ns(self.sample) + jitter);
            let placed = self.clock.place(&Stamp { refused: 0, kept: FRAMES, captured_ns, arrived: now }, overran);
            self.sample += FRAMES as u64;
            placed
        }

        fn error_us(&self) -> f64 {
            let at = self.sample - 1000;
            (self.clock.timeline().unwrap().at(at as f64) - (BOOT_NS as f64 + self.true_ns(at))).abs() / 1e3
        }
    }

    #[test]
    fn samples_are_placed_within_what_is_said_to_be_uncertain() {
        for ppm in [-80.0, 0.0, 80.0] {
            let mut card = Card::new(ppm);
            for callback in 0..5000 {
                assert_eq!(card.callback(false).first, callback * FRAMES as u64);
            }
            let uncertainty = card.clock.uncertainty_us().unwrap();
            assert!(
                card.error_us() <= uncertainty as f64 && uncertainty < 1500,
                "{} of {uncertainty} µs",
                card.error_us()
            );
        }
    }

    #[test]
    fn what_the_driver_lost_becomes_a_gap_of_its_length() {
        let mut card = Card::new(30.0);
        (0..500).for_each(|_| assert_eq!(card.callback(false).lost, 0));
        card.sample += 4800;
        let placed = card.callback(true);
        assert!(placed.lost.abs_diff(4800) < 50 && !placed.starts_anew, "{placed:?}");
        assert_eq!(card.callback(false).lost, 0);
    }

    #[test]
    fn a_clock_that_jumps_back_starts_anew() {
        let mut card = Card::new(0.0);
        (0..500).for_each(|_| {
            card.callback(false);
        });
        card.sample -= 48_000;
        assert!(card.callback(false).starts_anew);
        assert!(!card.callback(false).starts_anew);
    }

    #[test]
    fn refused_samples_keep_their_numbers() {
        let mut clock = SoundClock::new(RATE_HZ);
        let stamp = Stamp { refused: 70, kept: 10, captured_ns: 0, arrived: Moment::from_nanoseconds(5) };
        assert_eq!(clock.place(&stamp, true), Placed { first: 70, lost: 70, starts_anew: false });
    }

    #[test]
    fn too_little_heard_is_no_figure() {
        assert_eq!(SoundClock::new(RATE_HZ).uncertainty_us(), None);
    }
}
