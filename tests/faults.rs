//! Faults between a real daemon and a real broker. Whatever happens, reports accepted = reports delivered + counted
//! lost: seen from outside, by their numbers. `docs/faults.md` has what each came to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unused_imports,
    reason = "a test that can't go on fails; support is shared"
)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{
    Agent, Broker, Delivered, Faults, Network, REPLAY, Subscriber, changed, small_set, wait_until, wait_while_it_grows,
};
use tempfile::TempDir;

/// Seconds of a day.
const DAY_S: i64 = 86_400;
/// An hour's reports, one a minute.
const AN_HOUR_OF_REPORTS: usize = 60;

/// A board's state, what it replays, and a broker with a reader.
struct Scene {
    broker: Broker,
    subscriber: Subscriber,
    state: TempDir,
    set: TempDir,
}

impl Scene {
    fn new() -> Self {
        // Mosquitto drops what it acknowledged when a reader is a thousand messages behind, unless it is told not to.
        let broker = Broker::start("max_queued_messages 0");
        let subscriber = Subscriber::start(&broker, "reader", "edgeval/1/#");
        Self { broker, subscriber, state: tempfile::tempdir().unwrap(), set: small_set() }
    }

    /// A daemon that makes reports as fast as it can.
    fn agent(&self, state: &Path, url: &str, environment: &[(&str, &str)]) -> Agent {
        let set = self.set.path().to_str().unwrap();
        let flags = [&REPLAY[..2], &["--replay", set, "--speed", "fastest", "--passes", "0"]].concat();
        let common = [("EDGEVAL_REPORT__FIELD_INTERVAL_S", "1"), ("EDGEVAL_OUTBOX__COMMIT_INTERVAL_MS", "50")];
        Agent::start_in(state, url, &flags, &[&common, environment].concat())
    }

    fn start(&self, url: &str) -> Agent {
        self.agent(self.state.path(), url, &[])
    }

    /// Stops the daemon and lets a last life, which makes no reports, bring what is left.
    fn finish(&self, agent: &mut Agent) {
        stop(agent);
        self.drain(self.state.path());
    }

    /// Lets a daemon without a model bring what its state holds.
    fn drain(&self, state: &Path) {
        let lives = || self.subscriber.messages().into_iter().filter(|message| message.topic.ends_with("/live"));
        let before = lives().count();
        let mut agent = Agent::start_in(state, &self.broker.url(), &[], &[("EDGEVAL_REPORT__LIVE_INTERVAL_MS", "200")]);
        let is_empty = |message: Delivered| {
            let live: Value = serde_json::from_slice(&message.payload).unwrap();
            live["publisher"]["queued"] == 0
        };
        wait_while_it_grows("nothing is left", || self.deliveries(), || lives().skip(before).any(is_empty));
        stop(&mut agent);
        wait_until("its goodbye has come", || self.has_said_goodbye());
    }

    /// Whether the newest word on availability is the goodbye.
    fn has_said_goodbye(&self) -> bool {
        let words = self.subscriber.messages();
        let newest = words.iter().rev().find(|message| message.topic.ends_with("/availability"));
        newest.is_some_and(|word| word.payload == b"stopped")
    }

    fn deliveries(&self) -> u64 {
        self.subscriber.reports().deliveries()
    }

    /// Reports so far.
    fn newest(&self) -> u64 {
        self.subscriber.reports().newest()
    }

    /// Holds what was accepted against what came and what was counted, and prints the line of `docs/faults.md`.
    fn judge(&self, fault: &str) {
        let reports = self.subscriber.reports();
        let (accepted, missing) = (reports.newest(), reports.missing());
        let (lost, repeated) = (reports.lost_as_published(), reports.deliveries() - reports.count());
        println!("| {fault} | {accepted} | {} | {lost} | {repeated} |", reports.count());
        assert_eq!(missing.len() as u64, lost, "{missing:?}");
        assert!(missing.is_empty(), "there was room for all: {missing:?}");
        assert!(reports.twice().is_empty(), "a number was given out twice: {:?}", reports.twice());
    }
}

fn stop(agent: &mut Agent) {
    agent.terminate();
    assert_eq!(agent.wait(), 0, "{}", agent.log());
}

/// Waits until a daemon has gone so often over its set, which makes a report each time and keeps it in full.
fn wait_for_passes(states: &[&Path], count: usize) {
    let look = || states.iter().map(|state| changed(&state.join("reports"))).collect::<Vec<_>>();
    let (mut seen, mut passes) = (look(), vec![0; states.len()]);
    wait_until("its reports are made", || {
        let now = look();
        passes
            .iter_mut()
            .zip(now.iter().zip(&seen))
            .for_each(|(passes, (now, seen))| *passes += usize::from(now != seen));
        seen = now;
        passes.iter().all(|&passes| passes >= count)
    });
}

#[test]
fn a_broker_that_accepts_and_never_acknowledges() {
    let scene = Scene::new();
    let network = Network::start(scene.broker.port, Faults { swallows_answers: true, ..Faults::default() });
    let mut agent = scene.start(&network.url());
    wait_for_passes(&[scene.state.path()], 60);
    wait_until("some came", || scene.newest() > 0);
    // What isn't acknowledged keeps its place: the window of 16 is all that a reader sees.
    assert!(scene.subscriber.reports().count() <= 16, "{}", scene.subscriber.reports().count());
    network.mend();
    wait_until("the rest comes", || scene.newest() > 40);
    scene.finish(&mut agent);
    scene.judge("broker that accepts and never acknowledges, then does");
}

#[test]
fn connections_cut_in_the_middle_of_a_packet() {
    let scene = Scene::new();
    let network = Network::start(scene.broker.port, Faults { cut_within_bytes: 20_000, ..Faults::default() });
    let mut agent = scene.start(&network.url());
    let cut = || network.counts().2;
    // The waits between tries grow.
    wait_while_it_grows("six were cut", || cut() as u64, || cut() >= 6);
    network.mend();
    scene.finish(&mut agent);
    scene.judge("connection cut in the middle of a packet, six times");
}

#[test]
fn a_third_of_connections_refused() {
    let scene = Scene::new();
    // Cut as well: a connection that holds would be the last.
    let faults = Faults { refused: 0.3, cut_within_bytes: 40_000, ..Faults::default() };
    let network = Network::start(scene.broker.port, faults);
    let mut agent = scene.start(&network.url());
    let tried = || network.counts().0;
    wait_while_it_grows("ten were tried", || tried() as u64, || tried() >= 10);
    assert!(network.counts().1 >= 2, "{:?}", network.counts());
    network.mend();
    scene.finish(&mut agent);
    scene.judge("30 % of 10 connections refused, the others cut");
}

#[test]
fn a_broker_stopped_for_an_hours_reports() {
    let mut scene = Scene::new();
    scene.broker.stop();
    let mut agent = scene.start(&scene.broker.url());
    wait_for_passes(&[scene.state.path()], AN_HOUR_OF_REPORTS);
    scene.broker.resume();
    wait_until("an hour's reports came", || scene.subscriber.reports().count() >= AN_HOUR_OF_REPORTS as u64);
    scene.finish(&mut agent);
    scene.judge("broker stopped for an hour's reports");
}

#[test]
fn a_broker_restarted_again_and_again() {
    let mut scene = Scene::new();
    let mut agent = scene.start(&scene.broker.url());
    for _ in 0..5 {
        let before = scene.newest();
        wait_until("some came", || scene.newest() > before + 3);
        scene.broker.stop();
        scene.broker.resume();
    }
    scene.finish(&mut agent);
    scene.judge("broker restarted five times");
}

#[test]
fn a_file_system_that_takes_no_more() {
    let scene = Scene::new();
    let set = scene.set.path().to_str().unwrap();
    let flags = [&REPLAY[..2], &["--replay", set, "--speed", "fastest", "--passes", "0"]].concat();
    let environment = [("EDGEVAL_REPORT__FIELD_INTERVAL_S", "1"), ("EDGEVAL_OUTBOX__COMMIT_INTERVAL_MS", "0")];
    // No file may get larger than 80 KiB: a new outbox, and hardly a report. The kernel refuses as if the disk were full.
    let mut agent = Agent::start_with_small_files(scene.state.path(), 160, &scene.broker.url(), &flags, &environment);
    wait_until("reports came all the same", || scene.subscriber.reports().count() > 30);
    scene.finish(&mut agent);
    scene.judge("no file may grow (RLIMIT_FSIZE)");
}

/// libfaketime, from the Debian package of that name.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    libraries.find(|library| library.is_file()).expect("install the Debian package libfaketime")
}

/// When each report says it was measured, by its number.
fn measured_at(subscriber: &Subscriber) -> Vec<(u64, i64)> {
    let messages = subscriber.messages();
    let reports = messages.iter().filter(|message| message.topic.contains("/report/"));
    let headers = reports.map(|message| serde_json::from_slice::<Value>(&message.payload).unwrap()["header"].clone());
    let mut times: Vec<_> = headers
        .map(|header| (header["sequence"].as_u64().unwrap(), header["measured_at_unix_ms"].as_i64().unwrap()))
        .collect();
    times.sort_unstable();
    times.dedup();
    times
}

#[test]
fn a_clock_set_back_by_a_day() {
    let scene = Scene::new();
    // The program reads the wall clock through the C library; libfaketime looks into the file at each reading.
    let offset = scene.set.path().join("offset");
    std::fs::write(&offset, "+0").unwrap();
    let (library, file) = (faketime(), offset.to_str().unwrap().to_owned());
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let mut agent = scene.agent(scene.state.path(), &scene.broker.url(), &environment);
    wait_until("some came", || scene.newest() > 5);
    std::fs::write(&offset, format!("-{DAY_S}")).unwrap();
    let before = scene.newest();
    wait_until("some came after it", || scene.newest() > before + 10);
    // A restart with the clock still back: numbers and outbox don't hang on it.
    stop(&mut agent);
    let mut agent = scene.agent(scene.state.path(), &scene.broker.url(), &environment);
    let before = scene.newest();
    wait_until("some came after the restart", || scene.newest() > before + 5);
    scene.finish(&mut agent);
    let times = measured_at(&scene.subscriber);
    let jumps = times.windows(2).filter(|pair| pair[0].1 - pair[1].1 > (DAY_S - 600) * 1000).count();
    assert_eq!(jumps, 1, "the clock went back once: {times:?}");
    scene.judge("clock set back by a day, restart");
}

#[test]
fn two_daemons_with_one_identity() {
    let scene = Scene::new();
    let states = [scene.state.path().to_owned(), scene.set.path().join("state")];
    let mut agents = states.each_ref().map(|state| scene.agent(state, &scene.broker.url(), &[]));
    // The broker throws one out whenever the other comes (MQTT 5, 3.1.4): they take turns, and say so.
    wait_for_passes(&states.each_ref().map(PathBuf::as_path), 60);
    wait_until("it is said", || agents.iter().any(|agent| agent.log().contains("two boards have one name")));
    agents.iter_mut().for_each(stop);
    // Numbers of both are the same, so their ids tell. Each brings what is left and makes a few more, alone: those show
    // how far it has counted.
    let mut accepted = 0;
    for state in &states {
        scene.drain(state);
        let before = scene.subscriber.reports().ids();
        let new = || scene.subscriber.reports().ids().difference(&before).map(|(number, _)| *number).max();
        let mut agent = scene.agent(state, &scene.broker.url(), &[]);
        wait_until("it makes more", || new().is_some());
        stop(&mut agent);
        scene.drain(state);
        accepted += new().unwrap();
    }
    let reports = scene.subscriber.reports();
    let (came, repeated) = (reports.ids().len() as u64, reports.deliveries() - reports.ids().len() as u64);
    println!("| two daemons with one identity | {accepted} | {came} | {} | {repeated} |", reports.lost_as_published());
    assert_eq!(came + reports.lost_as_published(), accepted);
}
