//! A reference set played as if it came from camera and microphone.

use std::time::Duration;

use edgeval_calibration::{ReferenceSet, SetError};
use serde::Deserialize;

use super::{CapturedWindow, Health, Next, Truth, WindowSource};
use crate::clock::Moment;

/// `[capture.replay]`: which set, how fast, how often.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The reference set's folder.
    pub set: Option<std::path::PathBuf>,
    /// Its split.
    pub split: String,
    /// How fast.
    pub speed: Speed,
    /// How often; 0 is without end.
    pub passes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { set: None, split: "test".to_owned(), speed: Speed::Times(1.0), passes: 1 }
    }
}

/// How fast a set is played.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "SpeedWord")]
pub enum Speed {
    /// As often as real time has it, times this (1: real time).
    Times(f64),
    /// The next sample as soon as the last was answered.
    Fastest,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SpeedWord {
    Times(f64),
    Word(String),
}

impl TryFrom<SpeedWord> for Speed {
    type Error = String;

    fn try_from(word: SpeedWord) -> Result<Self, String> {
        match word {
            SpeedWord::Times(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            SpeedWord::Word(word) if word == "fastest" => Ok(Self::Fastest),
            _ => Err("speed is a number above 0 (1: real time) or \"fastest\"".to_owned()),
        }
    }
}

/// Plays one sample a window.
#[derive(Debug)]
pub struct Replay {
    set: ReferenceSet,
    /// Positions in the set of the samples that are played.
    order: Vec<usize>,
    next: usize,
    passes_left: Option<u32>,
    /// Time from one window to the next; none when as fast as it goes.
    pace: Option<Duration>,
    window: Duration,
    due: Option<Moment>,
}

impl Replay {
    /// Plays `set` at the options' speed, one sample each `window`.
    ///
    /// # Errors
    /// When the set has no such split.
    pub fn new(set: ReferenceSet, options: &Options, window: Duration) -> Result<Self, SetError> {
        let order = set.positions(&options.split)?;
        let pace = match options.speed {
            Speed::Times(times) => Some(window.div_f64(times)),
            Speed::Fastest => None,
        };
        let passes_left = (options.passes > 0).then_some(options.passes);
        Ok(Self { set, order, next: 0, passes_left, pace, window, due: None })
    }

    /// Starts the next pass, if there is one.
    fn rewind(&mut self) -> bool {
        self.next = 0;
        match &mut self.passes_left {
            None => true,
            Some(left) => {
                *left -= 1;
                *left > 0
            }
        }
    }

    /// Waits for the next window's time, at most `timeout`; false when it isn't there yet.
    fn wait(&mut self, timeout: Duration) -> bool {
        let Some(pace) = self.pace else { return true };
        let now = Moment::now();
        let due = *self.due.get_or_insert(now);
        let ahead = due.since(now);
        std::thread::sleep(ahead.min(timeout));
        if ahead > timeout {
            return false;
        }
        // A window that took longer than its time delays those that follow: none is left out.
        let pace_ns = i64::try_from(pace.as_nanos()).unwrap_or(i64::MAX);
        self.due = Some(due.max(now.shifted(-pace_ns)).shifted(pace_ns));
        true
    }

    fn play(&mut self) -> Result<CapturedWindow, SetError> {
        let started = Moment::now();
        let sample = &self.set.samples()[self.order[self.next]];
        let window = self.set.window(sample)?;
        self.next += 1;
        let end = Moment::now();
        let length = i64::try_from(self.window.as_nanos()).unwrap_or(i64::MAX);
        let truth = Truth { sample: self.order[self.next - 1] };
        Ok(CapturedWindow {
            window,
            start: end.shifted(-length),
            end,
            capture: end.since(started),
            image_offset_us: None,
            truth: Some(truth),
        })
    }
}

impl WindowSource for Replay {
    fn next(&mut self, timeout: Duration) -> Next {
        if self.next == self.order.len() && !self.rewind() {
            return Next::Finished;
        }
        if !self.wait(timeout) {
            return Next::Nothing;
        }
        match self.play() {
            Ok(window) => Next::Window(Box::new(window)),
            Err(error) => Next::Failed(error.to_string()),
        }
    }

    fn health(&self) -> Health {
        Health::replayed()
    }
}
