//! Which frame belongs to which window: the one nearest to its centre. Pure; frames that no window wants are not kept.

use super::windower::Grid;
use crate::clock::Moment;

/// A picture further from its window's centre than this doesn't belong to it.
const FURTHEST_NS: u64 = 250_000_000;

/// A frame and the window that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked<T> {
    /// The window's number on the grid.
    pub window: i64,
    /// When the frame was taken.
    pub stamp: Moment,
    /// The frame.
    pub frame: T,
}

/// Goes through frames in the order of their stamps.
#[derive(Debug)]
pub struct Picker<T> {
    grid: Grid,
    best: Option<Picked<T>>,
    /// Windows up to this one have theirs.
    decided: i64,
}

impl<T> Picker<T> {
    /// Picks for the windows of `grid`.
    #[must_use]
    pub const fn new(grid: Grid) -> Self {
        Self { grid, best: None, decided: i64::MIN }
    }

    /// Looks at a frame; `keep` copies it, and is called only when it is the best so far. Returns what was decided:
    /// at the first frame past a window's centre, no later one can be nearer.
    pub fn offer(&mut self, stamp: Moment, keep: impl FnOnce() -> T) -> Option<Picked<T>> {
        let window = self.grid.nearest_centre(stamp);
        let overtaken = self.best.take_if(|best| best.window < window);
        let decided_before = overtaken.as_ref().map_or(self.decided, |best| best.window);
        self.decided = self.decided.max(decided_before);
        let distance = |moment: Moment| moment.nanoseconds_since(self.grid.centre(window)).unsigned_abs();
        let nearer = self.best.as_ref().is_none_or(|best| distance(stamp) < distance(best.stamp));
        if window > self.decided && nearer && distance(stamp) <= FURTHEST_NS {
            self.best = Some(Picked { window, stamp, frame: keep() });
        }
        if overtaken.is_none() && stamp >= self.grid.centre(window) && self.best.is_some() {
            self.decided = window;
            return self.best.take();
        }
        overtaken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOP_NS: i64 = 500_000_000;
    const WINDOW_NS: i64 = 1_000_000_000;

    fn grid() -> Grid {
        Grid::new(500, 1000)
    }

    proptest! {
        /// Whatever the frames' times, each picked frame is the nearest to its window's centre, and none comes twice.
        #[test]
        fn the_nearest_is_picked(gaps_ms in prop::collection::vec(1i64..400, 10..200), start in 0i64..1_000_000_000_000) {
            let mut at = start;
            let stamps: Vec<i64> = gaps_ms.iter().map(|gap| { at += gap * 1_000_000; at }).collect();
            let mut picker = Picker::new(grid());
            let picked: Vec<_> = stamps.iter()
                .filter_map(|&stamp| picker.offer(Moment::from_nanoseconds(stamp), || stamp)).collect();
            for pair in picked.windows(2) {
                prop_assert!(pair[0].window < pair[1].window);
            }
            for pick in &picked {
                let centre = pick.window * HOP_NS + WINDOW_NS / 2;
                let nearest = stamps.iter().map(|stamp| (stamp - centre).abs()).min().unwrap();
                prop_assert_eq!((pick.frame - centre).abs(), nearest);
            }
        }
    }

    #[test]
    fn a_picture_is_there_before_its_window_ends() {
        let mut picker = Picker::new(grid());
        let frames = (0..60).map(|number| number * 33_333_333);
        let picked: Vec<_> =
            frames.filter_map(|stamp| picker.offer(Moment::from_nanoseconds(stamp), || ()).map(|_| stamp)).collect();
        assert_eq!(picked, [0, 533_333_328, 1_033_333_323, 1_533_333_318]);
    }

    #[test]
    fn a_slow_camera_gives_a_picture_to_the_windows_that_it_fits() {
        let mut picker = Picker::new(grid());
        let picked: Vec<_> = (0..5)
            .filter_map(|second| picker.offer(Moment::from_nanoseconds(second * 1_000_000_000), || second))
            .map(|pick| pick.window)
            .collect();
        assert_eq!(picked, [-1, 1, 3, 5, 7]);
    }
}
