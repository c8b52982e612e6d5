//! The part that all reports share: when, where, what, how trustworthy.

use std::path::Path;
use std::time::{Duration, SystemTime};

use edgeval_wire as wire;

use super::conditions::Observed;
use super::wording;
use crate::clock::Moment;
use crate::probe::{ProbeError, Probed, Roots, board};

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
            measured_at_unix_ms: unix_ms(SystemTime::now()),
            clock_synchronized: clock_synchronized(Path::new("/")).into(),
            boot_id: wording::probed_text(board::boot_id(&self.roots)),
            uptime_ms: u64::try_from(Moment::now().nanoseconds() / 1_000_000).unwrap_or(0),
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

fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Whether systemd-timesyncd has synchronised the wall clock since boot (systemd-timesyncd.service(8)).
///
/// # Errors
/// When it doesn't run.
pub fn clock_synchronized(root: &Path) -> Probed<bool> {
    let folder = root.join("run/systemd/timesync");
    if folder.is_dir() {
        return Ok(folder.join("synchronized").exists());
    }
    Err(ProbeError::Absent("systemd-timesyncd doesn't run here, and nothing else was asked".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_synchronised_when_its_service_says_so() {
        let root = tempfile::tempdir().unwrap();
        assert!(clock_synchronized(root.path()).is_err());
        let folder = root.path().join("run/systemd/timesync");
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(clock_synchronized(root.path()), Ok(false));
        std::fs::write(folder.join("synchronized"), "").unwrap();
        assert_eq!(clock_synchronized(root.path()), Ok(true));
    }
}
