//! The outbox under faults, on real parts: a real broker, real files, the real program killed at any moment.
//!
//! What was accepted was delivered, or its loss is counted: seen from outside, by the reports' numbers.
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

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use edgeval_wire::{Address, Device, Message, Report, text};
use publish::{Options, OutboxOptions, Publisher};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use support::{
    Agent, Broker, Faults, Network, PATIENCE, REPLAY, Subscriber, changed, free_port, small_set, wait_until,
};

const EVERYTHING: &str = "edgeval/1/#";
/// How often the program is killed; more where somebody asks for more.
const KILLS_VARIABLE: &str = "EDGEVAL_TEST_KILLS";
const KILLS: usize = 20;
const FOLDER_VARIABLE: &str = "EDGEVAL_TEST_OUTBOX";
const URL_VARIABLE: &str = "EDGEVAL_TEST_BROKER";

fn device() -> Device {
    serde_json::from_str(include_str!("../agent/wire/tests/messages/device.json")).unwrap()
}

/// Makes a report with the next number and hands it over.
fn send(publisher: &Publisher) -> u64 {
    let text_of_report = include_str!("../agent/wire/tests/messages/report_field.json");
    let mut report: Report = serde_json::from_str(text_of_report).unwrap();
    report.header.sequence = publisher.next_sequence();
    report.header.id = text(&uuid::Uuid::new_v4().to_string());
    let sequence = report.header.sequence;
    publisher.send(&Message::Report(Box::new(report))).unwrap();
    sequence
}

fn open_in(folder: &Path, url: &str, outbox: &OutboxOptions) -> Publisher {
    let options = Options { url: url.to_owned(), ..Options::default() };
    let address = Address::new("home", "pi").unwrap();
    publish::open(&options, (folder, outbox), address, device(), Pcg64::seed_from_u64(1), None).unwrap()
}

fn at_once() -> OutboxOptions {
    OutboxOptions { commit_interval_ms: 0, ..OutboxOptions::default() }
}

#[test]
fn a_program_killed_at_any_moment_loses_nothing_that_it_accepted() {
    let kills = std::env::var(KILLS_VARIABLE).map_or(KILLS, |text| text.parse().unwrap());
    let (mut broker, state) = (Broker::start(""), tempfile::tempdir().unwrap());
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let mut random = Pcg64::seed_from_u64(kills as u64);
    let set = small_set();
    let flags =
        [&REPLAY[..2], &["--replay", set.path().to_str().unwrap(), "--speed", "fastest", "--passes", "0"]].concat();
    let environment = [("EDGEVAL_REPORT__FIELD_INTERVAL_S", "1"), ("EDGEVAL_OUTBOX__COMMIT_INTERVAL_MS", "50")];
    for kill in 0..kills {
        // Every fifth life has no broker, so that reports pile up on the disk.
        let alone = kill % 5 == 3;
        if alone {
            broker.stop();
        }
        let mut agent = Agent::start_in(state.path(), &broker.url(), &flags, &environment);
        // Most die at work, some while they start.
        if random.random_bool(0.8) {
            let before = changed(&state.path().join("reports"));
            wait_until("it is at work", || changed(&state.path().join("reports")) > before);
        }
        let moment = Instant::now() + Duration::from_micros(random.random_range(0..800_000));
        wait_until("the moment to kill it", || Instant::now() >= moment);
        agent.kill();
        if alone {
            broker.resume();
        }
    }
    let mut agent = Agent::start_in(state.path(), &broker.url(), &flags, &environment);
    let before = subscriber.reports().newest();
    wait_until("the last life has reported", || subscriber.reports().newest() > before + 2);
    agent.terminate();
    assert_eq!(agent.wait(), 0);
    let stopped =
        |message: &support::Delivered| message.topic.ends_with("/availability") && message.payload == b"stopped";
    subscriber.wait_for("the goodbye", stopped);
    let reports = subscriber.reports();
    let (last, missing, lost) = (reports.newest(), reports.missing(), reports.lost_as_published());
    println!("{kills} kills: {last} reports accepted, {} missing, {lost} counted lost", missing.len());
    assert_eq!(missing.len() as u64, lost, "{missing:?}");
    assert!(missing.is_empty(), "there was room for all: {missing:?}");
    assert!(reports.twice().is_empty(), "a number was given out twice: {:?}", reports.twice());
}

#[test]
fn reports_of_an_earlier_life_arrive_and_numbers_go_on() {
    let (mut broker, folder) = (Broker::start(""), tempfile::tempdir().unwrap());
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    broker.stop();
    let publisher = open_in(folder.path(), &broker.url(), &OutboxOptions::default());
    (1..=30).for_each(|number| assert_eq!(send(&publisher), number));
    assert_eq!(publisher.stop(Duration::from_millis(100)), 31, "the reports and the latest summary");
    broker.resume();
    let publisher = open_in(folder.path(), &broker.url(), &OutboxOptions::default());
    assert_eq!(send(&publisher), 31);
    wait_until("all came", || subscriber.reports().are_up_to(31));
    subscriber.wait_for("the summary of an earlier life", |message| message.topic.ends_with("/summary/field"));
    wait_until("all are acknowledged", || publisher.stats().queued == 0);
    assert_eq!(publisher.stop(PATIENCE), 0);
    let publisher = open_in(folder.path(), &broker.url(), &OutboxOptions::default());
    assert_eq!(publisher.stats().on_disk, Some(Ok((0, 0))), "what arrived is not kept");
    assert_eq!(send(&publisher), 32);
}

#[test]
fn what_finds_no_room_is_counted_and_the_count_arrives() {
    for when_full in
        [publish::WhenFull::DropOldest, publish::WhenFull::ThinOut, publish::WhenFull::KeepNewestOfEachKind]
    {
        let (mut broker, folder) = (Broker::start(""), tempfile::tempdir().unwrap());
        let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
        broker.stop();
        let outbox = OutboxOptions { maximum_bytes: 4 * 1024 * 1024, when_full, ..at_once() };
        // Two lives, so that the count has to outlive one of them.
        for _ in 0..2 {
            let publisher = open_in(folder.path(), &broker.url(), &outbox);
            (0..400).for_each(|_| _ = send(&publisher));
            let _ = publisher.stop(Duration::from_millis(100));
        }
        broker.resume();
        let publisher = open_in(folder.path(), &broker.url(), &outbox);
        wait_until("all that is left came", || publisher.stats().connected && publisher.stats().queued == 0);
        let stats = publisher.stats().to_wire();
        assert!(stats.lost > 0 && stats.lost_counted_from == 1, "{stats:?}");
        assert_eq!((stats.lost_by_reason[0].reason.as_str(), stats.lost_by_reason[0].count), ("no room", stats.lost));
        wait_until("all came", || subscriber.reports().count() + stats.lost == 800);
        let first = *subscriber.reports().numbers().first().unwrap();
        assert_eq!(first == 1, when_full == publish::WhenFull::ThinOut, "{when_full:?} begins with {first}");
    }
}

#[test]
#[ignore = "the process that a_publisher_at_full_speed_killed_at_any_moment_loses_nothing kills"]
fn publisher_at_full_speed() {
    let (folder, url) = (std::env::var(FOLDER_VARIABLE).unwrap(), std::env::var(URL_VARIABLE).unwrap());
    let publisher = open_in(Path::new(&folder), &url, &at_once());
    loop {
        send(&publisher);
        wait_until("there is room", || publisher.stats().queued < 64);
    }
}

#[test]
fn a_publisher_at_full_speed_killed_at_any_moment_loses_nothing() {
    let kills = std::env::var(KILLS_VARIABLE).map_or(KILLS, |text| text.parse().unwrap());
    // Mosquitto drops what it acknowledged when a reader is a thousand messages behind, unless it is told not to.
    let (broker, folder) = (Broker::start("max_queued_messages 0"), tempfile::tempdir().unwrap());
    let subscriber = Subscriber::counting(&broker, "reader");
    let mut random = Pcg64::seed_from_u64(9);
    for _ in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "publisher_at_full_speed", "--ignored"])
            .env(FOLDER_VARIABLE, folder.path())
            .env(URL_VARIABLE, broker.url())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let moment = Instant::now() + Duration::from_micros(random.random_range(50_000..600_000));
        wait_until("the moment to kill it", || Instant::now() >= moment);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let publisher = open_in(folder.path(), &broker.url(), &at_once());
    let last = send(&publisher);
    wait_until("all are acknowledged", || publisher.stats().connected && publisher.stats().queued == 0);
    // Half a million reports, which a reader takes longer for than they took to make.
    subscriber.wait_for_reports("all came", |reports| reports.count() >= last);
    let reports = subscriber.reports();
    println!("{kills} kills at full speed: {last} reports accepted, {} came", reports.count());
    assert!(reports.missing().is_empty(), "{:?}", reports.missing());
    assert!(reports.twice().is_empty(), "a number was given out twice: {:?}", reports.twice());
    assert!(publisher.stats().counters.lost.is_empty());
}

/// A broker that says yes to every connection and then nothing: it notes what it is sent.
fn silent_broker() -> (u16, Arc<std::sync::Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noting = Arc::clone(&heard);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 65_536];
            let mut greeted = false;
            while let Ok(length @ 1..) = stream.read(&mut bytes) {
                noting.lock().unwrap().extend(&bytes[..length]);
                // CONNACK, success, without properties (MQTT 5, 3.2).
                if !std::mem::replace(&mut greeted, true) && stream.write_all(&[0x20, 3, 0, 0, 0]).is_err() {
                    break;
                }
            }
        }
    });
    (port, heard)
}

#[test]
fn a_broker_that_never_acknowledges_gets_nothing_out_of_the_outbox() {
    let (port, heard) = silent_broker();
    let folder = tempfile::tempdir().unwrap();
    let publisher = open_in(folder.path(), &format!("mqtt://127.0.0.1:{port}"), &at_once());
    (0..40).for_each(|_| _ = send(&publisher));
    wait_until("its window is full", || publisher.stats().in_flight == 16);
    wait_until("all are on disk", || publisher.stats().on_disk.unwrap().unwrap().0 == 40);
    assert_eq!(publisher.stats().counters.acknowledged, 0);
    // Maximum packet size (0x27) among the connect properties (MQTT 5, 3.1.2.11.4): a command and its properties, several times over.
    let largest = [&[0x27][..], &(16 * 1024_u32).to_be_bytes()].concat();
    assert!(heard.lock().unwrap().windows(5).any(|bytes| bytes == largest));
    let begin = Instant::now();
    let _ = publisher.stop(Duration::from_secs(1));
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let publisher = open_in(folder.path(), &broker.url(), &at_once());
    wait_until("all came to a better broker", || subscriber.reports().are_up_to(40));
    assert!(publisher.stats().counters.lost.is_empty());
}

#[test]
fn connections_cut_in_the_middle_of_a_packet_lose_nothing() {
    let (broker, folder) = (Broker::start(""), tempfile::tempdir().unwrap());
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let network = Network::start(broker.port, Faults { refused: 0.3, cut_within_bytes: 20_000, ..Faults::default() });
    let publisher = open_in(folder.path(), &network.url(), &at_once());
    (0..100).for_each(|_| _ = send(&publisher));
    wait_until("some connections were bad", || network.counts().0 >= 6);
    network.mend();
    wait_until("all came", || subscriber.reports().are_up_to(100));
    wait_until("all are acknowledged", || publisher.stats().queued == 0);
    let stats = publisher.stats();
    assert!(stats.counters.lost.is_empty() && stats.counters.dropped == 0, "{stats:?}");
}

#[test]
fn two_programs_cannot_have_one_outbox() {
    let (broker, state) = (Broker::start(""), tempfile::tempdir().unwrap());
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let mut first = Agent::start_in(state.path(), &broker.url(), &[], &[]);
    subscriber.wait_for("the first is there", |message| message.payload == b"online");
    let mut second = Agent::start_in(state.path(), &broker.url(), &[], &[("EDGEVAL_BROKER__CLIENT_ID", "second")]);
    assert_eq!(second.wait(), 1);
    let words = second.log();
    assert!(words.contains("in use by another edgeval") && words.contains("outbox.redb"), "{words}");
    first.terminate();
    assert_eq!(first.wait(), 0, "{}", first.log());
}

#[test]
fn a_program_that_may_not_write_more_goes_on_in_memory_and_says_so() {
    let (mut broker, state) = (Broker::start(""), tempfile::tempdir().unwrap());
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    broker.stop();
    let flags = [&REPLAY[..], &["--passes", "0"]].concat();
    let environment = [("EDGEVAL_REPORT__FIELD_INTERVAL_S", "1"), ("EDGEVAL_OUTBOX__COMMIT_INTERVAL_MS", "0")];
    // 80 KiB: the new file of 72 KiB, and no more.
    let mut agent = Agent::start_with_small_files(state.path(), 160, &broker.url(), &flags, &environment);
    wait_until("the disk refuses", || agent.log().contains("kept in memory only"));
    broker.resume();
    wait_until("reports came", || subscriber.reports().count() > 10);
    let live = subscriber.wait_for("it is said", |message| {
        message.topic.ends_with("/live") && String::from_utf8_lossy(&message.payload).contains("File too large")
    });
    assert!(live.topic.contains("/agent/"));
    agent.terminate();
    assert_eq!(agent.wait(), 0, "{}", agent.log());
    let last = subscriber.reports().newest();
    wait_until("all came", || subscriber.reports().are_up_to(last));
    // The next life goes on where this one ended, though its outbox doesn't know where that was.
    let _next = Agent::start_in(state.path(), &broker.url(), &flags, &environment);
    wait_until("the next life reports", || subscriber.reports().count() > last + 3);
    assert!(subscriber.reports().missing().is_empty(), "{:?}", subscriber.reports().missing());
    assert!(subscriber.reports().twice().is_empty(), "a number was given out twice");
}

/// A small disk of its own. Only root may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path, options: &str) -> Option<Self> {
        let arguments = ["-t", "tmpfs", "-o", options, "tmpfs"];
        let mounted = Command::new("mount").args(arguments).arg(folder).stderr(std::process::Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder.to_owned()))
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}

#[test]
fn a_full_or_read_only_disk_is_done_without_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), "size=400k") else {
        println!("not root: a full disk is only tested by a limit on files");
        return;
    };
    let mut broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    broker.stop();
    let publisher = open_in(folder.path(), &broker.url(), &at_once());
    (0..300).for_each(|_| _ = send(&publisher));
    wait_until("the disk is full", || matches!(publisher.stats().on_disk, Some(Err(_))));
    let reason = publisher.stats().on_disk.unwrap().unwrap_err();
    assert!(reason.contains("No space left"), "{reason}");
    broker.resume();
    wait_until("all came", || subscriber.reports().are_up_to(300));
    assert_eq!(publisher.stop(PATIENCE), 0);

    disk.remount("size=4m,ro");
    let publisher = open_in(folder.path(), &broker.url(), &at_once());
    assert!(matches!(publisher.stats().on_disk, Some(Err(_))));
    let first = send(&publisher);
    assert!(first > 300, "{first}");
    wait_until("it came all the same", || subscriber.reports().numbers().contains(&first));
    assert_eq!(publisher.stop(PATIENCE), 0);

    disk.remount("size=4m,rw");
    let publisher = open_in(folder.path(), &broker.url(), &at_once());
    wait_until("the disk is used again", || matches!(publisher.stats().on_disk, Some(Ok(_))));
    drop(publisher);
}

#[test]
fn an_hour_without_a_broker_arrives_when_there_is_one() {
    // An hour without a broker, an hour's worth of reports a minute apart, in no time: none waits for the network.
    let folder = tempfile::tempdir().unwrap();
    let publisher = open_in(folder.path(), &format!("mqtt://127.0.0.1:{}", free_port()), &OutboxOptions::default());
    (0..60).for_each(|_| _ = send(&publisher));
    let _ = publisher.stop(Duration::from_millis(100));
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", EVERYTHING);
    let _publisher = open_in(folder.path(), &broker.url(), &OutboxOptions::default());
    wait_until("an hour's reports came", || subscriber.reports().are_up_to(60));
}
