//! The outbox's whole life, with crashes, on a model of its disk.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::record::LEAST_COST_BYTES;
use super::tests::{WINDOW, at, report};
use super::*;

/// Room for a dozen reports.
const SMALL: Limits =
    Limits { bytes: 12 * LEAST_COST_BYTES, memory_bytes: 12 * LEAST_COST_BYTES, when_full: WhenFull::ThinOut };

/// A disk as a crash leaves it: the last write that was finished.
#[derive(Clone, Debug, Default)]
struct Disk {
    records: BTreeMap<Key, Vec<u8>>,
    numbers: Option<Numbers>,
}

impl Disk {
    fn write(&mut self, batch: Batch) {
        for key in &batch.erased {
            self.records.remove(key);
        }
        self.records.extend(batch.records);
        self.numbers = Some(batch.numbers);
    }

    fn contents(&self) -> Contents {
        let mut contents = Contents { numbers: self.numbers.clone(), ..Contents::default() };
        for (key, bytes) in &self.records {
            let report = record::decode(bytes).unwrap();
            let (topic, bytes) = (report.topic.clone(), record::cost_bytes(&report));
            contents.reports.push(Entry { key: *key, purpose: Purpose::Report, topic, bytes, place: Place::Disk });
        }
        contents
    }

    fn number(&self, key: Key) -> u64 {
        number(&record::decode(&self.records[&key]).unwrap())
    }
}

fn numbered(sequence: u64) -> Publication {
    Publication { payload: sequence.to_le_bytes().to_vec(), ..report((sequence % 2) as u8) }
}

fn number(publication: &Publication) -> u64 {
    u64::from_le_bytes(publication.payload.as_slice().try_into().unwrap())
}

fn open_on(disk: &Disk) -> Outbox {
    let last = disk.numbers.as_ref().map_or(0, |numbers| numbers.sequence);
    let mut outbox = Outbox::new(SMALL, Duration::from_secs(1), last);
    outbox.adopt(disk.contents(), last);
    outbox
}

#[derive(Clone, Debug)]
enum Life {
    Report,
    Send,
    Acknowledge(usize),
    Refuse(usize),
    Write,
    WriteThatFails,
    WriteCutShort,
    Lose,
    Crash,
}

fn lives() -> impl Strategy<Value = Life> {
    prop_oneof![
        6 => Just(Life::Report),
        4 => Just(Life::Send),
        4 => (0..4_usize).prop_map(Life::Acknowledge),
        1 => (0..4_usize).prop_map(Life::Refuse),
        4 => Just(Life::Write),
        1 => Just(Life::WriteThatFails),
        1 => Just(Life::WriteCutShort),
        1 => Just(Life::Lose),
        1 => Just(Life::Crash),
    ]
}

/// An outbox, its disk, and a reader far away.
struct World {
    outbox: Outbox,
    disk: Disk,
    /// Numbers that the broker acknowledged.
    arrived: std::collections::BTreeSet<u64>,
    /// In flight: packet id and number.
    flying: Vec<(u16, u64)>,
    last_id: u16,
    /// Whether reports went out that no disk held.
    without_disk: bool,
}

impl World {
    fn live(&mut self, life: &Life, now: Moment) {
        match life {
            Life::Report => {
                let sequence = self.outbox.next_sequence();
                self.outbox.offer_report(numbered(sequence), sequence);
            }
            Life::Send => self.send(now),
            Life::Acknowledge(which) => self.answer(*which, Verdict::Arrived, now),
            Life::Refuse(which) => self.answer(*which, Verdict::RefusedForGood("not authorized"), now),
            Life::Write => {
                let batch = self.outbox.begin_write();
                self.disk.write(batch);
                self.outbox.written(now);
            }
            Life::WriteThatFails => {
                self.outbox.begin_write();
                self.outbox.write_failed("full".to_owned(), true, now);
                self.without_disk = true;
            }
            Life::WriteCutShort => {
                self.outbox.begin_write();
                self.crash();
            }
            Life::Lose => {
                self.outbox.connection_lost(Break::Gone);
                (self.flying, self.last_id) = (Vec::new(), 0);
            }
            Life::Crash => self.crash(),
        }
    }

    fn send(&mut self, now: Moment) {
        while let Some(handed) = self.outbox.hand_over(WINDOW, None, now) {
            self.last_id = self.last_id % WINDOW as u16 + 1;
            self.outbox.pair(self.last_id);
            let number = match handed {
                Handed::Here(publication) => number(&publication),
                Handed::OnDisk(key) => self.disk.number(key),
            };
            assert!(
                self.without_disk || self.disk.numbers.as_ref().unwrap().sequence >= number,
                "it went out before it went in"
            );
            self.flying.push((self.last_id, number));
        }
    }

    fn answer(&mut self, which: usize, verdict: Verdict, now: Moment) {
        if which < self.flying.len() {
            let (packet_id, number) = self.flying.remove(which);
            self.outbox.settle(packet_id, verdict, now);
            if verdict == Verdict::Arrived {
                self.arrived.insert(number);
            }
        }
    }

    fn crash(&mut self) {
        self.outbox = open_on(&self.disk);
        (self.flying, self.last_id) = (Vec::new(), 0);
    }

    /// Every number up to the last one on disk has arrived, waits on disk, or is counted as lost there.
    fn check(&self) {
        let Some(numbers) = &self.disk.numbers else { return };
        let waiting: std::collections::BTreeSet<u64> =
            self.disk.records.keys().map(|&key| self.disk.number(key)).collect();
        let known = |number: &u64| self.arrived.contains(number) || waiting.contains(number);
        let missing = (1..=numbers.sequence).filter(|number| !known(number)).count() as u64;
        // After a crash a report that had arrived can come again, and then be given up: it is counted, but not missing.
        assert!(missing <= numbers.lost.values().sum(), "{numbers:?}, {missing} missing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(2), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, in whichever order, and wherever a crash cuts in.
    #[test]
    fn no_number_is_missing_that_is_not_counted(lives in prop::collection::vec(lives(), 0..300)) {
        let disk = Disk::default();
        let mut world = World {
            outbox: open_on(&disk), disk, arrived: Default::default(), flying: Vec::new(), last_id: 0, without_disk: false,
        };
        for (second, life) in lives.iter().enumerate() {
            // Without its disk a run can't promise what a crash leaves: that has tests of its own.
            if world.without_disk && matches!(life, Life::Crash | Life::WriteCutShort) {
                continue;
            }
            world.live(life, at(1000 * second as i64));
            world.check();
            prop_assert!(world.outbox.unsettled() <= 12 + WINDOW);
        }
    }
}

#[test]
fn without_a_disk_reports_go_out_of_memory_and_onto_it_when_it_is_back() {
    let mut outbox = open_on(&Disk::default());
    outbox.offer_report(numbered(1), 1);
    assert_eq!(outbox.hand_over(WINDOW, None, at(0)), None, "it goes onto the disk first");
    assert_eq!(outbox.due(at(0)), Due::Now);
    outbox.begin_write();
    outbox.write_failed("No space left on device".to_owned(), true, at(0));
    assert_eq!(outbox.on_disk(), Err("No space left on device"));
    outbox.offer_report(numbered(2), 2);
    assert_eq!(outbox.hand_over(1, None, at(0)), Some(Handed::Here(numbered(1))));
    assert_eq!(outbox.due(at(1)), Due::At(at(30_000)));
    assert_eq!(outbox.due(at(30_000)), Due::Now);
    let batch = outbox.begin_write();
    assert_eq!((batch.records.len(), batch.numbers.sequence), (2, 2));
    outbox.written(at(30_000));
    assert_eq!(outbox.on_disk().unwrap().0, 2);
}

#[test]
fn reports_on_a_disk_that_cannot_be_read_wait_until_it_can() {
    let mut disk = Disk::default();
    let mut outbox = open_on(&disk);
    outbox.offer_report(numbered(1), 1);
    disk.write(outbox.begin_write());
    let mut outbox = open_on(&disk);
    outbox.offer_report(numbered(2), 2);
    outbox.begin_write();
    outbox.write_failed("Input/output error".to_owned(), false, at(0));
    assert_eq!(outbox.hand_over(WINDOW, None, at(0)), Some(Handed::Here(numbered(2))));
    assert_eq!(outbox.hand_over(WINDOW, None, at(0)), None);
    outbox.begin_write();
    outbox.written(at(0));
    assert!(matches!(outbox.hand_over(WINDOW, None, at(0)), Some(Handed::OnDisk(_))));
}

#[test]
fn a_disk_that_comes_late_is_taken_in_beside_what_came_before() {
    let mut disk = Disk::default();
    let mut outbox = open_on(&disk);
    for number in 1..=3 {
        outbox.offer_report(numbered(number), number);
    }
    disk.write(outbox.begin_write());
    let mut late = Outbox::new(SMALL, Duration::from_secs(1), 1024);
    let sequence = late.next_sequence();
    late.offer_report(numbered(sequence), sequence);
    late.adopt(disk.contents(), 3);
    disk.write(late.begin_write());
    late.written(at(0));
    assert_eq!(disk.records.keys().map(|&key| disk.number(key)).collect::<Vec<_>>(), [1, 2, 3, 1025]);
    assert_eq!((late.next_sequence(), late.counted_from()), (1026, 1025));
}

#[test]
fn payloads_that_the_disk_has_do_not_fill_the_memory() {
    let room = 64 * 1024 * 1024;
    let limits = Limits { bytes: room, memory_bytes: room, when_full: WhenFull::DropOldest };
    let mut outbox = Outbox::new(limits, Duration::ZERO, 0);
    outbox.adopt(Contents::default(), 0);
    for number in 1..=1000 {
        outbox.offer_report(Publication { payload: vec![0; 4096], ..numbered(number) }, number);
    }
    while outbox.has_new() {
        outbox.begin_write();
        outbox.written(at(0));
    }
    let held: usize = outbox.bodies.values().map(|publication| publication.payload.len()).sum();
    assert!(held <= CACHED_BYTES, "{held}");
    assert_eq!(outbox.unsettled(), 1000);
}
