//! What the board and this process are doing. Each probe takes the root that it reads, so that a copied tree is a test.
//! What is read where, and the document that says so, is in docs/probes.md.

pub mod board;
pub mod clock_sync;
pub mod cpu;
pub mod disk;
pub mod list;
pub mod memory;
pub mod power;
pub mod power_mode;
pub mod pressure;
pub mod temperature;
pub mod throttling;

use std::io::Read;
use std::path::{Path, PathBuf};

/// No file that a probe reads is larger; a processor list of hundreds of cores comes nearest.
const LARGEST_FILE: u64 = 1 << 20;

/// Where the board's trees are.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Usually `/proc`.
    pub proc: PathBuf,
    /// Usually `/sys`.
    pub sys: PathBuf,
    /// What holds `etc`, `run` and `var`: usually `/`.
    pub root: PathBuf,
    /// Raspberry Pi's firmware tool. A copied tree has none: it would answer for another board.
    pub vcgencmd: Option<PathBuf>,
}

impl Default for Roots {
    fn default() -> Self {
        Self { vcgencmd: Some(PathBuf::from("/usr/bin/vcgencmd")), ..Self::under(Path::new("/")) }
    }
}

impl Roots {
    /// The trees of a board that were copied into a folder.
    #[must_use]
    pub fn under(root: &Path) -> Self {
        Self { proc: root.join("proc"), sys: root.join("sys"), root: root.to_owned(), vcgencmd: None }
    }
}

/// Why a probe has no figure. What can't be measured is absent with this reason, never zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// This user may not read the file.
    #[error("{path} may not be read by this user")]
    Forbidden {
        /// The file.
        path: String,
    },
    /// The kernel doesn't offer the file, or can't read what is behind it.
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

impl ProbeError {
    fn of_io(path: &Path, error: &std::io::Error) -> Self {
        let path = path.display().to_string();
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::Forbidden { path },
            _ => Self::Unreadable { path, reason: error.to_string() },
        }
    }

    fn unexpected(path: &Path, what: &str) -> Self {
        Self::Unexpected { path: path.display().to_string(), what: what.to_owned() }
    }
}

/// Reads a small text file of the kernel's, without the newline or NUL at its end.
fn read_text(path: &Path) -> Probed<String> {
    let failed = |error: std::io::Error| ProbeError::of_io(path, &error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ProbeError::unexpected(path, "end within a megabyte"));
    }
    let text = String::from_utf8(bytes).map_err(|_| ProbeError::unexpected(path, "text in UTF-8"))?;
    Ok(text.trim_end_matches(['\n', '\0', ' ']).to_owned())
}

/// Reads a file that holds one number and nothing else.
fn read_number<T: std::str::FromStr>(path: &Path) -> Probed<T> {
    read_text(path)?.trim().parse().map_err(|_| ProbeError::unexpected(path, "number"))
}

/// The number behind `key` in a file of `key: number unit` lines, as /proc/meminfo has them.
fn read_field(path: &Path, key: &str) -> Probed<u64> {
    field(path, &read_text(path)?, key)
}

/// The same of a file's text that was read.
fn field(path: &Path, text: &str, key: &str) -> Probed<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':')?.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| ProbeError::unexpected(path, &format!("{key} line")))
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

/// A folder's own name.
fn name_of(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Copied trees of boards, for tests.
#[cfg(test)]
pub mod trees {
    use std::path::Path;

    use super::Roots;

    /// A tree that ships with the tests: `fixtures/README.md` says what it follows.
    pub fn fixture(name: &str) -> Roots {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/probe/fixtures").join(name);
        assert!(folder.is_dir(), "no fixture {name}");
        Roots::under(&folder)
    }

    /// A tree with these files; it goes with the folder.
    pub fn tree_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Roots) {
        let tree = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write(tree.path(), path, text);
        }
        let roots = Roots::under(tree.path());
        (tree, roots)
    }

    /// Writes or replaces a file of a tree.
    pub fn write(tree: &Path, path: &str, text: &str) {
        let file = tree.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_may_not_read_is_told_from_what_is_not_there() {
        let path = Path::new("/sys/class/powercap/intel-rapl:0/energy_uj");
        let error = ProbeError::of_io(path, &std::io::ErrorKind::PermissionDenied.into());
        assert!(matches!(&error, ProbeError::Forbidden { path } if path.ends_with("energy_uj")), "{error}");
        let error = ProbeError::of_io(path, &std::io::ErrorKind::NotFound.into());
        assert!(matches!(error, ProbeError::Unreadable { .. }));
    }

    #[test]
    fn broken_contents_are_refused_with_the_path() {
        let (tree, roots) = trees::tree_with(&[("sys/text", "many\n"), ("sys/number", " 42\n")]);
        std::fs::write(tree.path().join("sys/binary"), [0xff, 0xfe, 0x00]).unwrap();
        std::fs::write(tree.path().join("sys/huge"), vec![b'1'; 3 << 20]).unwrap();
        assert_eq!(read_number::<u64>(&roots.sys.join("number")), Ok(42));
        for name in ["text", "binary", "huge", "absent", ""] {
            let error = read_number::<u64>(&roots.sys.join(name)).unwrap_err().to_string();
            assert!(error.contains(&roots.sys.join(name).display().to_string()), "{name}: {error}");
        }
        assert!(read_number::<u64>(&roots.sys.join("huge")).unwrap_err().to_string().contains("megabyte"));
    }
}
