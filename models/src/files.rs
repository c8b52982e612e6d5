//! Files from outside: read up to a bound, named by paths that stay in their folder, told apart by their SHA-256.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can't be read.
    #[error("{path} can't be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// It is larger than anything sensible.
    #[error("{path} has {size_bytes} bytes; at most {limit_bytes} are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// The bound.
        limit_bytes: u64,
    },
}

impl FileError {
    fn unreadable(path: &Path, reason: std::io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), reason }
    }
}

/// Reads a file that has at most `limit_bytes`.
///
/// # Errors
/// When it is larger, or can't be read.
pub fn read_bounded(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, FileError> {
    let unreadable = |reason| FileError::unreadable(path, reason);
    let file = open_plain(path)?;
    let size_bytes = file.metadata().map_err(unreadable)?.len();
    if size_bytes > limit_bytes {
        return Err(FileError::TooLarge { path: path.to_owned(), size_bytes, limit_bytes });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or(0));
    file.take(limit_bytes).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Opens what isn't a pipe, which would wait for its other end, nor a device, which may have none.
fn open_plain(path: &Path) -> Result<File, FileError> {
    let unreadable = |reason| FileError::unreadable(path, reason);
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(std::io::Error::other("it isn't a plain file")));
    }
    File::open(path).map_err(unreadable)
}

/// Whether a relative path stays in its folder by its words: no root, no `..`.
#[must_use]
pub fn stays_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// SHA-256 of bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When it can't be read.
pub fn sha256_of(path: &Path) -> Result<String, FileError> {
    let unreadable = |reason| FileError::unreadable(path, reason);
    let mut file = open_plain(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            length => digest.update(&buffer[..length]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_its_bound_isn_t_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(read_bounded(file.path(), 5).unwrap(), b"12345");
        assert!(matches!(read_bounded(file.path(), 4), Err(FileError::TooLarge { size_bytes: 5, .. })));
        assert!(read_bounded(Path::new("/nowhere"), 4).unwrap_err().to_string().contains("/nowhere"));
    }

    #[test]
    fn paths_that_leave_are_told() {
        assert!(stays_inside("a/b.png"));
        assert!(!stays_inside("../b") && !stays_inside("/b") && !stays_inside("") && !stays_inside("a/../../b"));
    }

    #[test]
    fn digests_agree() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert_eq!(sha256_of(file.path()).unwrap(), sha256(b"abc"));
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
