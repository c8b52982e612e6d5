//! Words and files that must not be seen: they come from files or systemd's credentials, and never show in a log.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::PublishError;

/// `password_file = "credential:NAME"` is the file NAME in the folder that systemd names here (systemd.exec(5)).
const CREDENTIAL: &str = "credential:";
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A word that never shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    /// Keeps a word.
    pub const fn new(word: String) -> Self {
        Self(word)
    }

    /// The word, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// A file of the configuration: which key names it, and where it is.
#[derive(Clone, Debug)]
pub(super) struct NamedFile {
    key: &'static str,
    path: PathBuf,
}

impl NamedFile {
    /// Finds the file: a path, or `credential:NAME`.
    pub fn find(key: &'static str, written: &Path) -> Result<Self, PublishError> {
        Self::find_in(key, written, std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from))
    }

    fn find_in(key: &'static str, written: &Path, credentials: Option<PathBuf>) -> Result<Self, PublishError> {
        let Some(name) = written.to_str().and_then(|text| text.strip_prefix(CREDENTIAL)) else {
            return Ok(Self { key, path: written.to_owned() });
        };
        let folder = credentials.ok_or(PublishError::NoCredentials { key })?;
        Ok(Self { key, path: folder.join(name) })
    }

    /// All of it.
    pub fn read(&self) -> Result<Vec<u8>, PublishError> {
        std::fs::read(&self.path).map_err(|error| self.refused(error.to_string()))
    }

    /// All of it; others who may read it are worth a warning.
    pub fn read_private(&self) -> Result<Vec<u8>, PublishError> {
        let bytes = self.read()?;
        if self.others_may_read() {
            tracing::warn!("[broker] {} {}: everybody may read it; chmod o-r", self.key, self.path.display());
        }
        Ok(bytes)
    }

    /// Its one line, without the line's end.
    pub fn read_line(&self) -> Result<Secret, PublishError> {
        let bytes = self.read_private()?;
        // What is in it is never part of an error.
        let text = String::from_utf8(bytes).map_err(|_| self.refused("it isn't UTF-8 text".to_owned()))?;
        let line = text.trim_end_matches(['\r', '\n']);
        if line.contains(['\r', '\n']) {
            return Err(self.refused("it has more than one line".to_owned()));
        }
        Ok(Secret::new(line.to_owned()))
    }

    /// Why it can't be used.
    pub fn refused(&self, reason: String) -> PublishError {
        PublishError::File { key: self.key, path: self.path.clone(), reason }
    }

    fn others_may_read(&self) -> bool {
        rustix::fs::stat(&self.path).is_ok_and(|stat| Mode::from_raw_mode(stat.st_mode).contains(Mode::ROTH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nowhere() {
        let secret = Secret::new("swordfish".to_owned());
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "(hidden) Some(\n    (hidden),\n)");
    }

    #[test]
    fn a_credential_is_looked_for_where_systemd_puts_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("word"), "swordfish\n").unwrap();
        let written = Path::new("credential:word");
        let file = NamedFile::find_in("password_file", written, Some(folder.path().into())).unwrap();
        assert_eq!(file.read_line().unwrap().reveal(), "swordfish");
        let error = NamedFile::find_in("password_file", written, None).unwrap_err().to_string();
        assert!(error.contains("LoadCredential"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_password_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        for content in [&b"sword\nfish"[..], b"sword\xff"] {
            let path = folder.path().join("word");
            std::fs::write(&path, content).unwrap();
            let error = NamedFile::find_in("password_file", &path, None).unwrap().read_line().unwrap_err().to_string();
            assert!(error.contains("password_file") && !error.contains("sword\n"), "{error}");
        }
    }
}
