//! What the board and this process are doing. Each probe takes the root that it reads, so that a copied tree is a test.

pub mod board;
pub mod cpu;
pub mod memory;
pub mod temperature;

use std::path::{Path, PathBuf};

/// Where the kernel's trees are mounted.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Usually `/proc`.
    pub proc: PathBuf,
    /// Usually `/sys`.
    pub sys: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: PathBuf::from("/proc"), sys: PathBuf::from("/sys") }
    }
}

/// Why a probe has no figure. What can't be measured is absent with this reason, never zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The kernel doesn't offer the file, or this user may not read it.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The file is there but says something else than expected.
    #[error("{path} has no {what}")]
    Unexpected {
        /// The file.
        path: String,
        /// What was looked for.
        what: String,
    },
    /// The board has nothing of the kind.
    #[error("{0}")]
    Absent(String),
}

/// A probe's answer.
pub type Probed<T> = Result<T, ProbeError>;

/// Reads a small text file of the kernel's, without the newline or NUL at its end.
fn read_text(path: &Path) -> Probed<String> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\n', '\0', ' ']).to_owned())
        .map_err(|error| ProbeError::Unreadable { path: path.display().to_string(), reason: error.to_string() })
}

/// The number behind `key` in a file of `key: number unit` lines, as /proc/meminfo has them.
fn read_field(path: &Path, key: &str) -> Probed<u64> {
    let text = read_text(path)?;
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':')?.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| ProbeError::Unexpected { path: path.display().to_string(), what: format!("{key} line") })
}

/// The folders under `parent` whose names start with `prefix`, in order of name.
fn folders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
