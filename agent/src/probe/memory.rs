//! What this process holds in memory.

use super::{Probed, Roots, field, read_field, read_text};

/// One reading of a process's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Proportional set size: shared pages divided among those who share them.
    pub pss_bytes: u64,
    /// Resident set size: every page in memory, shared or not.
    pub rss_bytes: u64,
    /// The highest resident set size since the process started.
    pub rss_peak_bytes: u64,
}

/// Reads this process's memory from `smaps_rollup` (PSS, RSS) and `status` (VmHWM). For the first the kernel walks all pages, which takes a
/// millisecond: it is read once.
///
/// # Errors
/// When the kernel was built without either file, or hides it.
pub fn of_this_process(roots: &Roots) -> Probed<ProcessMemory> {
    let process = roots.proc.join("self");
    let path = process.join("smaps_rollup");
    let rollup = read_text(&path)?;
    Ok(ProcessMemory {
        pss_bytes: field(&path, &rollup, "Pss")? * 1024,
        rss_bytes: field(&path, &rollup, "Rss")? * 1024,
        rss_peak_bytes: read_field(&process.join("status"), "VmHWM")? * 1024,
    })
}

/// The board's memory in bytes.
///
/// # Errors
/// When /proc/meminfo can't be read.
pub fn board_bytes(roots: &Roots) -> Probed<u64> {
    Ok(read_field(&roots.proc.join("meminfo"), "MemTotal")? * 1024)
}

/// What programs may still take without swapping, in bytes (proc(5), `MemAvailable`).
///
/// # Errors
/// When /proc/meminfo can't be read.
pub fn available_bytes(roots: &Roots) -> Probed<u64> {
    Ok(read_field(&roots.proc.join("meminfo"), "MemAvailable")? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_its_peak_is_no_less() {
        let memory = of_this_process(&Roots::default()).unwrap();
        assert!(memory.pss_bytes > 0 && memory.pss_bytes <= memory.rss_bytes, "{memory:?}");
        assert!(memory.rss_peak_bytes >= memory.rss_bytes / 2, "{memory:?}");
    }

    #[test]
    fn a_tree_without_the_file_names_it() {
        let (_empty, roots) = super::super::trees::tree_with(&[]);
        let error = of_this_process(&roots).unwrap_err().to_string();
        assert!(error.contains("smaps_rollup"), "{error}");
    }
}
