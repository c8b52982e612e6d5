//! What a message is to the outbox, and what can become of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::room::WhenFull;

/// A message's name inside the outbox: later ones have larger keys.
pub type Key = u64;

/// How much may wait, and what goes when it doesn't fit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Room for reports, in bytes of disk as [`super::record::cost_bytes`] has them.
    pub bytes: usize,
    /// The part of it that may be in memory alone.
    pub memory_bytes: usize,
    /// What goes first.
    pub when_full: WhenFull,
}

/// What a message is to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Each one must arrive.
    Report,
    /// Only the latest of its topic must: it replaces one that still waits.
    Latest,
    /// It belongs to one connection and is made anew for the next; it isn't counted.
    Session,
    /// An answer to a command: each one must arrive, but not across a restart.
    Answer,
}

/// A message, ready for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub topic: String,
    /// The bytes.
    pub payload: Vec<u8>,
    /// MQTT 5's content type.
    pub content_type: &'static str,
    /// Whether the broker keeps it.
    pub retain: bool,
    /// Whether it is sent until it is acknowledged (QoS 1).
    pub assured: bool,
    /// What it is to the queue.
    pub purpose: Purpose,
    /// What a command's sender tells its answer by.
    pub correlation_data: Option<Vec<u8>>,
}

/// What the queue knows of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub key: Key,
    /// What it is to the queue.
    pub purpose: Purpose,
    /// Where to.
    pub topic: String,
    /// Room that it takes.
    pub bytes: usize,
    /// How safe it is.
    pub place: Place,
}

/// Where a message is, and whether it may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory, and not to be sent before it is on disk.
    Pending,
    /// In memory alone, and may be sent.
    Memory,
    /// On disk, and may be sent.
    Disk,
    /// On a disk that can't be read now.
    Unreadable,
}

/// What the broker said of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has it.
    Arrived,
    /// Not now.
    RefusedForNow(&'static str),
    /// Never.
    RefusedForGood(&'static str),
}

/// Why a connection ended, as far as its messages are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Network or broker went away.
    Gone,
    /// One side broke a rule of MQTT: a message may be to blame.
    Protocol,
}

/// Everything that happened, in messages that must arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Taken into the queue.
    pub accepted: u64,
    /// Handed to the network, repetitions included.
    pub sent: u64,
    /// Acknowledged with success.
    pub acknowledged: u64,
    /// Lost: refused for good, or given up because the queue was full.
    pub dropped: u64,
    /// Superseded by a later one of the same topic before they were sent.
    pub replaced: u64,
    /// Refusals by reason, those of messages that aren't counted otherwise included.
    pub refused: BTreeMap<&'static str, u64>,
    /// Reports lost, by reason, restarts included.
    pub lost: BTreeMap<String, u64>,
}

/// What became of an acknowledged message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What it was.
    pub purpose: Purpose,
    /// From hand-over to acknowledgement.
    pub after: Duration,
}

impl Entry {
    /// Whether no disk holds it.
    pub const fn in_memory_alone(&self) -> bool {
        matches!(self.place, Place::Pending | Place::Memory)
    }
}
