//! What a user is told about cameras and microphones, with ALSA's `file` plugin as a microphone that is always there.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::process::{Command, Output};

const EDGEVAL: &str = env!("CARGO_BIN_EXE_edgeval");

/// Runs `edgeval` on a board whose sound system has this PCM.
fn edgeval(arguments: &[&str], pcm: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("asound.conf");
    std::fs::write(&configuration, format!("</usr/share/alsa/alsa.conf>\n{pcm}\n")).unwrap();
    Command::new(EDGEVAL).args(arguments).env("ALSA_CONFIG_PATH", configuration).output().unwrap()
}

const PLAYED_FILE: &str = "pcm.edgeval_test { type file slave.pcm null file /dev/null infile /dev/zero format raw \
                           hint { show on description \"A file\" } }";

#[test]
fn a_microphone_is_listed_with_what_it_gives() {
    let output = edgeval(&["devices", "--json"], PLAYED_FILE);
    assert!(output.status.success());
    let devices: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed = devices["microphones"].as_array().unwrap();
    let microphone = listed.iter().find(|each| each["device"] == "edgeval_test").unwrap();
    assert_eq!(microphone["name"], "A file");
    assert!(microphone.get("unusable").is_none(), "{microphone}");
    assert!(microphone["formats"].as_array().unwrap().iter().any(|format| format.as_str().unwrap().contains("f32")));
    assert!(devices["cameras"].is_array());
}

#[test]
fn a_microphone_that_cannot_be_used_says_why() {
    let broken = "pcm.edgeval_test { type hw card 77 hint { show on description \"Not there\" } }";
    let output = edgeval(&["devices"], broken);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("edgeval_test") && said.contains("can't be used"), "{said}");
}
