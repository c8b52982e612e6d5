//! `[outbox]` in the configuration.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::message::Limits;
use super::room::WhenFull;
use crate::publish::PublishError;

/// Below this there is no room for the largest messages that are on their way at once.
const LEAST_BYTES: u64 = 4 * 1024 * 1024;
const MOST_BYTES: u64 = 64 * 1024 * 1024 * 1024;
const LEAST_MEMORY_BYTES: u64 = 16 * 1024;
const MOST_COMMIT_INTERVAL_MS: u64 = 60_000;
/// The database's file grows by doubling: it is at most twice as large as what it holds.
const FILE_TO_REPORTS: u64 = 2;
/// What the file may hold beside reports: those that two writes replace, and the database's own pages.
const FILE_OWN_BYTES: u64 = 1024 * 1024;

/// How reports are kept until the broker has them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The folder for `outbox.redb` and the report counter; the agent's state directory where none is given.
    pub path: Option<PathBuf>,
    /// Most bytes that `outbox.redb` may take, 4 MiB to 64 GiB.
    pub maximum_bytes: u64,
    /// What goes when it is full.
    pub when_full: WhenFull,
    /// Least milliseconds between two writes of new reports, at most 60,000.
    pub commit_interval_ms: u64,
    /// Most bytes of reports that wait in memory while the disk can't be used.
    pub memory_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: None,
            maximum_bytes: 64 * 1024 * 1024,
            when_full: WhenFull::default(),
            commit_interval_ms: 5000,
            memory_bytes: 4 * 1024 * 1024,
        }
    }
}

impl Options {
    /// The bounds, checked.
    pub(in crate::publish) fn limits(&self) -> Result<Limits, PublishError> {
        in_range("maximum_bytes", self.maximum_bytes, LEAST_BYTES, MOST_BYTES)?;
        in_range("memory_bytes", self.memory_bytes, LEAST_MEMORY_BYTES, self.maximum_bytes)?;
        in_range("commit_interval_ms", self.commit_interval_ms, 0, MOST_COMMIT_INTERVAL_MS)?;
        let bytes = self.maximum_bytes / FILE_TO_REPORTS - FILE_OWN_BYTES;
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok(Limits { bytes: size(bytes), memory_bytes: size(self.memory_bytes), when_full: self.when_full })
    }

    /// Time between two writes of new reports, at least.
    pub(in crate::publish) const fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.commit_interval_ms)
    }
}

fn in_range(key: &'static str, value: u64, low: u64, high: u64) -> Result<(), PublishError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(PublishError::Outbox { key, value, low, high })
}
