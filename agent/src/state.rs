//! The full reports that the messages are summaries of.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Full reports kept; the oldest go first.
const REPORTS_KEPT: usize = 200;

/// Why the state can't be kept.
#[derive(Debug, thiserror::Error)]
#[error("{action} {path}: {reason}")]
pub struct StateError {
    action: &'static str,
    path: PathBuf,
    reason: std::io::Error,
}

/// The agent's own folder.
#[derive(Debug)]
pub struct State {
    directory: PathBuf,
}

/// Where state goes when the configuration doesn't say: systemd's folder, else the user's.
#[must_use]
pub fn default_directory(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let named = |name: &str| variable(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    named("STATE_DIRECTORY")
        .or_else(|| Some(named("XDG_STATE_HOME")?.join("edgeval")))
        .or_else(|| Some(named("HOME")?.join(".local/state/edgeval")))
        .unwrap_or_else(|| std::env::temp_dir().join("edgeval"))
}

impl State {
    /// Opens the folder, making it where it is missing.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        let failed = |reason| StateError { action: "can't make", path: directory.to_owned(), reason };
        std::fs::create_dir_all(directory.join("reports")).map_err(failed)?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps a full report and gives its name: the SHA-256 of its bytes.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn keep_report(&self, json: &[u8]) -> Result<String, StateError> {
        let digest = edgeval_models::sha256(json);
        replace(&self.directory.join(format!("reports/{digest}.json")), json)?;
        self.drop_old_reports();
        Ok(digest)
    }

    /// Where a kept report is.
    #[cfg(test)]
    fn report_path(&self, digest: &str) -> PathBuf {
        self.directory.join("reports").join(format!("{digest}.json"))
    }

    fn drop_old_reports(&self) {
        let Ok(entries) = std::fs::read_dir(self.directory.join("reports")) else { return };
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        let surplus = files.len().saturating_sub(REPORTS_KEPT);
        for (_, path) in files.into_iter().take(surplus) {
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!("can't remove the old report {}: {error}", path.display());
            }
        }
    }
}

/// Writes beside the file and renames, so that a power cut leaves the old content or the new.
///
/// # Errors
/// When the file can't be written.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let write = || {
        let beside = path.with_extension("new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(content)?;
        file.sync_data()?;
        std::fs::rename(&beside, path)?;
        // The new name is on the disk when its folder is.
        path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_data())
    };
    write().map_err(|reason| StateError { action: "can't write", path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_found_by_its_digest_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        for number in 0..REPORTS_KEPT + 5 {
            let digest = state.keep_report(number.to_string().as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(state.report_path(&digest)).unwrap(), number.to_string());
        }
        assert_eq!(std::fs::read_dir(folder.path().join("reports")).unwrap().count(), REPORTS_KEPT);
    }

    #[test]
    fn systemd_names_the_folder_first() {
        let variable = |name: &str| match name {
            "STATE_DIRECTORY" => Some("/var/lib/edgeval".to_owned()),
            "HOME" => Some("/home/someone".to_owned()),
            _ => None,
        };
        assert_eq!(default_directory(variable), PathBuf::from("/var/lib/edgeval"));
        assert_eq!(
            default_directory(|name| (name == "HOME").then(|| "/home/someone".to_owned())),
            PathBuf::from("/home/someone/.local/state/edgeval")
        );
    }
}
