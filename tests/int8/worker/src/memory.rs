//! What this process takes of memory, as the kernel counts it.

use anyhow::{Context, Result};

/// Resident bytes: now, and at their highest.
pub fn resident_bytes() -> Result<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    };
    field("VmRSS:").zip(field("VmHWM:")).context("/proc/self/status doesn't tell resident memory")
}
