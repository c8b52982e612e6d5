//! How far picture and sound are apart, from flashes that are seen and beeps that are heard. Pure.
//!
//! A flash is a rise of the mean brightness from one frame to the next; it happened between the two. A beep is a rise
//! of the loudness over what came before. Where the time from flash to beep is always the same, they belong together.
//! Where it isn't, what was seen and heard has nothing to do with each other, and no figure is given.

use std::collections::VecDeque;

use crate::clock::Moment;

/// A flash and a beep further apart don't belong together.
const FURTHEST_NS: i64 = 500_000_000;
/// How long flashes and beeps are remembered.
const MEMORY_NS: i64 = 60_000_000_000;
/// Two onsets closer than this are one.
const DEAD_TIME_NS: i64 = 250_000_000;
/// Pairs that are needed for a figure.
const FEWEST: usize = 5;
/// The share of flashes, and of beeps, that must agree.
const AGREEING: f64 = 0.6;
/// A flash is brighter than the frame before by this much of 255 at least, and by this many times the usual change.
const LEAST_FLASH: f32 = 12.0;
const FLASH_OVER_USUAL: f32 = 6.0;
/// A beep is at least this loud (root mean square of full scale 1), and this many times louder than what came before.
const LEAST_BEEP: f32 = 0.01;
const BEEP_OVER_USUAL: f32 = 4.0;
/// Length of the pieces whose loudness is taken.
pub const LOUDNESS_NS: i64 = 5_000_000;
/// How fast the usual level follows, as a share of each new value.
const FOLLOW: f32 = 0.05;

/// How far picture and sound are apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Skew {
    /// Measured.
    Measured {
        /// The sound's stamp minus the picture's for the same event, in microseconds; positive: the sound is late.
        skew_us: i64,
        /// Half the width of its 95 % interval, in microseconds.
        uncertainty_us: u64,
        /// Pairs of a flash and a beep that it was taken from.
        pairs: u64,
    },
    /// Not, and why.
    NotMeasured(String),
}

/// Finds the moments at which a level rises above what is usual.
#[derive(Debug)]
struct Onsets {
    found: VecDeque<Moment>,
    usual: f32,
}

impl Onsets {
    const fn new() -> Self {
        Self { found: VecDeque::new(), usual: 0.0 }
    }

    /// Looks at a value; above `factor` times the usual and `least`, it is an onset at `moment`.
    fn add(&mut self, value: f32, least: f32, factor: f32, moment: Moment) {
        let rises = value >= least && value >= factor * self.usual;
        let rested = self.found.back().is_none_or(|&last| moment.nanoseconds_since(last) >= DEAD_TIME_NS);
        if rises && rested {
            self.found.push_back(moment);
        }
        self.usual += FOLLOW * (value.min(self.usual * factor + least) - self.usual);
        while self.found.front().is_some_and(|&first| moment.nanoseconds_since(first) > MEMORY_NS) {
            self.found.pop_front();
        }
    }
}

/// Watches brightness and loudness.
#[derive(Debug)]
pub struct SkewDetector {
    flashes: Onsets,
    beeps: Onsets,
    last_frame: Option<(Moment, f32)>,
    frame_ns: i64,
}

impl SkewDetector {
    /// Nothing seen, nothing heard.
    #[must_use]
    pub const fn new() -> Self {
        Self { flashes: Onsets::new(), beeps: Onsets::new(), last_frame: None, frame_ns: 0 }
    }

    /// Whether no frame's brightness ever came.
    #[must_use]
    pub const fn has_seen_nothing(&self) -> bool {
        self.last_frame.is_none()
    }

    /// A frame's mean brightness, 0 to 255. In the order of their stamps.
    pub fn see(&mut self, stamp: Moment, brightness: f32) {
        if let Some((before, level)) = self.last_frame.replace((stamp, brightness)) {
            let interval = stamp.nanoseconds_since(before).clamp(0, FURTHEST_NS);
            self.frame_ns = if self.frame_ns == 0 { interval } else { (self.frame_ns * 7 + interval) / 8 };
            // It happened between the two frames: the middle is wrong by half an interval at most.
            let moment = stamp.shifted(-interval / 2);
            self.flashes.add((brightness - level).max(0.0), LEAST_FLASH, FLASH_OVER_USUAL, moment);
        }
    }

    /// The loudness (root mean square) of the [`LOUDNESS_NS`] that begin at `start`.
    pub fn hear(&mut self, start: Moment, loudness: f32) {
        self.beeps.add(loudness, LEAST_BEEP, BEEP_OVER_USUAL, start);
    }

    /// What flashes and beeps of the last minute say. `clock_uncertainty_us` is that of both sensors' stamps together.
    #[must_use]
    pub fn skew(&self, clock_uncertainty_us: u64) -> Skew {
        let (flashes, beeps) = (&self.flashes.found, &self.beeps.found);
        if flashes.len() < FEWEST || beeps.len() < FEWEST {
            let (seen, heard) = (flashes.len(), beeps.len());
            return Skew::NotMeasured(format!(
                "{seen} flashes and {heard} beeps in the last minute; {FEWEST} of each are needed"
            ));
        }
        let mut agreeing = self.agreeing_differences();
        let needed = AGREEING * flashes.len().max(beeps.len()) as f64;
        if agreeing.len() < FEWEST || (agreeing.len() as f64) < needed {
            return Skew::NotMeasured("flashes and beeps don't follow each other at a constant distance".to_owned());
        }
        let middle = median(&mut agreeing);
        let mut deviations: Vec<i64> = agreeing.iter().map(|difference| (difference - middle).abs()).collect();
        // 1.48 median deviations are a standard deviation; the median of n has 1.25 times the mean's error.
        let spread = 2.0 * 1.25 * 1.4826 * median(&mut deviations) as f64 / (agreeing.len() as f64).sqrt();
        // A stimulus in step with the frames is always at the same place between two of them: that doesn't average out.
        let uncertainty_ns = spread + self.frame_ns as f64 / 2.0 + LOUDNESS_NS as f64;
        Skew::Measured {
            skew_us: middle / 1000,
            uncertainty_us: (uncertainty_ns / 1e3).ceil() as u64 + clock_uncertainty_us,
            pairs: agreeing.len() as u64,
        }
    }

    /// The largest group of differences (beep minus flash, one a flash) that lie within a frame and a half.
    fn agreeing_differences(&self) -> Vec<i64> {
        let differences = |flash: &Moment| -> Vec<i64> {
            let all = self.beeps.found.iter().map(|beep| beep.nanoseconds_since(*flash));
            all.filter(|difference| difference.abs() <= FURTHEST_NS).collect()
        };
        let mut sorted: Vec<(i64, usize)> = Vec::new();
        for (number, flash) in self.flashes.found.iter().enumerate() {
            sorted.extend(differences(flash).into_iter().map(|difference| (difference, number)));
        }
        sorted.sort_unstable();
        let width = self.frame_ns * 3 / 2 + LOUDNESS_NS;
        let group = |first: usize| {
            let end = sorted.partition_point(|&(difference, _)| difference <= sorted[first].0 + width);
            let mut group = sorted[first..end].to_vec();
            group.sort_unstable_by_key(|&(_, flash)| flash);
            group.dedup_by_key(|&mut (_, flash)| flash);
            group
        };
        let largest = (0..sorted.len()).map(group).max_by_key(Vec::len).unwrap_or_default();
        largest.into_iter().map(|(difference, _)| difference).collect()
    }
}

/// The middle value; 0 of none.
fn median(values: &mut [i64]) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    const MS: i64 = 1_000_000;
    const FRAME_NS: i64 = 33_333_333;

    /// Plays events into a detector: `flashes` and `beeps` in ms, each 100 ms long, with noise on both.
    fn watched(flashes: &[i64], beeps: &[i64], phase_ns: i64, seed: u64) -> SkewDetector {
        let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
        let mut detector = SkewDetector::new();
        let on = |events: &[i64], at: i64| events.iter().any(|event| (event * MS..event * MS + 100 * MS).contains(&at));
        let end = flashes.iter().chain(beeps).max().unwrap() * MS + 1000 * MS;
        for frame in 0..end / FRAME_NS {
            let at = frame * FRAME_NS + phase_ns;
            let level = if on(flashes, at) { 180.0 } else { 40.0 };
            detector.see(Moment::from_nanoseconds(at), level + random.random_range(-1.5f32..1.5));
        }
        for piece in 0..end / LOUDNESS_NS {
            let at = piece * LOUDNESS_NS;
            let level = if on(beeps, at) { 0.2 } else { 0.004 };
            detector.hear(Moment::from_nanoseconds(at), level * random.random_range(0.7f32..1.3));
        }
        detector
    }

    /// Events about a second apart, not in step with frames.
    fn events(seed: u64, count: usize) -> Vec<i64> {
        let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
        let mut at = 1000;
        std::iter::repeat_with(|| {
            at += random.random_range(700..1400);
            at
        })
        .take(count)
        .collect()
    }

    #[test]
    fn a_flash_and_a_beep_apart_are_recovered_within_a_frame() {
        for skew_ms in [-450i64, -200, -80, 0, 80, 200, 450] {
            for seed in 0..10 {
                let flashes = events(seed, 20);
                let beeps: Vec<i64> = flashes.iter().map(|flash| flash + skew_ms).collect();
                let phase = seed as i64 * 3 * MS;
                let Skew::Measured { skew_us, uncertainty_us, pairs } = watched(&flashes, &beeps, phase, seed).skew(0)
                else {
                    panic!("{skew_ms} ms was not measured")
                };
                let error_us = (skew_us - skew_ms * 1000).abs();
                assert!(error_us < FRAME_NS / 1000, "{skew_ms} ms: {skew_us} µs");
                assert!(error_us as u64 <= uncertainty_us, "{skew_ms} ms: {skew_us} ± {uncertainty_us} µs");
                assert!(pairs >= 16);
            }
        }
    }

    #[test]
    fn a_stimulus_in_step_with_the_frames_is_recovered_too() {
        for skew_ms in [-200i64, 0, 200] {
            let flashes: Vec<i64> = (1..20).map(|second| second * 1000).collect();
            let beeps: Vec<i64> = flashes.iter().map(|flash| flash + skew_ms).collect();
            let skew = watched(&flashes, &beeps, 0, 1).skew(0);
            assert!(
                matches!(skew, Skew::Measured { skew_us, .. } if (skew_us - skew_ms * 1000).abs() < FRAME_NS / 1000),
                "{skew:?}"
            );
        }
    }

    #[test]
    fn a_fifth_of_the_beeps_may_be_missing() {
        let flashes = events(3, 30);
        let beeps: Vec<i64> =
            flashes.iter().enumerate().filter(|(number, _)| number % 5 != 0).map(|(_, at)| at + 120).collect();
        assert!(matches!(watched(&flashes, &beeps, 0, 3).skew(0), Skew::Measured { .. }));
    }

    #[test]
    fn what_has_nothing_to_do_with_each_other_gives_no_figure() {
        for seed in 0..200 {
            let skew = watched(&events(seed, 25), &events(seed + 1000, 25), 0, seed).skew(0);
            assert!(matches!(skew, Skew::NotMeasured(_)), "seed {seed}: {skew:?}");
        }
    }

    #[test]
    fn noise_alone_is_neither_flash_nor_beep() {
        let detector = watched(&[50_000], &[50_000], 0, 5);
        assert!(detector.flashes.found.len() <= 1 && detector.beeps.found.len() <= 1);
        assert!(matches!(detector.skew(0), Skew::NotMeasured(reason) if reason.contains("are needed")));
    }
}
