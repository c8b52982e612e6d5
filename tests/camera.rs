//! A command as the daemon's camera, on the real program: what it says of it, and that nothing is left of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unused_imports,
    reason = "a test that can't go on fails; support is shared"
)]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Agent, Broker, REPLAY, Subscriber, wait_until};

/// The daemon's settings for a script that writes gray frames of 32×24.
fn settings(script: &str) -> Vec<(&'static str, String)> {
    let command = toml::Value::from(vec!["dash", "-c", script]);
    vec![
        ("EDGEVAL_CAPTURE__CAMERA__SOURCE", "command".to_owned()),
        ("EDGEVAL_CAPTURE__CAMERA__COMMAND", command.to_string()),
        ("EDGEVAL_CAPTURE__CAMERA__FORMAT", "GREY".to_owned()),
        ("EDGEVAL_CAPTURE__CAMERA__WIDTH", "32".to_owned()),
        ("EDGEVAL_CAPTURE__CAMERA__HEIGHT", "24".to_owned()),
        ("EDGEVAL_CAPTURE__MICROPHONE__DEVICE", "no-such-microphone".to_owned()),
    ]
}

fn start(url: &str, settings: &[(&'static str, String)]) -> Agent {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    Agent::start(url, &REPLAY[..2], &settings)
}

/// Waits for a live message whose camera is so.
fn camera(subscriber: &Subscriber, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let camera = |payload: &[u8]| serde_json::from_slice::<Value>(payload).unwrap()["camera"]["value"].clone();
    let found =
        subscriber.wait_for(what, |message| message.topic.ends_with("/live") && is_so(&camera(&message.payload)));
    camera(&found.payload)
}

/// The numbers of the processes that a script wrote into a file.
fn ids(file: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Whether a process runs; one that nobody has reaped doesn't.
fn is_alive(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn pictures_of_a_command_are_answered() {
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", "edgeval/#");
    let mut agent = start(&broker.url(), &settings("while :; do head -c 768 /dev/urandom; sleep 0.03; done"));
    let said = camera(&subscriber, "frames are counted", |camera| camera["frames"].as_u64() > Some(20));
    assert_eq!(said["state"], "running");
    assert!(said["device"] == "command dash" && said["format"] == "GREY 32×24, stamped on arrival", "{said}");
    assert!(said["clock_uncertainty_us"]["not_measured"].as_str().unwrap().contains("stamped on arrival"), "{said}");
    subscriber.wait_for("an answer", |message| {
        let live = message.topic.ends_with("/live").then(|| serde_json::from_slice::<Value>(&message.payload).unwrap());
        live.is_some_and(|live| live["predictions"].as_array().is_some_and(|all| !all.is_empty()))
    });
    agent.terminate();
    assert_eq!(agent.wait(), 0, "{}", agent.log());
}

#[test]
fn a_command_that_fails_is_said_in_its_own_words() {
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", "edgeval/#");
    let _agent = start(&broker.url(), &settings("echo 'ERROR: *** no cameras available ***' >&2; exit 255"));
    let said =
        camera(&subscriber, "what is wrong", |camera| camera["reason"].as_str().is_some_and(|it| it.contains("dash")));
    let reason = said["reason"].as_str().unwrap();
    assert!(reason.contains("exit status: 255") && reason.contains("no cameras available"), "{reason}");
}

#[test]
fn nothing_is_left_of_a_command_however_the_daemon_ends() {
    for kill in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids");
        // It writes a frame and then nothing, so that no broken pipe would end it.
        let script = format!("echo $$ >> {}; head -c 768 /dev/zero; exec sleep 1000", file.display());
        let mut agent = start("mqtt://127.0.0.1:9", &settings(&script));
        wait_until("the command runs", || ids(&file).len() == 1);
        let id = ids(&file)[0];
        assert!(is_alive(id));
        if kill {
            agent.kill();
        } else {
            agent.terminate();
            assert_eq!(agent.wait(), 0, "{}", agent.log());
        }
        wait_until("the command is gone", || !is_alive(id));
    }
}

#[test]
fn devices_shows_the_command_and_why_it_cannot_be_used() {
    let devices = |command: &str, json: &[&str]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let camera = format!("source = \"command\"\ncommand = [\"{command}\", \"-t\", \"0\"]\nformat = \"I420\"");
        std::fs::write(file.path(), format!("[capture.camera]\n{camera}\n")).unwrap();
        let program = env!("CARGO_BIN_EXE_edgeval");
        let output = Command::new(program).args(["devices", "--config"]).arg(file.path()).args(json).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let listed: Value = serde_json::from_str(&devices("dash", &["--json"])).unwrap();
    let camera = &listed["cameras"][0];
    assert!(camera["device"] == "dash" && camera.get("unusable").is_none(), "{camera}");
    assert_eq!(camera["formats"][0]["sizes"][0], "640×480");
    let said = devices("no-such-program", &[]);
    assert!(said.contains("no-such-program") && said.contains("can't be used"), "{said}");
}

#[test]
fn options_that_contradict_each_other_end_the_daemon_with_a_sentence() {
    let mut both = settings("exit 1");
    both.push(("EDGEVAL_CAPTURE__CAMERA__DEVICE", "/dev/video0".to_owned()));
    let mut agent = start("mqtt://127.0.0.1:9", &both);
    assert_eq!(agent.wait(), 1);
    assert!(agent.log().contains("`capture.camera.device` is for a V4L2 device"), "{}", agent.log());
}
