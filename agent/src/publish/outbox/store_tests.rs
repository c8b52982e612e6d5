//! The outbox's file on a real disk: what comes back, how large it gets, and what damage does.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use edgeval_wire::Encoding;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::keeper::Opened;
use super::*;
use crate::publish::PublishError;

fn report(number: u64, bytes: usize) -> Publication {
    let payload = (0..bytes).map(|place| (number as usize + place) as u8).collect();
    let content_type = Encoding::Json.content_type();
    let topic = "edgeval/1/home/pi/report/field".to_owned();
    Publication {
        topic,
        payload,
        content_type,
        retain: false,
        assured: true,
        purpose: Purpose::Report,
        correlation_data: None,
    }
}

fn batch(numbers: std::ops::RangeInclusive<u64>, erased: Vec<u64>, random: &mut Pcg64) -> Batch {
    let sequence = *numbers.end();
    let records = numbers.map(|number| (number, record::encode(&report(number, random.random_range(500..6000)))));
    Batch { records: records.collect(), erased, numbers: Numbers { sequence, counted_from: 1, lost: BTreeMap::new() } }
}

/// Integration tests take this module in by path; what takes long runs once, in the program's own tests.
fn is_taken_in() -> bool {
    !module_path!().starts_with("edgeval::")
}

/// A folder for files that are opened a thousand times: in memory where the system has such a place.
fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn file(folder: &Path) -> PathBuf {
    folder.join("outbox.redb")
}

fn open(folder: &Path) -> Opened {
    keeper::open(folder, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_was_written_comes_back_and_what_was_erased_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Pcg64::seed_from_u64(1);
    let (store, contents) = Store::open(&file(folder.path())).unwrap();
    assert!(contents.reports.is_empty() && contents.numbers.is_none());
    store.write(&batch(1..=20, vec![], &mut random)).unwrap();
    let mut last = batch(21..=30, vec![3, 7], &mut random);
    last.numbers.lost.insert("no room".to_owned(), 5);
    store.write(&last).unwrap();
    drop(store);
    let (store, contents) = Store::open(&file(folder.path())).unwrap();
    let keys: Vec<u64> = contents.reports.iter().map(|entry| entry.key).collect();
    assert_eq!(keys, (1..=30).filter(|key| ![3, 7].contains(key)).collect::<Vec<_>>());
    assert_eq!(contents.numbers, Some(last.numbers));
    assert_eq!(store.read(5).unwrap().payload[0], 5);
    assert_eq!(store.read(3), None);
}

#[test]
fn a_second_process_is_told_that_the_outbox_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path());
    let Err(error) = keeper::open(folder.path(), &Options::default()) else { panic!("it was opened twice") };
    assert!(matches!(error, PublishError::OutboxInUse(_)), "{error}");
    assert!(error.to_string().contains("in use by another edgeval"), "{error}");
}

/// A small outbox's bytes, as a power cut or a clean stop leaves them, and what is in it.
fn base(clean: bool) -> (Vec<u8>, BTreeMap<u64, Publication>) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Pcg64::seed_from_u64(2);
    let (store, _) = Store::open(&file(folder.path())).unwrap();
    for begin in (1..=60).step_by(6) {
        let erased = (begin.max(13) - 12..begin.max(7) - 6).collect();
        store.write(&batch(begin..=begin + 5, erased, &mut random)).unwrap();
    }
    let held = (1..=66).filter_map(|key| Some((key, store.read(key)?))).collect();
    if clean {
        drop(store);
        return (fs::read(file(folder.path())).unwrap(), held);
    }
    (fs::read(file(folder.path())).unwrap(), held)
}

/// Flips some bits, in the whole file or near its beginning, or cuts it off.
fn spoil(bytes: &mut Vec<u8>, random: &mut Pcg64) {
    if random.random_range(0..4) == 0 {
        bytes.truncate(random.random_range(0..bytes.len()));
        return;
    }
    let range = if random.random_bool(0.5) { bytes.len() } else { 16_384.min(bytes.len()) };
    for _ in 0..random.random_range(1..20) {
        bytes[random.random_range(0..range)] ^= 1 << random.random_range(0..8);
    }
}

#[test]
fn a_spoilt_file_is_set_aside_or_read_truly_a_thousand_times() {
    if is_taken_in() {
        return;
    }
    let bases = [base(true), base(false)];
    let mut random = Pcg64::seed_from_u64(3);
    let (mut aside, mut whole, mut panics) = (0, 0, 0);
    for round in 0..1000 {
        let folder = quick_folder();
        let (bytes, held) = &bases[round % 2];
        let mut bytes = bytes.clone();
        spoil(&mut bytes, &mut random);
        fs::write(file(folder.path()), &bytes).unwrap();
        fs::write(folder.path().join("sequence"), format!("{:020} stored\n", 1024)).unwrap();
        if let Err(StoreError::Damaged(reason)) = Store::open(&file(folder.path())) {
            // Rare, caught, and treated like any other damage (decision 9).
            panics += u32::from(reason.contains("panicked"));
        }
        let Opened { mut outbox, store, .. } = open(folder.path());
        let store = store.expect("the disk is fine, only the file isn't");
        for (key, report) in held {
            assert!(store.read(*key).is_none_or(|read| read == *report), "round {round}: {key} was altered");
        }
        if outbox.unsettled() == 0 {
            aside += 1;
            assert_eq!(outbox.next_sequence(), 1025, "round {round}: numbers go on above all that were given out");
        } else {
            whole += 1;
            assert_eq!(outbox.next_sequence(), 61, "round {round}: numbers never go back");
        }
        store.write(&batch(90..=90, vec![], &mut random)).unwrap();
    }
    println!(
        "set aside {aside} times ({panics} of them because the library panicked), read in spite of it {whole} times"
    );
    assert!(aside > 500 && panics < 10, "{aside} {panics}");
}

#[test]
fn the_file_stays_within_its_bound_whatever_the_sizes() {
    if is_taken_in() {
        return;
    }
    for (seed, sizes) in [(1, 200..900), (2, 1500..2600), (3, 4000..4400), (4, 200..60_000), (5, 33_000..34_000)] {
        let folder = quick_folder();
        let options = Options { maximum_bytes: 4 * 1024 * 1024, ..Options::default() };
        let Opened { mut outbox, store, .. } =
            keeper::open(folder.path(), &options).unwrap_or_else(|error| panic!("{error}"));
        let store = store.unwrap();
        let mut random = Pcg64::seed_from_u64(seed);
        for _ in 0..120 {
            for _ in 0..random.random_range(1..30) {
                let sequence = outbox.next_sequence();
                outbox.offer_report(report(sequence, random.random_range(sizes.clone())), sequence);
            }
            store.write(&outbox.begin_write()).unwrap();
            outbox.written(Moment::default());
        }
        let bytes = fs::metadata(file(folder.path())).unwrap().len();
        assert!(bytes <= options.maximum_bytes, "{sizes:?}: {bytes}");
        let lost: u64 = outbox.counters().lost.values().sum();
        println!("{sizes:?}: file {bytes} bytes, held {}, lost {lost}", outbox.unsettled());
        assert_eq!(outbox.sequence(), lost + outbox.unsettled() as u64);
    }
}

/// Run alone, on a real disk: `cargo test --workspace --bin edgeval what_a_write -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement: it counts what the whole process writes"]
fn what_a_write_costs() {
    let written = || -> u64 {
        let text = fs::read_to_string("/proc/self/io").unwrap();
        text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
    };
    for backlog in [0, 1000] {
        let folder = tempfile::tempdir_in(std::env::var("EDGEVAL_TEST_DISK").unwrap_or_else(|_| ".".into())).unwrap();
        let (store, _) = Store::open(&file(folder.path())).unwrap();
        let record = |number: u64| (number, record::encode(&report(number, 2600)));
        store.write(&Batch { records: (1..=backlog + 1).map(record).collect(), ..Batch::default() }).unwrap();
        let (before, begin) = (written(), Instant::now());
        for number in 2..=501 {
            let next = Batch { records: vec![record(backlog + number)], erased: vec![number - 1], ..Batch::default() };
            store.write(&next).unwrap();
        }
        let (bytes, time) = ((written() - before) / 500, begin.elapsed() / 500);
        println!(
            "{backlog} reports wait: {bytes} bytes and {time:?} a write of one report of 2,600 bytes that replaces one"
        );
    }
}
