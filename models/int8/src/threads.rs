//! The threads that work on one inference.

use std::ops::Range;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Parts for each thread.
const PARTS: usize = 4;

/// One thread, or a pool of several.
#[derive(Debug)]
pub struct Threads {
    pool: Option<ThreadPool>,
    count: usize,
}

/// Why a pool can't be made.
#[derive(Debug, thiserror::Error)]
#[error("{count} threads can't be started: {reason}")]
pub struct ThreadsError {
    count: usize,
    reason: rayon::ThreadPoolBuildError,
}

impl Threads {
    /// The caller's thread alone.
    #[must_use]
    pub const fn one() -> Self {
        Self { pool: None, count: 1 }
    }

    /// `count` threads; 0 counts as 1.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn new(count: usize) -> Result<Self, ThreadsError> {
        if count <= 1 {
            return Ok(Self::one());
        }
        let named = ThreadPoolBuilder::new().num_threads(count).thread_name(|index| format!("int8-{index}"));
        let pool = named.build().map_err(|reason| ThreadsError { count, reason })?;
        Ok(Self { pool: Some(pool), count })
    }

    /// How many there are, 1 or more.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Runs `work` inside the pool, so that every [`Self::split`] in it starts without waking the pool anew.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Cuts `0..count` into ranges that are multiples of `grain` long (but the last), a few for each thread, and gives
    /// each to `work` with the number of the thread that it runs on, below [`Self::count`]: no two run under one number at
    /// the same time. Returns when all are done.
    pub fn split(&self, count: usize, grain: usize, work: &(dyn Fn(usize, Range<usize>) + Sync)) {
        let grains = count.div_ceil(grain.max(1));
        cut(count, grain, self.parts(grains), work);
    }

    /// The same with one range for each thread: where every range has a price of its own.
    pub fn split_once(&self, count: usize, grain: usize, work: &(dyn Fn(usize, Range<usize>) + Sync)) {
        cut(count, grain, self.count.min(count.div_ceil(grain.max(1))), work);
    }

    /// Into how many parts so many grains are cut: more than threads, so that a thread that is late, or has a core that
    /// others use too, gets fewer.
    fn parts(&self, grains: usize) -> usize {
        if self.count == 1 { 1 } else { grains.min(self.count * PARTS) }
    }
}

impl Threads {
    /// Cuts a slice into pieces that are multiples of `grain` long (but the last), a few for each thread, and gives each with
    /// its place in the slice to `work`.
    pub fn split_slice<T: Send>(&self, slice: &mut [T], grain: usize, work: &(dyn Fn(usize, &mut [T]) + Sync)) {
        let grains = slice.len().div_ceil(grain.max(1));
        fork_slice((0, slice), grain, self.parts(grains), work);
    }
}

fn cut(count: usize, grain: usize, parts: usize, work: &(dyn Fn(usize, Range<usize>) + Sync)) {
    if parts <= 1 {
        return work(0, 0..count);
    }
    let grains = count.div_ceil(grain.max(1));
    let bounds = |part: usize| (grains * part / parts * grain).min(count);
    // A thread waits for others between ranges only, never inside one.
    let thread = || rayon::current_thread_index().unwrap_or(0);
    fork(0..parts, &|part| work(thread(), bounds(part)..bounds(part + 1)));
}

fn fork_slice<T: Send>(
    (start, slice): (usize, &mut [T]),
    grain: usize,
    parts: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    if parts <= 1 {
        work(start, slice);
        return;
    }
    let grains = slice.len().div_ceil(grain);
    let (first, second) = slice.split_at_mut(grains * (parts / 2) / parts * grain);
    let middle = start + first.len();
    rayon::join(
        || fork_slice((start, first), grain, parts / 2, work),
        || fork_slice((middle, second), grain, parts - parts / 2, work),
    );
}

/// Runs `work` for every part, halving as it goes: `join` allocates nothing.
fn fork(parts: Range<usize>, work: &(dyn Fn(usize) + Sync)) {
    if parts.len() <= 1 {
        parts.for_each(work);
        return;
    }
    let middle = parts.start + parts.len() / 2;
    rayon::join(|| fork(parts.start..middle, work), || fork(middle..parts.end, work));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_place_is_visited_once() {
        for threads in 1..=4 {
            let threads = Threads::new(threads).unwrap();
            for (count, grain) in [(0, 1), (1, 8), (7, 3), (64, 16), (1000, 7)] {
                let visits: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                threads.run(|| {
                    threads.split(count, grain, &|part, range| {
                        assert!(part < threads.count());
                        assert!(range.start % grain == 0);
                        range.for_each(|place| _ = visits[place].fetch_add(1, Ordering::Relaxed));
                    });
                });
                assert!(visits.iter().all(|visit| visit.load(Ordering::Relaxed) == 1));
                let mut places = vec![0; count];
                threads.run(|| {
                    threads.split_slice(&mut places, grain, &|start, piece| {
                        assert!(start % grain == 0);
                        piece.iter_mut().enumerate().for_each(|(place, value)| *value += start + place);
                    });
                });
                assert!(places.iter().copied().eq(0..count));
            }
        }
    }
}
