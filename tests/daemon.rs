//! The daemon against a real broker: a replayed set comes to a report, signals end it, what is missing is waited for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unused_imports,
    reason = "a test that can't go on fails; support is shared"
)]

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Agent, Broker, Delivered, REPLAY, Subscriber};

fn on(topic: &'static str) -> impl Fn(&Delivered) -> bool {
    move |message| message.topic == format!("edgeval/1/test/agent/{topic}")
}

fn availability(word: &'static str) -> impl Fn(&Delivered) -> bool {
    move |message| on("availability")(message) && message.payload == word.as_bytes()
}

fn json(message: &Delivered) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}

#[test]
fn a_replayed_set_comes_to_its_accuracy() {
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", "edgeval/#");
    let mut agent = Agent::start(&broker.url(), &REPLAY, &[]);
    assert_eq!(agent.wait(), 0);
    subscriber.wait_for("the goodbye", availability("stopped"));

    let report = json(&subscriber.wait_for("the accuracy", on("report/accuracy")));
    let accuracy = &report["body"]["accuracy"];
    assert_eq!(accuracy["samples"], 400);
    assert!(accuracy["top1"]["value"].as_f64().unwrap() >= 0.985, "{accuracy}");
    assert_eq!(report["header"]["set"]["name"], "av-digits");
    assert!(report["header"]["local_file_sha256"].is_string());

    let reports: Vec<Value> =
        subscriber.messages().iter().filter(|message| message.topic.contains("/report/")).map(json).collect();
    let ids: BTreeSet<&str> = reports.iter().map(|report| report["header"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), reports.len(), "each report has an id of its own");
    let sequence: Vec<u64> = reports.iter().map(|report| report["header"]["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (1..=reports.len() as u64).collect::<Vec<_>>(), "no number is left out");

    let field = &reports.last().unwrap()["body"]["field"];
    assert_eq!(field["windows"], 400);
    let latest = |stage: &str| field["stages_us"][stage]["value"]["p50"].as_u64();
    assert!(latest("inference") > Some(0) && latest("publish").is_some(), "{field}");
    assert!(field["start_up"]["first_report_us"]["value"].as_u64() > Some(0));
    assert!(field["skew"]["not_measured"].is_string(), "a replay has no sensors");
}

#[test]
fn a_signal_ends_it_within_two_seconds() {
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", "edgeval/#");
    let mut agent = Agent::start(&broker.url(), &[], &[]);
    subscriber.wait_for("the hello", availability("online"));
    subscriber.wait_for("the live figures of an idle agent", on("live"));
    let asked = Instant::now();
    agent.terminate();
    assert_eq!(agent.wait(), 0);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let goodbye = subscriber.wait_for("the goodbye", availability("stopped"));
    assert!(!goodbye.payload.is_empty());
}

#[test]
fn missing_sensors_are_said_and_waited_for() {
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", "edgeval/#");
    let missing = [
        ("EDGEVAL_CAPTURE__CAMERA__DEVICE", "/dev/no-such-camera"),
        ("EDGEVAL_CAPTURE__MICROPHONE__DEVICE", "no-such-microphone"),
    ];
    let mut agent = Agent::start(&broker.url(), &REPLAY[..2], &missing);
    let said = subscriber.wait_for("what is missing", |message| {
        on("live")(message) && json(message)["camera"]["value"]["reason"].is_string()
    });
    let live = json(&said);
    assert_eq!(live["camera"]["value"]["state"], "retrying");
    assert!(live["camera"]["value"]["reason"].as_str().unwrap().contains("no-such-camera"), "{}", live["camera"]);
    agent.terminate();
    assert_eq!(agent.wait(), 0);
}

#[test]
fn an_absent_broker_holds_nothing_up() {
    let mut agent = Agent::start("mqtt://127.0.0.1:9", &REPLAY[..2], &[]);
    std::thread::sleep(Duration::from_millis(500)); // It is left alone with its absent broker for a while.
    let asked = Instant::now();
    agent.terminate();
    assert_eq!(agent.wait(), 0);
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
}
