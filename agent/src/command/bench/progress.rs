//! How far a bench is: a bar with time left on a terminal, lines for the daemon, nothing when piped.

use indicatif::ProgressBar;

use crate::background::{Background, Teller};
use crate::terminal;

/// Steps of a bar.
const STEPS: u64 = 1000;

/// Shows how far it is, until it is dropped.
#[derive(Debug)]
pub struct Progress {
    words: &'static str,
    bar: ProgressBar,
    teller: Option<Teller>,
}

impl Progress {
    /// Nothing done yet.
    pub fn start(words: &'static str, background: &Background) -> Self {
        Self { words, bar: terminal::progress_of_share(STEPS, words), teller: background.teller() }
    }

    /// So much is done, 0 to 1.
    pub fn show(&self, share: f64) {
        let steps = (share * STEPS as f64) as u64;
        self.bar.set_position(steps);
        self.teller.iter().for_each(|teller| teller.tell(self.words, steps, STEPS));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
