//! The one clock inside: CLOCK_MONOTONIC. Logic gets moments as arguments; only the edges read the clock.

use std::time::Duration;

use crate::probe::cpu;

/// A reading of CLOCK_MONOTONIC, in nanoseconds since an arbitrary start (boot, on Linux).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment {
    nanoseconds: i64,
}

impl Moment {
    /// Reads the clock.
    #[must_use]
    pub fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Self { nanoseconds: time.tv_sec * 1_000_000_000 + time.tv_nsec }
    }

    /// When this process began, to be asked first thing: now, less the processor time that was used until now (the loader's, mostly).
    /// Waiting for the program to come from a disk isn't in it.
    #[must_use]
    pub fn of_process() -> Self {
        let used = cpu::process_time().as_nanos();
        Self::now().shifted(-i64::try_from(used).unwrap_or(0))
    }

    /// The moment this many nanoseconds after the clock's start.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self { nanoseconds }
    }

    /// Nanoseconds since the clock's start.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.nanoseconds
    }

    /// Whole milliseconds since the clock's start.
    #[must_use]
    pub fn milliseconds(self) -> u64 {
        u64::try_from(self.nanoseconds / 1_000_000).unwrap_or(0)
    }

    /// Nanoseconds from `earlier` to this moment; negative when `earlier` is later.
    #[must_use]
    pub const fn nanoseconds_since(self, earlier: Self) -> i64 {
        self.nanoseconds - earlier.nanoseconds
    }

    /// Time since `earlier`, zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.nanoseconds_since(earlier)).unwrap_or(0))
    }

    /// This moment, moved by nanoseconds (negative: earlier).
    #[must_use]
    pub const fn shifted(self, nanoseconds: i64) -> Self {
        Self { nanoseconds: self.nanoseconds + nanoseconds }
    }
}
