//! Windows on a fixed grid of CLOCK_MONOTONIC: when each can be made. Pure; time is an argument.

use std::collections::BTreeMap;

use super::picker::Picked;
use crate::clock::Moment;

const NS_PER_MS: i64 = 1_000_000;

/// Window k runs from `k * hop` for `window`, so every source that knows the grid means the same window by a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    hop_ns: i64,
    window_ns: i64,
}

impl Grid {
    /// A window of `window_ms` every `hop_ms` (both above 0).
    #[must_use]
    pub fn new(hop_ms: u32, window_ms: u32) -> Self {
        Self { hop_ns: i64::from(hop_ms.max(1)) * NS_PER_MS, window_ns: i64::from(window_ms.max(1)) * NS_PER_MS }
    }

    /// When window `number` begins.
    #[must_use]
    pub const fn start(&self, number: i64) -> Moment {
        Moment::from_nanoseconds(number * self.hop_ns)
    }

    /// When window `number` ends.
    #[must_use]
    pub const fn end(&self, number: i64) -> Moment {
        self.start(number).shifted(self.window_ns)
    }

    /// The middle of window `number`: its picture is the one nearest to it.
    #[must_use]
    pub const fn centre(&self, number: i64) -> Moment {
        self.start(number).shifted(self.window_ns / 2)
    }

    /// The window whose centre is nearest.
    #[must_use]
    pub const fn nearest_centre(&self, moment: Moment) -> i64 {
        (moment.nanoseconds() - self.window_ns / 2 + self.hop_ns / 2).div_euclid(self.hop_ns)
    }

    /// The latest window that has ended by `moment`.
    #[must_use]
    pub const fn last_ended(&self, moment: Moment) -> i64 {
        (moment.nanoseconds() - self.window_ns).div_euclid(self.hop_ns)
    }

    /// The first window that begins after `moment`.
    #[must_use]
    pub const fn next_start(&self, moment: Moment) -> i64 {
        moment.nanoseconds().div_euclid(self.hop_ns) + 1
    }

    /// A window's length in nanoseconds.
    #[must_use]
    pub const fn window_ns(&self) -> i64 {
        self.window_ns
    }
}

/// A window that can be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due<P> {
    /// Its number on the grid.
    pub number: i64,
    /// Its picture, if one came.
    pub picture: Option<Picked<P>>,
}

/// Waits for the sensors of each window, but not longer than the grace period.
#[derive(Debug)]
pub struct Windower<P> {
    grid: Grid,
    grace_ns: i64,
    wants_picture: bool,
    wants_sound: bool,
    pictures: BTreeMap<i64, Picked<P>>,
    sound_until: Moment,
    next: i64,
    skipped: u64,
}

impl<P> Windower<P> {
    /// Starts with the first window that begins after `now`.
    #[must_use]
    pub fn new(grid: Grid, grace_ms: u32, wants: (bool, bool), now: Moment) -> Self {
        Self {
            grid,
            grace_ns: i64::from(grace_ms) * NS_PER_MS,
            wants_picture: wants.0,
            wants_sound: wants.1,
            pictures: BTreeMap::new(),
            sound_until: Moment::from_nanoseconds(i64::MIN),
            next: grid.next_start(now),
            skipped: 0,
        }
    }

    /// A picture came. One whose window was made already is too late and goes.
    pub fn add_picture(&mut self, picture: Picked<P>) {
        if picture.window >= self.next {
            self.pictures.insert(picture.window, picture);
        }
    }

    /// Sound is there up to this moment.
    pub const fn sound_reaches(&mut self, until: Moment) {
        self.sound_until = until;
    }

    /// The next window, if all of it is there by `now` or its grace period is over. When several are overdue, all but
    /// the latest are skipped: old windows would never be caught up with.
    pub fn poll(&mut self, now: Moment) -> Option<Due<P>> {
        let overdue = self.grid.last_ended(now.shifted(-self.grace_ns));
        if overdue > self.next {
            self.skipped += overdue.abs_diff(self.next);
            self.next = overdue;
        }
        let number = self.next;
        let ended = self.grid.end(number) <= now;
        if !ended || (overdue < number && !self.is_complete(number)) {
            return None;
        }
        self.next = number + 1;
        let later = self.pictures.split_off(&self.next);
        let picture = std::mem::replace(&mut self.pictures, later).remove(&number);
        Some(Due { number, picture })
    }

    fn is_complete(&self, number: i64) -> bool {
        let seen = !self.wants_picture || self.pictures.contains_key(&number);
        let heard = !self.wants_sound || self.sound_until >= self.grid.end(number);
        seen && heard
    }

    /// Windows that were skipped.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(milliseconds: i64) -> Moment {
        Moment::from_nanoseconds(milliseconds * NS_PER_MS)
    }

    const fn picture(window: i64) -> Picked<i64> {
        Picked { window, stamp: ms(window * 500 + 500), frame: window }
    }

    fn windower(now_ms: i64) -> Windower<i64> {
        Windower::new(Grid::new(500, 1000), 300, (true, true), ms(now_ms))
    }

    #[test]
    fn a_window_is_made_as_soon_as_all_of_it_is_there() {
        let mut windower = windower(10);
        windower.add_picture(picture(1));
        windower.sound_reaches(ms(1499));
        assert_eq!(windower.poll(ms(1500)), None);
        windower.sound_reaches(ms(1500));
        assert_eq!(windower.poll(ms(1499)), None);
        let due = windower.poll(ms(1500)).unwrap();
        assert_eq!((due.number, due.picture.unwrap().frame), (1, 1));
    }

    #[test]
    fn a_sensor_that_is_away_is_waited_for_and_then_done_without() {
        let mut windower = windower(10);
        windower.sound_reaches(ms(1600));
        assert_eq!(windower.poll(ms(1799)), None);
        assert_eq!(windower.poll(ms(1800)), Some(Due { number: 1, picture: None }));
    }

    #[test]
    fn a_picture_that_comes_too_late_goes() {
        let mut windower = windower(10);
        assert!(windower.poll(ms(1800)).is_some());
        windower.add_picture(picture(1));
        assert!(windower.pictures.is_empty());
    }

    #[test]
    fn a_slow_reader_gets_the_latest_and_the_others_are_counted() {
        let mut windower = windower(10);
        for number in 1..=8 {
            windower.add_picture(picture(number));
        }
        windower.sound_reaches(ms(5000));
        let due = windower.poll(ms(4900)).unwrap();
        assert_eq!((due.number, windower.skipped()), (7, 6));
        assert_eq!(windower.poll(ms(5000)).map(|due| due.number), Some(8));
        assert!(windower.pictures.is_empty());
    }

    #[test]
    fn only_what_is_wanted_is_waited_for() {
        let mut windower: Windower<()> = Windower::new(Grid::new(500, 1000), 300, (false, true), ms(10));
        windower.sound_reaches(ms(1500));
        assert!(windower.poll(ms(1500)).is_some());
    }

    proptest! {
        /// With any jitter, drops and pauses, every window is made once or counted as skipped, in order, and none early.
        #[test]
        fn no_window_is_lost_or_doubled(
            steps in prop::collection::vec((1i64..900, any::<bool>(), any::<bool>()), 1..200),
            start in -5_000i64..5_000_000,
        ) {
            let mut windower = windower(start);
            let first = windower.next;
            let (mut now, mut made) = (start, Vec::new());
            for (pause, sees, hears) in steps {
                now += pause;
                if sees { windower.add_picture(picture(windower.grid.nearest_centre(ms(now)))); }
                if hears { windower.sound_reaches(ms(now)); }
                while let Some(due) = windower.poll(ms(now)) {
                    prop_assert!(windower.grid.end(due.number) <= ms(now));
                    made.push(due.number);
                }
            }
            prop_assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
            let reached = made.last().map_or(0, |last| last + 1 - first);
            prop_assert_eq!(made.len() as i64 + windower.skipped() as i64, reached);
        }

        #[test]
        fn the_grid_agrees_with_itself(moment in -1_000_000_000_000i64..1_000_000_000_000, hop in 20u32..5000, window in 20u32..5000) {
            let grid = Grid::new(hop, window);
            let moment = Moment::from_nanoseconds(moment);
            let last = grid.last_ended(moment);
            prop_assert!(grid.end(last) <= moment && grid.end(last + 1) > moment);
            let nearest = grid.nearest_centre(moment);
            let distance = |number: i64| moment.nanoseconds_since(grid.centre(number)).abs();
            prop_assert!(distance(nearest) <= distance(nearest - 1) && distance(nearest) <= distance(nearest + 1));
        }
    }
}
