//! Refusals counted, answered and logged at a bounded rate: whoever sends a million gets a few answers and the board a few lines.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Moment;

/// Refusals that are answered at once, and how soon another one may be.
const BURST: u32 = 20;
const PER_ANSWER: Duration = Duration::from_millis(200);
/// One line of the log at most in this time.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// The count of refusals, by reason.
#[derive(Debug)]
pub struct Refusals {
    total: BTreeMap<&'static str, u64>,
    unlogged: BTreeMap<&'static str, u64>,
    last_line: Option<Moment>,
    answers: u32,
    refilled: Moment,
}

impl Refusals {
    /// Nothing refused yet.
    #[must_use]
    pub const fn new(now: Moment) -> Self {
        Self { total: BTreeMap::new(), unlogged: BTreeMap::new(), last_line: None, answers: BURST, refilled: now }
    }

    /// Counts refusals for one reason.
    pub fn count(&mut self, code: &'static str, times: u64) {
        if times > 0 {
            *self.total.entry(code).or_default() += times;
            *self.unlogged.entry(code).or_default() += times;
        }
    }

    /// Whether one may be answered now.
    pub fn may_answer(&mut self, now: Moment) -> bool {
        let earned = u32::try_from(now.since(self.refilled).as_millis() / PER_ANSWER.as_millis()).unwrap_or(u32::MAX);
        if earned > 0 {
            self.answers = self.answers.saturating_add(earned).min(BURST);
            self.refilled = now;
        }
        let may = self.answers > 0;
        self.answers = self.answers.saturating_sub(1);
        may
    }

    /// What the log should say, at most once a minute.
    pub fn line(&mut self, now: Moment) -> Option<String> {
        let is_early = self.last_line.is_some_and(|last| now.since(last) < BETWEEN_LINES);
        if self.unlogged.is_empty() || is_early {
            return None;
        }
        self.last_line = Some(now);
        let counted = std::mem::take(&mut self.unlogged);
        let words: Vec<String> = counted.iter().map(|(code, times)| format!("{code} {times}")).collect();
        Some(words.join(", "))
    }

    /// All of them, by reason.
    #[must_use]
    pub const fn total(&self) -> &BTreeMap<&'static str, u64> {
        &self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(milliseconds: i64) -> Moment {
        Moment::from_nanoseconds(milliseconds * 1_000_000)
    }

    #[test]
    fn answers_are_few_and_grow_again() {
        let mut refusals = Refusals::new(after(0));
        assert_eq!((0..1000).filter(|_| refusals.may_answer(after(1))).count(), BURST as usize);
        assert_eq!((0..1000).filter(|_| refusals.may_answer(after(1001))).count(), 5);
        assert_eq!((0..1000).filter(|_| refusals.may_answer(after(10_000_000))).count(), BURST as usize);
    }

    #[test]
    fn a_line_a_minute_tells_all() {
        let mut refusals = Refusals::new(after(0));
        refusals.count("unsigned", 1);
        assert_eq!(refusals.line(after(1)).as_deref(), Some("unsigned 1"));
        refusals.count("unsigned", 2);
        refusals.count("expired", 1);
        assert_eq!(refusals.line(after(2)), None);
        assert_eq!(refusals.line(after(60_001)).as_deref(), Some("expired 1, unsigned 2"));
        assert_eq!(refusals.line(after(200_000)), None);
        assert_eq!(refusals.total()["unsigned"], 3);
    }
}
