//! The publisher against a real Mosquitto: what arrives, what is counted, and what the broker says of the board.
//!
//! The publisher is part of a program, so its module is taken in by path.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../agent/src/clock.rs"]
mod clock;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../agent/src/publish/mod.rs"]
mod publish;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../agent/src/stages.rs"]
mod stages;
#[allow(dead_code, unused_imports, reason = "support is shared")]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use edgeval_wire::{Address, Device, Encoding, Live, Message, MessageKind, Report, text};
use publish::{Options, OutboxOptions, Publisher};
use rand::SeedableRng;
use support::{Broker, Delivered, PATIENCE, Subscriber, wait_until};

const EVERYTHING: &str = "edgeval/1/#";
const AVAILABILITY: &str = "edgeval/1/home/pi/availability";
const REPORT: &str = "edgeval/1/home/pi/report/field";
const SUMMARY: &str = "edgeval/1/home/pi/summary/field";
const PORT_VARIABLE: &str = "EDGEVAL_TEST_BROKER_PORT";

fn device() -> Device {
    serde_json::from_str(include_str!("../agent/wire/tests/messages/device.json")).unwrap()
}

fn live(sequence: u64) -> Message {
    let live: Live = serde_json::from_str(include_str!("../agent/wire/tests/messages/live.json")).unwrap();
    Message::Live(Box::new(Live { sequence, ..live }))
}

fn report(number: u64) -> Message {
    let text_of_report = include_str!("../agent/wire/tests/messages/report_field.json");
    let mut report: Report = serde_json::from_str(text_of_report).unwrap();
    report.header.id = text(&format!("00000000-0000-4000-8000-{number:012}"));
    report.header.sequence = number;
    Message::Report(Box::new(report))
}

/// A publisher, and the folder of its outbox, which goes with it.
struct Kept {
    publisher: Publisher,
    _folder: tempfile::TempDir,
}

impl std::ops::Deref for Kept {
    type Target = Publisher;

    fn deref(&self) -> &Publisher {
        &self.publisher
    }
}

fn open_in(folder: &Path, options: &Options, outbox: &OutboxOptions) -> Result<Publisher, publish::PublishError> {
    let address = Address::new("home", "pi").unwrap();
    publish::open(options, (folder, outbox), address, device(), rand_pcg::Pcg64::seed_from_u64(1), None)
}

fn open_with(options: &Options) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let outbox = OutboxOptions { commit_interval_ms: 0, ..OutboxOptions::default() };
    Kept { publisher: open_in(folder.path(), options, &outbox).unwrap(), _folder: folder }
}

fn open(broker: &Broker) -> Kept {
    open_with(&Options { url: broker.url(), ..Options::default() })
}

fn json(delivered: &Delivered) -> serde_json::Value {
    serde_json::from_slice(&delivered.payload).unwrap()
}

/// The sequence numbers of the reports that came.
fn reports(subscriber: &Subscriber) -> BTreeSet<u64> {
    let messages = subscriber.messages();
    let reports = messages.iter().filter(|message| message.topic == REPORT);
    reports.map(|message| json(message)["header"]["sequence"].as_u64().unwrap()).collect()
}

fn wait_until_sent(publisher: &Publisher) {
    wait_until("everything is acknowledged", || publisher.stats().connected && publisher.stats().queued == 0);
}

fn says(word: &'static str) -> impl Fn(&Delivered) -> bool {
    move |message| message.topic == AVAILABILITY && message.payload == word.as_bytes()
}

#[test]
fn nothing_is_lost_while_the_broker_is_away_or_restarts() {
    let mut broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let publisher = open(&broker);
    for round in 0..3 {
        (0..40).for_each(|number| publisher.send(&report(round * 100 + number)).unwrap());
        // Away with it while messages are in flight.
        wait_until("some are acknowledged", || publisher.stats().counters.acknowledged > round * 20);
        broker.stop();
        (40..100).for_each(|number| publisher.send(&report(round * 100 + number)).unwrap());
        wait_until("the loss is seen", || publisher.stats().trouble.is_some());
        broker.resume();
        wait_until_sent(&publisher);
    }
    wait_until("all reports came", || reports(&subscriber).len() == 300);
    assert_eq!(reports(&subscriber), (0..300).collect());
    let stats = publisher.stats();
    assert_eq!((stats.reconnects, stats.counters.dropped), (3, 0));
    assert!(stats.counters.refused.is_empty(), "{stats:?}");
    assert!(stats.first_report.is_some() && publisher.take_latency().count() >= 300);
}

#[test]
fn reports_made_before_the_broker_is_there_arrive_when_it_comes() {
    let mut broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    broker.stop();
    let publisher = open(&broker);
    publisher.send(&report(1)).unwrap();
    wait_until("the absence is seen", || publisher.stats().trouble.is_some());
    let trouble = publisher.stats().trouble.unwrap();
    assert!(
        trouble.contains(&broker.url()) && trouble.contains("refused") && trouble.contains("[broker]"),
        "{trouble}"
    );
    broker.resume();
    wait_until("the report came", || reports(&subscriber) == BTreeSet::from([1]));
    assert_eq!(publisher.stats().trouble, None);
}

#[test]
fn an_absent_broker_holds_up_neither_sending_nor_stopping() {
    let mut broker = Broker::start("");
    broker.stop();
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let publisher =
        open_in(folder.path(), &Options { url: broker.url(), ..Options::default() }, &OutboxOptions::default())
            .unwrap();
    (0..100).for_each(|number| publisher.send(&report(number)).unwrap());
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    let counters = publisher.stats().counters;
    assert_eq!(counters.accepted, counters.dropped + counters.replaced + publisher.stats().queued);
    assert_eq!(publisher.stop(Duration::from_secs(1)), 101, "the reports and the last of their summaries");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn a_clean_stop_sends_what_is_left_and_says_stopped() {
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let publisher = open(&broker);
    (0..50).for_each(|number| publisher.send(&report(number)).unwrap());
    assert_eq!(publisher.publisher.stop(PATIENCE), 0);
    subscriber.wait_for("the goodbye came", says("stopped"));
    let late = Subscriber::start(&broker, "late", AVAILABILITY);
    let word = late.wait_for("the retained word came", |_| true);
    assert!(word.retained && word.payload == b"stopped", "{word:?}");
    assert_eq!(reports(&subscriber), (0..50).collect());
    let words = subscriber.messages().into_iter().filter(|message| message.topic == AVAILABILITY);
    let mut words: Vec<_> = words.map(|message| String::from_utf8(message.payload).unwrap()).collect();
    // What came just before the subscriber did is kept for it, and retained besides.
    words.dedup();
    assert_eq!(words, ["online", "stopped"], "no last will after a clean stop");
}

#[test]
#[ignore = "the process that a_killed_agent_leaves_its_last_will kills"]
fn publisher_until_killed() {
    let port = std::env::var(PORT_VARIABLE).unwrap();
    let publisher = open_with(&Options { url: format!("mqtt://127.0.0.1:{port}"), ..Options::default() });
    publisher.send(&report(1)).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_killed_agent_leaves_its_last_will() {
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let mut agent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "publisher_until_killed", "--ignored"])
        .env(PORT_VARIABLE, broker.port.to_string())
        .spawn()
        .unwrap();
    subscriber.wait_for("it is online", says("online"));
    agent.kill().unwrap();
    agent.wait().unwrap();
    subscriber.wait_for("its last will came", says("offline"));
    let late = Subscriber::start(&broker, "late", AVAILABILITY);
    assert!(late.wait_for("the retained word came", says("offline")).retained);
}

#[test]
fn who_comes_late_sees_the_latest_of_everything() {
    let broker = Broker::start("");
    let publisher = open(&broker);
    (1..=3).for_each(|number| publisher.send(&report(number)).unwrap());
    wait_until_sent(&publisher);
    publisher.send(&live(1)).unwrap();
    publisher.send(&live(2)).unwrap();
    let late = Subscriber::start(&broker, "late", EVERYTHING);
    let summary = late.wait_for("the summary came", |message| message.topic == SUMMARY);
    assert_eq!(json(&summary)["header"]["sequence"], 3);
    late.wait_for("the board came", |message| message.topic == "edgeval/1/home/pi/device");
    late.wait_for("the board is online", says("online"));
    late.wait_for("the newest live message came", |message| {
        message.topic == "edgeval/1/home/pi/live" && json(message)["sequence"] == 2
    });
    let kept: Vec<_> = late.messages().into_iter().filter(|message| message.topic == REPORT).collect();
    assert!(kept.is_empty(), "reports are not retained: {kept:?}");
}

#[test]
fn both_encodings_say_what_they_are_and_are_read_back() {
    for encoding in [Encoding::Json, Encoding::Postcard] {
        let broker = Broker::start("");
        let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
        let publisher = open_with(&Options { url: broker.url(), encoding, ..Options::default() });
        publisher.send(&report(5)).unwrap();
        let delivered = subscriber.wait_for("the report came", |message| message.topic == REPORT);
        assert_eq!(delivered.content_type, encoding.content_type());
        let read = Message::decode(MessageKind::Report, encoding, &delivered.payload).unwrap();
        assert_eq!(read, report(5));
    }
}

/// What `mosquitto_sub | edgeval decode` prints of the message that a topic retains.
fn decoded(broker: &Broker, topic: &str, hint: &[&str]) -> String {
    let mut subscriber = Command::new("mosquitto_sub")
        .args(["-V", "5", "-h", "127.0.0.1", "-p", &broker.port.to_string(), "-N", "-C", "1", "-t", topic])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let raw = subscriber.stdout.take().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_edgeval")).arg("decode").args(hint).stdin(raw).output().unwrap();
    assert!(subscriber.wait().unwrap().success() && output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn decode_reads_what_mosquitto_sub_writes() {
    for encoding in [Encoding::Json, Encoding::Postcard] {
        let broker = Broker::start("");
        let publisher = open_with(&Options { url: broker.url(), encoding, ..Options::default() });
        publisher.send(&report(5)).unwrap();
        wait_until_sent(&publisher);
        let expected = format!("{}\n", report(5).to_json_pretty().unwrap());
        for hint in [&["--topic", SUMMARY][..], &["--kind", "report"], &[]] {
            assert_eq!(decoded(&broker, SUMMARY, hint), expected, "{encoding:?} {hint:?}");
        }
        assert_eq!(decoded(&broker, AVAILABILITY, &[]), "\"online\"\n");
    }
}

#[test]
fn decode_says_why_bytes_are_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message");
    for (bytes, arguments, reason) in [
        (&[2_u8, 0, 0][..], &["--kind", "live"][..], "schema 2"),
        (&[1], &["--kind", "live"], "Live"),
        (b"{}", &["--topic", REPORT], "missing field"),
        (b"{}", &["--topic", "edgeval/1/home/pi/command/bench"], "command/bench"),
        (&[7; 70_000], &["--kind", "live"], "more than any message"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let decode = Command::new(env!("CARGO_BIN_EXE_edgeval")).arg("decode").arg(&file).args(arguments).output();
        let output = decode.unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(words.contains(reason) && !words.contains("panicked"), "{words}");
    }
}

#[test]
fn what_the_broker_does_not_allow_is_counted_as_lost() {
    let mut broker = Broker::start("");
    broker.stop();
    let access = broker.file("access", "topic read #\ntopic write edgeval/1/home/pi/summary/#\n");
    broker.configure(&format!("acl_file {access}"));
    broker.resume();
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let publisher = open(&broker);
    publisher.send(&report(1)).unwrap();
    subscriber.wait_for("the summary is allowed", |message| message.topic == SUMMARY);
    wait_until_sent(&publisher);
    let counters = publisher.stats().counters;
    // The report and the device message; `online` is refused too, but belongs to the connection.
    assert_eq!((counters.acknowledged, counters.dropped), (1, 2), "{counters:?}");
    assert_eq!(counters.refused["not authorized"], 3);
    assert!(reports(&subscriber).is_empty());
}

/// A report that no broker with a small limit takes: its lists are filled.
fn large_report(number: u64) -> Message {
    let Message::Report(mut report) = report(number) else { unreachable!("reports are reports") };
    let reason = ("a_reason", "x".repeat(240));
    report.header.validity = edgeval_wire::Validity::of(std::iter::repeat_n((reason.0, reason.1.as_str()), 8));
    Message::Report(report)
}

/// Offers a report that the broker won't take and then one that it will; waits until that one has come.
fn stats_after_a_large_report(limit: &str) -> publish::Stats {
    let mut broker = Broker::start(limit);
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    // Both are there before the broker is, so that the large one's summary is replaced before it is sent.
    broker.stop();
    let publisher = open(&broker);
    publisher.send(&large_report(1)).unwrap();
    publisher.send(&report(2)).unwrap();
    broker.resume();
    wait_until("the small one came", || reports(&subscriber) == BTreeSet::from([2]));
    wait_until_sent(&publisher);
    publisher.stats()
}

#[test]
fn a_message_larger_than_the_broker_says_it_takes_is_refused_once() {
    let stats = stats_after_a_large_report("max_packet_size 4500");
    assert_eq!(stats.counters.refused["larger than the broker takes"], 1, "{stats:?}");
    assert_eq!((stats.counters.dropped, stats.counters.replaced, stats.reconnects), (1, 1, 0), "{stats:?}");
}

#[test]
fn a_message_that_the_broker_breaks_off_over_does_not_block_the_others() {
    // Answers with a reason code that MQTT doesn't have there, and that rumqttc ends the connection over.
    let counters = stats_after_a_large_report("message_size_limit 4500").counters;
    assert_eq!(counters.dropped, 1, "{counters:?}");
    assert_eq!(counters.refused.values().sum::<u64>(), 1, "{counters:?}");
}

#[test]
fn a_refused_account_is_said_once_and_tried_until_it_is_let_in() {
    let mut broker = Broker::start("");
    broker.stop();
    let passwords = broker.file("passwords", "");
    let added = Command::new("mosquitto_passwd").args(["-b", &passwords, "pi", "swordfish"]).status();
    assert!(added.expect("mosquitto_passwd is part of the Debian package mosquitto").success());
    let configuration = format!("allow_anonymous false\npassword_file {passwords}");
    broker.configure(&configuration);
    broker.resume();
    let password = broker.file("password", "wrong horse\n");
    let options = Options {
        url: broker.url(),
        username: Some("pi".into()),
        password_file: Some(password.into()),
        ..Options::default()
    };
    let publisher = open_with(&options);
    publisher.send(&report(1)).unwrap();
    wait_until("the refusal is seen", || publisher.stats().trouble.is_some());
    let trouble = publisher.stats().trouble.unwrap();
    assert!(trouble.contains("refuses the connection") && trouble.contains("password_file"), "{trouble}");
    assert!(!trouble.contains("horse"), "{trouble}");
    broker.stop();
    broker.configure("");
    broker.resume();
    wait_until_sent(&publisher);
    assert_eq!(publisher.stats().counters.acknowledged, 3, "device, report, summary");
}
