//! Whether the wall clock is synchronised.

use super::{ProbeError, Probed, Roots};

/// Whether systemd-timesyncd has synchronised the wall clock since boot (systemd-timesyncd.service(8)).
///
/// # Errors
/// When that service doesn't run.
pub fn synchronized(roots: &Roots) -> Probed<bool> {
    let folder = roots.root.join("run/systemd/timesync");
    if folder.is_dir() {
        return Ok(folder.join("synchronized").exists());
    }
    Err(ProbeError::Absent("systemd-timesyncd doesn't run here, and nothing else was asked".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::trees::{tree_with, write};
    use super::*;

    #[test]
    fn the_clock_is_synchronised_when_its_service_says_so() {
        let (tree, roots) = tree_with(&[]);
        assert!(synchronized(&roots).is_err());
        std::fs::create_dir_all(tree.path().join("run/systemd/timesync")).unwrap();
        assert_eq!(synchronized(&roots), Ok(false));
        write(tree.path(), "run/systemd/timesync/synchronized", "");
        assert_eq!(synchronized(&roots), Ok(true));
    }
}
