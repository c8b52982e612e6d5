//! What the disk has yet to be told, and when: pure.
//!
//! A flash card wears by the write, so writes are rare: new reports wait for each other, and what left waits for the
//! next new report.

use std::collections::BTreeSet;
use std::time::Duration;

use super::message::Key;
use crate::clock::Moment;

/// So many new reports are written at once, however short the last write is ago.
const MANY_NEW: usize = 64;
/// What left is written after this long without a new report. Until then a crash sends it twice.
const ERASE_INTERVAL: Duration = Duration::from_secs(300);
/// So many that left are written without waiting.
const MANY_ERASED: usize = 256;

/// When the next write is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Now.
    Now,
    /// Then.
    At(Moment),
    /// There is nothing to write.
    Never,
}

/// The changes between memory and disk.
#[derive(Debug)]
pub struct Ledger {
    interval: Duration,
    last_write: Option<Moment>,
    new: BTreeSet<Key>,
    erased: BTreeSet<Key>,
    /// What the write that goes on now holds.
    writing: BTreeSet<Key>,
    erasing: BTreeSet<Key>,
    /// The last write had no room for everything.
    more: bool,
    /// Nothing may wait any more.
    hurry: bool,
}

impl Ledger {
    /// Nothing to write. `interval` is the least time between two writes of new reports.
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            last_write: None,
            new: BTreeSet::new(),
            erased: BTreeSet::new(),
            writing: BTreeSet::new(),
            erasing: BTreeSet::new(),
            more: false,
            hurry: false,
        }
    }

    /// A report came.
    pub fn add(&mut self, key: Key) {
        self.new.insert(key);
    }

    /// A report left. One that never reached the disk leaves no trace there.
    pub fn remove(&mut self, key: Key) {
        if !self.new.remove(&key) {
            self.erased.insert(key);
        }
    }

    /// The process ends soon.
    pub const fn hurry(&mut self) {
        self.hurry = true;
    }

    /// When to write next.
    pub fn due(&self, now: Moment) -> Due {
        let interval = match (self.new.len(), self.erased.len()) {
            (0, 0) => return Due::Never,
            (MANY_NEW.., _) | (_, MANY_ERASED..) => return Due::Now,
            _ if self.hurry || self.more => return Due::Now,
            (0, _) => ERASE_INTERVAL,
            _ => self.interval,
        };
        let Some(last_write) = self.last_write else { return Due::Now };
        if now.since(last_write) >= interval { Due::Now } else { Due::At(later(last_write, interval)) }
    }

    /// Begins a write: the first reports that fit into it, and reports to erase.
    pub fn begin(&mut self, mut fits: impl FnMut(Key) -> bool) -> (Vec<Key>, Vec<Key>) {
        let left = self.new.iter().copied().find(|key| !fits(*key)).map(|key| self.new.split_off(&key));
        self.writing = std::mem::replace(&mut self.new, left.unwrap_or_default());
        self.more = !self.new.is_empty();
        self.erasing = std::mem::take(&mut self.erased);
        (self.writing.iter().copied().collect(), self.erasing.iter().copied().collect())
    }

    /// Begins a write of what left alone: it makes room on a disk that is full.
    pub fn begin_erasing(&mut self) -> Vec<Key> {
        self.erasing = std::mem::take(&mut self.erased);
        self.erasing.iter().copied().collect()
    }

    /// The write is done; gives the reports that are on disk now.
    pub fn written(&mut self, now: Moment) -> BTreeSet<Key> {
        self.last_write = Some(now);
        self.erasing.clear();
        std::mem::take(&mut self.writing)
    }

    /// The write failed: all of it is still to do, but for reports that left meanwhile.
    pub fn failed(&mut self) {
        let writing = std::mem::take(&mut self.writing);
        self.new.extend(writing.difference(&self.erased));
        self.erased.append(&mut self.erasing);
    }

    /// Every key becomes larger by this much. There is no write going on.
    pub fn shift_keys(&mut self, by: Key) {
        for keys in [&mut self.new, &mut self.erased] {
            *keys = keys.iter().map(|key| key + by).collect();
        }
    }

    /// Whether there is anything to write.
    pub fn has_changes(&self) -> bool {
        !self.new.is_empty() || !self.erased.is_empty()
    }

    /// Whether reports wait that no write holds.
    pub fn has_new(&self) -> bool {
        !self.new.is_empty()
    }

    /// Whether something left that the disk still holds.
    pub fn has_erased(&self) -> bool {
        !self.erased.is_empty()
    }
}

/// That much later.
pub(super) fn later(moment: Moment, time: Duration) -> Moment {
    moment.shifted(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    fn at(seconds: i64) -> Moment {
        Moment::from_nanoseconds(seconds * 1_000_000_000)
    }

    #[test]
    fn the_first_report_is_written_at_once_and_the_next_wait_for_each_other() {
        let mut ledger = Ledger::new(INTERVAL);
        assert_eq!(ledger.due(at(0)), Due::Never);
        ledger.add(1);
        assert_eq!(ledger.due(at(0)), Due::Now);
        assert_eq!(ledger.begin(|_| true), (vec![1], vec![]));
        assert_eq!(ledger.written(at(1)), BTreeSet::from([1]));
        ledger.add(2);
        assert_eq!(ledger.due(at(2)), Due::At(at(6)));
        assert_eq!(ledger.due(at(6)), Due::Now);
        (3..70).for_each(|key| ledger.add(key));
        assert_eq!(ledger.due(at(2)), Due::Now, "so many don't wait");
    }

    #[test]
    fn what_left_waits_for_the_next_report() {
        let mut ledger = Ledger::new(INTERVAL);
        ledger.add(1);
        ledger.begin(|_| true);
        ledger.written(at(0));
        ledger.remove(1);
        assert_eq!(ledger.due(at(10)), Due::At(at(300)));
        ledger.add(2);
        assert_eq!(ledger.due(at(10)), Due::Now);
        assert_eq!(ledger.begin(|_| true), (vec![2], vec![1]));
        ledger.hurry();
        assert_eq!(ledger.due(at(10)), Due::Never);
    }

    #[test]
    fn a_report_that_never_reached_the_disk_leaves_no_trace() {
        let mut ledger = Ledger::new(INTERVAL);
        ledger.add(1);
        ledger.remove(1);
        assert_eq!(ledger.due(at(0)), Due::Never);
    }

    #[test]
    fn what_does_not_fit_is_written_next_and_soon() {
        let mut ledger = Ledger::new(INTERVAL);
        (1..=3).for_each(|key| ledger.add(key));
        assert_eq!(ledger.begin(|key| key < 3), (vec![1, 2], vec![]));
        ledger.written(at(0));
        assert_eq!(ledger.due(at(0)), Due::Now);
        assert_eq!(ledger.begin(|_| true), (vec![3], vec![]));
        ledger.written(at(0));
        assert_eq!(ledger.due(at(0)), Due::Never);
    }

    #[test]
    fn a_failed_write_is_still_to_do() {
        let mut ledger = Ledger::new(INTERVAL);
        ledger.add(1);
        ledger.add(2);
        ledger.begin(|_| true);
        ledger.remove(2);
        ledger.failed();
        assert_eq!(ledger.begin(|_| true), (vec![1], vec![2]), "it is not known whether 2 was written");
    }
}
