//! What must arrive, held until it has arrived.
//!
//! A report goes onto the disk before it goes out, and leaves when the broker acknowledged it with success. [`Queue`]
//! decides what goes next and what is given up; [`Ledger`] decides when the disk is told; [`Outbox`] puts both together.
//! All three are pure: [`keeper`] does the writing, on a thread of its own, and tells the outbox how it went. Where no disk can be
//! used the same queue works in memory alone.

mod counter;
pub(super) mod keeper;
mod ledger;
mod message;
mod options;
mod queue;
pub(crate) mod record;
mod room;
mod store;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use crate::clock::Moment;
pub(super) use counter::Counter;
pub(super) use ledger::Due;
use ledger::{Ledger, later};
pub use message::Counters;
pub(super) use message::{Break, Limits, Publication, Purpose, Settled, Verdict};
use message::{Entry, Key, Place};
pub use options::Options;
use queue::Queue;
pub use room::WhenFull;
pub(super) use store::{Batch, Contents, Numbers, Store, StoreError};

/// How the loss of a report that the disk gave back damaged, or not at all, is counted.
const UNREADABLE: &str = "unreadable on disk";
/// Payloads that stay in memory though the disk has them.
const CACHED_BYTES: usize = 256 * 1024;
/// Most bytes of one write: the file has to hold what it replaces, too, until it is done.
const WRITE_BYTES: usize = 256 * 1024;
/// A disk that refused is tried again after this.
const RETRY: Duration = Duration::from_secs(30);

/// Where a message's payload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handed {
    /// Here.
    Here(Publication),
    /// On disk, under this key.
    OnDisk(Key),
}

/// Whether reports are on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Disk {
    Kept,
    MemoryOnly { reason: String, retry: Moment },
}

/// The outbox: pure.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Queue,
    ledger: Ledger,
    bodies: BTreeMap<Key, Publication>,
    /// The numbers of reports that the disk doesn't have.
    unwritten: BTreeMap<Key, u64>,
    last_key: Key,
    /// The last number given out.
    sequence: u64,
    /// The last number of a report that was taken.
    taken: u64,
    counted_from: u64,
    disk: Disk,
}

impl Outbox {
    /// An empty outbox in memory, for a disk that is yet to be opened; `last` is the last report number used.
    pub fn new(limits: Limits, commit_interval: Duration, last: u64) -> Self {
        Self {
            queue: Queue::new(limits),
            ledger: Ledger::new(commit_interval),
            bodies: BTreeMap::new(),
            unwritten: BTreeMap::new(),
            last_key: 0,
            sequence: last,
            taken: last,
            counted_from: last + 1,
            disk: Disk::MemoryOnly { reason: "no disk was opened yet".to_owned(), retry: Moment::default() },
        }
    }

    /// The disk is there, with what it held. `last` is the last report number used.
    pub fn adopt(&mut self, contents: Contents, last: u64) {
        self.adopt_numbers(contents.numbers.unwrap_or_default(), last);
        let stored = contents.reports.iter().map(|entry| entry.key).chain(contents.unreadable.iter().copied());
        self.shift_keys(stored.max().unwrap_or(0));
        for entry in contents.reports.into_iter().rev() {
            self.queue.offer_first(entry);
        }
        for key in contents.unreadable {
            self.queue.note_loss(UNREADABLE);
            self.ledger.remove(key);
        }
        self.disk = Disk::Kept;
        self.queue.make_room();
        self.forget_gone();
    }

    /// Where a run gave out numbers without its disk, what became of those reports is unknown: counting begins anew.
    fn adopt_numbers(&mut self, numbers: Numbers, last: u64) {
        let all_known = numbers.sequence == last && self.sequence <= last && numbers.counted_from > 0;
        if all_known {
            self.counted_from = numbers.counted_from;
            self.queue.add_losses(&numbers.lost);
        } else {
            self.counted_from = self.counted_from.max(last + 1);
        }
        self.sequence = self.sequence.max(last);
        self.taken = self.taken.max(last);
    }

    /// Moves the keys of what came before the disk did above all that the disk holds.
    fn shift_keys(&mut self, by: Key) {
        self.last_key += by;
        self.queue.shift_keys(by);
        self.ledger.shift_keys(by);
        self.bodies = std::mem::take(&mut self.bodies).into_iter().map(|(key, body)| (key + by, body)).collect();
        self.unwritten =
            std::mem::take(&mut self.unwritten).into_iter().map(|(key, number)| (key + by, number)).collect();
    }

    /// Takes a message. When there is no room, reports that wait are given up; says how many.
    pub fn offer(&mut self, publication: Publication) -> u64 {
        let entry = self.entry(&publication);
        if entry.purpose == Purpose::Report {
            self.ledger.add(entry.key);
        }
        self.bodies.insert(entry.key, publication);
        let given_up = self.queue.offer(entry);
        self.forget_gone();
        given_up
    }

    /// Takes a report and its number.
    pub fn offer_report(&mut self, publication: Publication, sequence: u64) -> u64 {
        self.sequence = self.sequence.max(sequence);
        self.taken = self.taken.max(sequence);
        self.unwritten.insert(self.last_key + 1, sequence);
        self.offer(publication)
    }

    /// Takes a message of this connection, before all others.
    pub fn offer_first(&mut self, publication: Publication) {
        let entry = self.entry(&publication);
        self.bodies.insert(entry.key, publication);
        self.queue.offer_first(entry);
    }

    fn entry(&mut self, publication: &Publication) -> Entry {
        self.last_key += 1;
        let waits_for_disk = publication.purpose == Purpose::Report && self.disk == Disk::Kept;
        Entry {
            key: self.last_key,
            purpose: publication.purpose,
            topic: publication.topic.clone(),
            bytes: record::cost_bytes(publication),
            place: if waits_for_disk { Place::Pending } else { Place::Memory },
        }
    }

    /// The next report's number. It is used up: a report that isn't offered then is a loss.
    pub const fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// The last number given out.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// A report was lost before it was offered.
    pub fn note_loss(&mut self, sequence: u64, reason: &str) {
        self.taken = self.taken.max(sequence);
        self.queue.note_loss(reason);
    }

    /// The next message for the network, if one is due and at most `window` would be in flight.
    pub fn hand_over(&mut self, window: usize, only: Option<Purpose>, now: Moment) -> Option<Handed> {
        let key = self.queue.hand_over(window, only, now)?;
        Some(self.bodies.get(&key).map_or(Handed::OnDisk(key), |publication| Handed::Here(publication.clone())))
    }

    /// The network gave this packet id to the oldest message that had none.
    pub fn pair(&mut self, packet_id: u16) {
        self.queue.pair(packet_id);
    }

    /// The broker answered. `None` when nothing with this id is in flight, or it didn't arrive.
    pub fn settle(&mut self, packet_id: u16, verdict: Verdict, now: Moment) -> Option<Settled> {
        let settled = self.queue.settle(packet_id, verdict, now);
        self.forget_gone();
        settled
    }

    /// The last one handed over was not sent after all, and never will be.
    pub fn refuse_unsent(&mut self, reason: &'static str) {
        self.queue.refuse_unsent(reason);
        self.forget_gone();
    }

    /// The last one handed over can't be read back from the disk.
    pub fn lose_unreadable(&mut self) {
        self.queue.lose_unsent(UNREADABLE);
        self.forget_gone();
    }

    /// A message that nobody waits for was not sent.
    pub fn note_refusal(&mut self, reason: &'static str) {
        self.queue.note_refusal(reason);
    }

    /// The connection is gone, and with it every packet id.
    pub fn connection_lost(&mut self, cause: Break) {
        self.queue.connection_lost(cause);
        self.forget_gone();
    }

    /// The process ends soon: nothing waits any more to be written.
    pub const fn hurry(&mut self) {
        self.ledger.hurry();
    }

    /// When the disk is to be written next, or to be tried again.
    pub fn due(&self, now: Moment) -> Due {
        match &self.disk {
            Disk::Kept => self.ledger.due(now),
            Disk::MemoryOnly { retry, .. } if *retry <= now => Due::Now,
            Disk::MemoryOnly { retry, .. } => Due::At(*retry),
        }
    }

    /// Whether the disk lacks reports that no write holds.
    pub fn has_new(&self) -> bool {
        self.ledger.has_new()
    }

    /// Whether the disk lacks something.
    pub fn has_changes(&self) -> bool {
        self.ledger.has_changes()
    }

    /// Begins a write. On a disk that refused, what left goes first, to make room.
    pub fn begin_write(&mut self) -> Batch {
        let (new, erased) = match self.disk {
            Disk::MemoryOnly { .. } if self.ledger.has_erased() => (Vec::new(), self.ledger.begin_erasing()),
            _ => self.begin_writing(),
        };
        let numbers = self.numbers(new.last().copied());
        let record = |key: Key| Some((key, record::encode(self.bodies.get(&key)?)));
        Batch { records: new.into_iter().filter_map(record).collect(), erased, numbers }
    }

    fn begin_writing(&mut self) -> (Vec<Key>, Vec<Key>) {
        let mut bytes = 0;
        let bodies = &self.bodies;
        self.ledger.begin(|key| {
            let first = bytes == 0;
            bytes += bodies.get(&key).map_or(0, record::cost_bytes);
            first || bytes <= WRITE_BYTES
        })
    }

    /// The numbers once the disk has everything up to `last`. Those of reports that are still only here are not used up
    /// then: a crash takes both.
    fn numbers(&self, last: Option<Key>) -> Numbers {
        let mut left = self.unwritten.range((last.map_or(Unbounded, Excluded), Unbounded));
        let sequence = left.next().map_or(self.taken, |(_, number)| number - 1);
        Numbers { sequence, counted_from: self.counted_from, lost: self.queue.counters().lost.clone() }
    }

    /// The write is done.
    pub fn written(&mut self, now: Moment) {
        for key in self.ledger.written(now) {
            self.unwritten.remove(&key);
            self.queue.place(key, Place::Disk);
        }
        self.disk = Disk::Kept;
        self.queue.place_all(Place::Unreadable, Place::Disk);
        self.shed_cache();
    }

    /// The disk refused, and can be read or not. Reports that waited for it go out without it.
    pub fn write_failed(&mut self, reason: String, readable: bool, now: Moment) {
        self.ledger.failed();
        self.disk = Disk::MemoryOnly { reason, retry: later(now, RETRY) };
        self.queue.place_all(Place::Pending, Place::Memory);
        if readable {
            self.queue.place_all(Place::Unreadable, Place::Disk);
        } else {
            self.queue.place_all(Place::Disk, Place::Unreadable);
        }
        self.queue.make_room();
        self.forget_gone();
    }

    /// Forgets payloads that the disk has, until the rest is small.
    fn shed_cache(&mut self) {
        let mut cached: usize = self.bodies.values().map(|publication| publication.payload.len()).sum();
        let on_disk = self.queue.entries().filter(|entry| entry.place == Place::Disk);
        for entry in on_disk {
            if cached <= CACHED_BYTES {
                return;
            }
            if let Some(publication) = self.bodies.remove(&entry.key) {
                cached -= publication.payload.len();
            }
        }
    }

    fn forget_gone(&mut self) {
        for (key, purpose) in self.queue.take_gone() {
            self.bodies.remove(&key);
            self.unwritten.remove(&key);
            if purpose == Purpose::Report {
                self.ledger.remove(key);
            }
        }
    }

    /// When the next message that was refused for now may be sent again; `None` when none waits for that.
    pub fn next_retry(&self, now: Moment) -> Option<Moment> {
        self.queue.next_retry(now)
    }

    /// Messages that have not arrived, in flight or waiting.
    pub fn unsettled(&self) -> usize {
        self.queue.unsettled()
    }

    /// Messages of one purpose that have not arrived.
    pub fn unsettled_of(&self, purpose: Purpose) -> usize {
        self.queue.unsettled_of(purpose)
    }

    /// Messages in flight.
    pub fn in_flight(&self) -> usize {
        self.queue.in_flight()
    }

    /// Everything that happened.
    pub const fn counters(&self) -> &Counters {
        self.queue.counters()
    }

    /// The first report whose fate is counted.
    pub const fn counted_from(&self) -> u64 {
        self.counted_from
    }

    /// Reports on disk, and the bytes that they take there.
    ///
    /// # Errors
    /// With the reason, when reports are in memory only.
    pub fn on_disk(&self) -> Result<(u64, u64), &str> {
        if let Disk::MemoryOnly { reason, .. } = &self.disk {
            return Err(reason);
        }
        let on_disk =
            self.queue.entries().filter(|entry| entry.purpose == Purpose::Report && entry.place == Place::Disk);
        Ok(on_disk.fold((0, 0), |(reports, bytes), entry| (reports + 1, bytes + entry.bytes as u64)))
    }
}

#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod tests;
