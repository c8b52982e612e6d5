//! The last seconds of sound, by sample number: what wasn't captured is silence, and counted. Pure.

use std::collections::VecDeque;

/// Mono samples, of which the latest `capacity` are kept.
#[derive(Debug)]
pub struct SoundHistory {
    samples: VecDeque<f32>,
    /// The number of the first sample kept.
    first: u64,
    /// Holes, as sample numbers from and to, oldest first.
    holes: VecDeque<(u64, u64)>,
    capacity: usize,
}

/// A piece of sound and how much of it is silence that nobody heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The samples, with silence where there were none.
    pub samples: Vec<f32>,
    /// How many were missing.
    pub missing: usize,
}

impl SoundHistory {
    /// An empty history.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { samples: VecDeque::new(), first: 0, holes: VecDeque::new(), capacity }
    }

    /// The number after the last sample.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.samples.len() as u64
    }

    /// Adds samples, the first of which has the number `first`. A hole before them is filled with silence; samples
    /// that are there already are left as they are.
    pub fn push(&mut self, first: u64, samples: &[f32]) {
        if self.samples.is_empty() || first > self.end() + self.capacity as u64 {
            self.samples.clear();
            self.holes.clear();
            self.first = first;
        }
        let end = self.end();
        if first > end {
            self.holes.push_back((end, first));
            self.samples.extend(std::iter::repeat_n(0.0, (first - end) as usize));
        }
        let known = usize::try_from(end.saturating_sub(first)).unwrap_or(usize::MAX).min(samples.len());
        self.samples.extend(&samples[known..]);
        self.forget_the_oldest();
    }

    fn forget_the_oldest(&mut self) {
        let excess = self.samples.len().saturating_sub(self.capacity);
        self.samples.drain(..excess);
        self.first += excess as u64;
        while self.holes.front().is_some_and(|hole| hole.1 <= self.first) {
            self.holes.pop_front();
        }
    }

    /// `count` samples from number `from` (before the first: silence).
    #[must_use]
    pub fn piece(&self, from: i64, count: usize) -> Piece {
        let first = i64::try_from(self.first).unwrap_or(i64::MAX);
        let sample = |number: i64| {
            let position = usize::try_from(number - first).ok();
            position.and_then(|position| self.samples.get(position))
        };
        let end = from.saturating_add_unsigned(count as u64);
        let samples: Vec<f32> = (from..end).map(|number| sample(number).copied().unwrap_or(0.0)).collect();
        let outside = (from..end).filter(|&number| sample(number).is_none()).count();
        let clamp = |number: u64| i64::try_from(number.max(self.first)).unwrap_or(i64::MAX).clamp(from, end);
        let inside: i64 = self.holes.iter().map(|&(hole, over)| clamp(over) - clamp(hole)).sum();
        Piece { samples, missing: outside + usize::try_from(inside).unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hole_is_silence_and_counted() {
        let mut history = SoundHistory::new(100);
        history.push(10, &[1.0; 5]);
        history.push(18, &[2.0; 2]);
        let piece = history.piece(8, 14);
        assert_eq!(piece.samples, [0., 0., 1., 1., 1., 1., 1., 0., 0., 0., 2., 2., 0., 0.]);
        assert_eq!(piece.missing, 2 + 3 + 2);
    }

    #[test]
    fn a_jump_beyond_all_that_is_kept_starts_anew() {
        let mut history = SoundHistory::new(10);
        history.push(0, &[1.0; 10]);
        history.push(1_000_000_000_000, &[2.0; 3]);
        assert_eq!(history.samples.len(), 3);
    }

    proptest! {
        #[test]
        fn every_sample_is_itself_or_missing(chunks in prop::collection::vec((0u64..40, 1usize..30), 1..40), from in -20i64..800, count in 0usize..200) {
            let mut history = SoundHistory::new(150);
            let (mut next, mut heard) = (0u64, std::collections::BTreeSet::new());
            for (gap, length) in chunks {
                next += gap;
                let samples: Vec<f32> = (next..next + length as u64).map(|number| number as f32 + 1.0).collect();
                heard.extend(next..next + length as u64);
                history.push(next, &samples);
                next += length as u64;
            }
            prop_assert!(history.samples.len() <= 150);
            let kept = |number: i64| number >= 0 && (number as u64) >= history.first && heard.contains(&(number as u64));
            let piece = history.piece(from, count);
            for (offset, sample) in piece.samples.iter().enumerate() {
                let number = from + offset as i64;
                prop_assert_eq!(*sample, if kept(number) { number as f32 + 1.0 } else { 0.0 });
            }
            let missing = (from..from + count as i64).filter(|&number| !kept(number)).count();
            prop_assert_eq!(piece.missing, missing);
        }
    }
}
