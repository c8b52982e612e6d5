//! Watching an evaluation: progress on a terminal, Ctrl-C, and the time that it may take.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use edgeval_calibration::{Observer, Stage};
use indicatif::ProgressBar;

use crate::background::Teller;
use crate::clock::Moment;
use crate::stop::Stop;
use crate::terminal;

/// Watches an evaluation.
#[derive(Debug)]
pub(in crate::command) struct Watcher {
    stop: Stop,
    started: Moment,
    budget: Option<Duration>,
    teller: Option<Teller>,
    bar: Mutex<Option<(&'static str, ProgressBar)>>,
}

impl Watcher {
    /// Time counts from now.
    pub fn new(stop: Stop, budget: Option<Duration>, teller: Option<Teller>) -> Self {
        Self { stop, started: Moment::now(), budget, teller, bar: Mutex::new(None) }
    }

    /// Whether somebody wanted to stop.
    pub fn interrupted(&self) -> bool {
        self.stop.requested()
    }

    /// Takes the bar off the terminal.
    pub fn clear(&self) {
        if let Some((_, bar)) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    /// So many samples of a stage are done.
    pub fn show(&self, words: &'static str, done: usize, samples: usize) {
        self.teller.iter().for_each(|teller| teller.tell(words, done as u64, samples as u64));
        let mut shown = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref().is_none_or(|(of, _)| *of != words) {
            if let Some((_, bar)) = shown.take() {
                bar.finish_and_clear();
            }
            *shown = Some((words, terminal::progress(samples as u64, words)));
        }
        if let Some((_, bar)) = shown.as_ref() {
            bar.set_position(done as u64);
        }
    }
}

impl Observer for Watcher {
    fn progress(&self, stage: Stage, done: usize, samples: usize) {
        let words = match stage {
            Stage::Clean => "scoring",
            Stage::Trials => "trying",
            Stage::Wrong => "explaining",
        };
        self.show(words, done, samples);
    }

    /// Half of the time is for samples as they are: the rest is worth nothing without any tried.
    fn stops(&self, stage: Stage) -> bool {
        let share = match stage {
            Stage::Clean => 0.5,
            // What is wrong is explained last.
            Stage::Trials => 0.95,
            Stage::Wrong => 1.0,
        };
        let is_over = |budget: Duration| Moment::now().since(self.started) >= budget.mul_f64(share);
        self.interrupted() || self.budget.is_some_and(is_over)
    }

    /// Trials that were begun have the last of the time to end in.
    fn drops(&self) -> bool {
        self.stops(Stage::Wrong)
    }
}
