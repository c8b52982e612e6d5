//! Frames that never come, or show what was before.

use super::random::{Random, Seed};
use super::severities::{CorruptionError, Severity, Strength, source};

/// What can happen to a stream of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamCorruption {
    /// Frames are lost, each by itself.
    DroppedFrames,
    /// The camera goes on sending an old frame, for some frames at a time.
    FrozenFrames,
}

impl StreamCorruption {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::DroppedFrames, Self::FrozenFrames];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DroppedFrames => "dropped_frames",
            Self::FrozenFrames => "frozen_frames",
        }
    }

    /// Where its severities are from; `None` when the table lacks it.
    #[must_use]
    pub fn source(self) -> Option<&'static str> {
        source(self.name())
    }
}

/// What a moment of a stream shows. The caller, who has the pictures, puts it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Its own picture.
    Own,
    /// None: the window has no picture.
    Missing,
    /// The picture of an earlier moment of the stream, with this index.
    Frozen(usize),
}

/// What each of `frames` moments shows. The first is never frozen: nothing was before it. In a reference set
/// samples follow each other in an order that is drawn, so a frozen frame is another sample's picture.
///
/// # Errors
/// When the program's own table of severities is wrong.
pub fn corrupt_stream(
    kind: StreamCorruption,
    severity: Severity,
    run: u64,
    frames: usize,
) -> Result<Vec<Frame>, CorruptionError> {
    let strength = Strength::new(kind.name(), severity)?;
    let mut random = Random::new(Seed { run, sample: 0 }, kind.name(), severity);
    let share = strength.get("share")?;
    match kind {
        StreamCorruption::DroppedFrames => {
            let lost = |_| if random.unit() < share { Frame::Missing } else { Frame::Own };
            Ok((0..frames).map(lost).collect())
        }
        StreamCorruption::FrozenFrames => {
            let mut shown = 0;
            let frozen = gaps(share, strength.get("length")?, frames, &mut random);
            let frame = |(index, frozen)| match frozen {
                true if index > 0 => Frame::Frozen(shown),
                _ => {
                    shown = index;
                    Frame::Own
                }
            };
            Ok(frozen.into_iter().enumerate().map(frame).collect())
        }
    }
}

/// Which of `count` places lie in gaps: a chain of two states (Gilbert 1960) that is in a gap for `share` of the time
/// and stays there for `length` places on average.
pub(super) fn gaps(share: f64, length: f64, count: usize, random: &mut Random) -> Vec<bool> {
    let leave = 1.0 / length.max(1.0);
    let enter = leave * share / (1.0 - share).max(f64::MIN_POSITIVE);
    let mut in_gap = random.unit() < share;
    let step = |_| {
        let now = in_gap;
        in_gap = if in_gap { random.unit() >= leave } else { random.unit() < enter };
        now
    };
    (0..count).map(step).collect()
}
