//! What fuzz targets share.

use std::path::Path;

use tempfile::TempDir;

/// A folder of its own for a fuzz target, in memory where the system has such a place.
#[must_use]
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a fuzz target needs a temporary folder")
}

/// Fails when an error's words wouldn't help a person: empty, or longer than a screen.
pub fn assert_words(error: &impl std::fmt::Display) {
    let words = error.to_string();
    assert!(!words.is_empty() && words.len() < 100_000, "{} bytes of words", words.len());
}
