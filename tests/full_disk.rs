//! Where nothing can be written any more: one clear error, and what was measured is kept.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MODEL: &str = "models/zoo/av-digits";
const SET: &str = "calibration/sets/av-digits";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A run whose standard output is a disk without room.
fn on_a_full_disk(arguments: &[&str]) -> Output {
    let full = File::options().write(true).open("/dev/full").unwrap();
    Command::new(env!("CARGO_BIN_EXE_edgeval")).args(arguments).current_dir(root()).stdout(full).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_verb_says_that_it_can_t_be_written() {
    let verbs: [&[&str]; 7] = [
        &["inspect", MODEL],
        &["inspect", MODEL, "--json"],
        &["set", "check", SET],
        &["bench", MODEL, "--queries", "1", "--duration", "0"],
        &["devices"],
        &["doctor"],
        &["completions", "bash"],
    ];
    for verb in verbs {
        let output = on_a_full_disk(verb);
        let error = said(&output);
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {error}");
        assert!(error.contains("can't write to standard output") && error.lines().count() == 1, "{verb:?}: {error}");
    }
}

#[test]
fn an_evaluation_that_can_t_be_told_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let arguments = ["evaluate", MODEL, "--set", SET, "--quick", "--journal", journal.to_str().unwrap()];
    let output = on_a_full_disk(&arguments);
    let error = said(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("can't write to standard output") && error.contains("--resume"), "{error}");
    let kept = std::fs::read_to_string(&journal).unwrap();
    // 200 are timed, and timed again.
    assert!(kept.lines().count() > 200, "{} lines", kept.lines().count());
}

#[test]
fn a_file_that_can_t_be_written_is_told_before_the_work() {
    for option in ["--html", "--predictions", "--write-reference-errors"] {
        let arguments = ["evaluate", MODEL, "--set", SET, option, "/proc/found.html"];
        let output = Command::new(env!("CARGO_BIN_EXE_edgeval")).args(arguments).current_dir(root()).output().unwrap();
        let error = said(&output);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("can't write /proc/found.html") && output.stdout.is_empty(), "{option}: {error}");
    }
}

#[test]
fn what_is_read_isn_t_overwritten() {
    let refused = |options: &[&str], words: &str| {
        let arguments = [&["evaluate", MODEL, "--set", SET], options].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_edgeval")).args(arguments).current_dir(root()).output().unwrap();
        let error = said(&output);
        assert!(output.status.code() == Some(1) && error.contains(words), "{options:?}: {error}");
    };
    let (samples, manifest) = (format!("{SET}/samples.jsonl"), format!("{MODEL}/model.toml"));
    refused(&["--html", &samples], "which is read");
    refused(&["--predictions", &manifest], "which is read");
    let folder = tempfile::tempdir().unwrap();
    let found = folder.path().join("found");
    let found = found.to_str().unwrap();
    refused(&["--html", found, "--predictions", found], "two options name it");
}

#[test]
fn a_page_that_can_t_be_written_loses_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let arguments = ["evaluate", MODEL, "--set", SET, "--quick", "--html", "/dev/full", "--journal"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeval"));
    let output = command.args(arguments).arg(&journal).current_dir(root()).output().unwrap();
    let error = said(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("can't write /dev/full") && error.contains("--resume"), "{error}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Scorecard") && journal.exists());
}
