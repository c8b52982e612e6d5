//! `files.sha256`: a line for every file of a set, as `sha256sum` writes it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::SetError;

/// SHA-256 of every listed file, in hexadecimal, by its path in the set.
pub(crate) type Checksums = BTreeMap<String, String>;

/// The list's name.
pub(crate) const CHECKSUMS_FILE: &str = "files.sha256";

/// Reads the list's text.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Checksums, SetError> {
    let entry = |(index, line): (usize, &str)| {
        let wrong = || SetError::Line {
            path: path.to_owned(),
            line: index + 1,
            reason: "it must be a SHA-256, two spaces and a file's name, as sha256sum writes it".to_owned(),
        };
        let (digest, file) = line.split_once("  ").or_else(|| line.split_once(" *")).ok_or_else(wrong)?;
        let valid = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        // `find . | xargs sha256sum` writes `./` before each name.
        let file = file.strip_prefix("./").unwrap_or(file);
        if valid { Ok((file.to_owned(), digest.to_lowercase())) } else { Err(wrong()) }
    };
    text.lines().enumerate().filter(|(_, line)| !line.is_empty()).map(entry).collect()
}

/// Files in a folder and its folders, in order, at most `limit`. Links aren't followed; what can't be read is left out.
pub(crate) fn files_in(directory: &Path, limit: usize) -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            if files.len() >= limit {
                break;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else if let Ok(file) = entry.path().strip_prefix(directory) {
                files.push(file.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256sum_s_lines_are_read() {
        let digest = edgeval_models::sha256(b"");
        let list = parse(Path::new("list"), &format!("{digest}  ./a b.png\n{digest} *c.wav\n")).unwrap();
        assert_eq!(list.keys().collect::<Vec<_>>(), ["a b.png", "c.wav"]);
    }

    #[test]
    fn other_lines_are_named() {
        let error = parse(Path::new("list"), "nonsense\n").unwrap_err().to_string();
        assert!(error.contains("list, line 1"), "{error}");
    }
}
