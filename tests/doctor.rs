//! `edgeval doctor` as a user types it: trees of boards, a real broker, configurations that are good and bad.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, unused_imports, reason = "support is shared")]
mod support;

use std::process::{Command, Output};

use serde_json::Value;
use support::{Broker, Subscriber, root};

const TREES: &str = "agent/src/probe/fixtures";
const MODEL: &str = "models/zoo/av-digits";

fn doctor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeval"));
    command.arg("doctor").args(arguments).current_dir(root()).output().unwrap()
}

/// The checks, and the exit status.
fn examined(arguments: &[&str]) -> (Vec<Value>, i32) {
    let output = doctor(&[arguments, &["--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let checks = report["checks"].as_array().unwrap().clone();
    let failed = checks.iter().any(|check| check["verdict"] == "failed");
    let status = output.status.code().unwrap();
    assert_eq!((report["fit"].as_bool(), status), (Some(!failed), i32::from(failed)), "{report}");
    (checks, status)
}

fn check<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["name"] == name).expect(name)
}

/// A configuration that is examined: what it says of broker, model and state.
fn with_configuration(text: &str) -> (Vec<Value>, i32) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.toml");
    let state = format!("[device]\nname = \"pi\"\nstate_directory = \"{}\"\n", folder.path().join("state").display());
    std::fs::write(&file, format!("{state}{text}")).unwrap();
    examined(&["--config", file.to_str().unwrap()])
}

#[test]
fn a_board_with_a_weak_supply_is_not_fit() {
    let (checks, status) = examined(&["--root", &format!("{TREES}/raspberry-pi-4")]);
    assert_eq!((status, &check(&checks, "under-voltage")["verdict"]), (1, &"failed".into()));
    assert_eq!(check(&checks, "governor")["verdict"], "warning");
    assert!(check(&checks, "governor")["mend"].as_str().unwrap().contains("scaling_governor"));
    assert_eq!(check(&checks, "power source")["verdict"], "not_known");
}

#[test]
fn warnings_alone_are_no_failure() {
    let (checks, status) = examined(&["--root", &format!("{TREES}/jetson-orin-nano")]);
    assert_eq!((status, &check(&checks, "power mode")["verdict"]), (0, &"warning".into()));
    assert!(check(&checks, "power source")["found"].as_str().unwrap().starts_with("ina3221:VDD_IN, measured"));
}

#[test]
fn people_get_lines_without_colours_in_a_pipe() {
    let output = doctor(&["--root", &format!("{TREES}/raspberry-pi-4")]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("failed    under-voltage") && shown.contains("→ echo performance"), "{shown}");
    assert!(shown.contains("not fit to measure on") && !shown.contains('\u{1b}'), "{shown}");
    let output = doctor(&["--root", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--root nowhere"));
}

#[test]
fn a_broker_that_takes_the_connection_is_told_and_the_daemon_isn_t_put_off() {
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "watcher", "edgeval/#");
    let text = format!("[broker]\nurl = \"{}\"\n[model]\npath = \"{MODEL}\"\n", broker.url());
    let (checks, _) = with_configuration(&text);
    assert_eq!(check(&checks, "broker")["verdict"], "ok", "{checks:?}");
    assert_eq!(check(&checks, "configuration")["verdict"], "ok");
    assert!(check(&checks, "model")["found"].as_str().unwrap().contains("av-digits int8 loads in"));
    assert_eq!(check(&checks, "disk")["verdict"], "ok", "{checks:?}");
    assert_eq!(subscriber.messages(), [], "it publishes nothing, no last will either");
}

#[test]
fn a_broker_that_refuses_or_is_away_fails_with_the_next_step() {
    let broker = Broker::start("allow_anonymous false\n");
    let (checks, status) = with_configuration(&format!("[broker]\nurl = \"{}\"\n", broker.url()));
    assert_eq!((status, &check(&checks, "broker")["verdict"]), (1, &"failed".into()));
    assert!(check(&checks, "broker")["mend"].as_str().unwrap().contains("username"), "{checks:?}");
    let away = format!("[broker]\nurl = \"mqtt://127.0.0.1:{}\"\n", support::free_port());
    let (checks, _) = with_configuration(&away);
    assert!(check(&checks, "broker")["mend"].as_str().unwrap().contains("broker runs"), "{checks:?}");
}

#[test]
fn a_broker_that_says_nothing_is_not_waited_for_without_end() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("[broker]\nurl = \"mqtt://{}\"\n", silent.local_addr().unwrap());
    let (checks, status) = with_configuration(&url);
    assert_eq!(status, 1);
    assert!(check(&checks, "broker")["found"].as_str().unwrap().contains("doesn't answer"), "{checks:?}");
}

#[test]
fn a_configuration_or_model_that_can_t_be_used_fails_by_name() {
    let (checks, status) = with_configuration("[brokr]\n");
    assert_eq!(status, 1);
    assert!(check(&checks, "configuration")["found"].as_str().unwrap().contains("did you mean `broker`?"));
    let (checks, status) = with_configuration("[model]\npath = \"/nowhere\"\n");
    assert_eq!((status, &check(&checks, "model")["verdict"]), (1, &"failed".into()));
    assert!(check(&checks, "model")["found"].as_str().unwrap().contains("/nowhere"));
}

#[test]
fn devices_lists_probes_with_what_they_say_or_why_not() {
    let output = Command::new(env!("CARGO_BIN_EXE_edgeval")).args(["devices", "--json"]).output().unwrap();
    let devices: Value = serde_json::from_slice(&output.stdout).unwrap();
    let probes = devices["probes"].as_array().unwrap();
    assert!(probes.len() > 10);
    for probe in probes {
        assert!(probe["reading"].is_string() != probe["unusable"].is_string(), "{probe}");
    }
}

#[test]
fn bench_tells_energy_with_its_source_or_why_not_and_the_board_s_state() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeval"));
    let output = command.args(["bench", MODEL, "--idle", "0.5", "--json"]).current_dir(root()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let energy = &report["energy"];
    match energy["gross_mj"]["value"].as_f64() {
        Some(value) => assert!(value > 0.0 && energy["source"].is_string() && energy["quality"] != "unavailable"),
        None => assert!(energy["gross_mj"]["not_measured"].is_string(), "{energy}"),
    }
    for field in
        ["governor", "cpu_frequency_maximum_khz", "cpu_frequency_limit_khz", "power_mode", "memory_pressure_percent"]
    {
        assert!(report["board"][field].is_object(), "{field}: {}", report["board"]);
    }
}
