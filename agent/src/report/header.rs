//! The part that all reports share: when, where, what, how trustworthy.

use std::time::{Duration, SystemTime};

use edgeval_wire as wire;

use super::conditions::Observed;
use super::wording;
use crate::clock::Moment;
use crate::probe::{Roots, board, clock_sync};

/// This program's version.
pub const AGENT_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What stays the same from report to report.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Where the kernel's trees are.
    pub roots: Roots,
    /// Which board.
    pub device: wire::DeviceName,
    /// Which model.
    pub model: wire::ModelIdentity,
}

impl Origin {
    /// A report's header. `sequence` counts this device's reports.
    #[must_use]
    pub fn header(
        &self,
        sequence: u64,
        set: Option<wire::SetIdentity>,
        observed: &Observed,
        local_file_sha256: Option<&str>,
    ) -> wire::Header {
        wire::Header {
            id: wire::text(&uuid::Uuid::new_v4().to_string()),
            measured_at_unix_ms: unix_ms(),
            clock_synchronized: clock_sync::synchronized(&self.roots).into(),
            boot_id: wording::probed_text(board::boot_id(&self.roots)),
            uptime_ms: Moment::now().milliseconds(),
            sequence,
            device: self.device.clone(),
            model: self.model.clone(),
            set,
            agent_version: wire::text(AGENT_VERSION),
            board: observed.board.clone(),
            agent_cost: observed.cost.clone(),
            validity: observed.validity.clone(),
            local_file_sha256: local_file_sha256.map(wire::text),
        }
    }
}

/// The wall clock: milliseconds since 1970.
#[must_use]
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
