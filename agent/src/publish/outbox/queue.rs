//! Which message goes next, which goes again, which is given up, and the count of it all.
//!
//! Pure: no disk, no network, no clock, no thread, and no payloads: messages go by their keys. A message waits, is in
//! flight, and leaves when the broker acknowledged it with success; whatever else happens to it is counted. When the
//! connection is lost, everything that was in flight waits again, in its old order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::message::{Break, Counters, Entry, Key, Limits, Place, Purpose, Settled, Verdict};
use super::room::{self, Candidate};
use crate::clock::Moment;

/// First and longest wait after a refusal that may pass.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(60);
/// How often a message may be alone in flight when the broker ends the connection over a broken rule.
pub(super) const MAX_BREAKS: u32 = 3;
/// How such a message's loss is counted.
pub(super) const BROKE_CONNECTION: &str = "broker closes the connection over it";
/// How the loss of a report that found no room, or had to make some, is counted.
const NO_ROOM: &str = "no room";

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    not_before: Moment,
    refusals: u32,
    breaks: u32,
}

#[derive(Debug)]
struct InFlight {
    packet_id: Option<u16>,
    handed_over: Moment,
    /// `None` when it is settled but an earlier one isn't yet.
    message: Option<Waiting>,
}

/// The queue.
#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    waiting: VecDeque<Waiting>,
    in_flight: VecDeque<InFlight>,
    /// Messages that left since they were last taken.
    gone: Vec<(Key, Purpose)>,
    /// After a broken rule one message at a time is sent, until one arrives.
    careful: bool,
    counters: Counters,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            gone: Vec::new(),
            careful: false,
            counters: Counters::default(),
        }
    }

    /// Takes a message. When there is no room, reports that wait are given up; says how many.
    pub fn offer(&mut self, entry: Entry) -> u64 {
        self.counters.accepted += 1;
        if entry.purpose == Purpose::Latest {
            self.supersede(&entry.topic);
        }
        self.waiting.push_back(Waiting::new(entry));
        self.make_room()
    }

    /// Takes a message before all others: one of this connection, or one of an earlier run.
    pub fn offer_first(&mut self, entry: Entry) {
        self.count(entry.purpose, |counters| counters.accepted += 1);
        self.waiting.push_front(Waiting::new(entry));
    }

    /// A message is somewhere else now.
    pub fn place(&mut self, key: Key, place: Place) {
        if let Some(entry) = self.entries_mut().find(|entry| entry.key == key) {
            entry.place = place;
        }
    }

    /// Every message that is in one place is now in another.
    pub fn place_all(&mut self, from: Place, to: Place) {
        for entry in self.entries_mut().filter(|entry| entry.place == from) {
            entry.place = to;
        }
    }

    /// Every key becomes larger by this much.
    pub fn shift_keys(&mut self, by: Key) {
        self.entries_mut().for_each(|entry| entry.key += by);
    }

    fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        let in_flight = self.in_flight.iter_mut().filter_map(|in_flight| in_flight.message.as_mut());
        self.waiting.iter_mut().chain(in_flight).map(|waiting| &mut waiting.entry)
    }

    /// The next message for the network, if one is due and at most `window` would be in flight.
    ///
    /// Gaps left by acknowledgements out of order count as in flight: packet ids are given in turn, and the oldest one
    /// must be free before its turn comes again.
    pub fn hand_over(&mut self, window: usize, only: Option<Purpose>, now: Moment) -> Option<Key> {
        let window = if self.careful { 1 } else { window };
        if self.in_flight.len() >= window {
            return None;
        }
        let is_next = |waiting: &Waiting| {
            waiting.not_before <= now
                && matches!(waiting.entry.place, Place::Memory | Place::Disk)
                && only.is_none_or(|purpose| waiting.entry.purpose == purpose)
        };
        let place = self.waiting.iter().position(is_next)?;
        let message = self.waiting.remove(place)?;
        self.count(message.entry.purpose, |counters| counters.sent += 1);
        let key = message.entry.key;
        self.in_flight.push_back(InFlight { packet_id: None, handed_over: now, message: Some(message) });
        Some(key)
    }

    /// The network gave this packet id to the oldest message that had none.
    pub fn pair(&mut self, packet_id: u16) {
        if let Some(in_flight) = self.in_flight.iter_mut().find(|in_flight| in_flight.packet_id.is_none()) {
            in_flight.packet_id = Some(packet_id);
        }
    }

    /// The broker answered. `None` when nothing with this id is in flight, or it didn't arrive.
    pub fn settle(&mut self, packet_id: u16, verdict: Verdict, now: Moment) -> Option<Settled> {
        let in_flight = self
            .in_flight
            .iter_mut()
            .find(|in_flight| in_flight.packet_id == Some(packet_id) && in_flight.message.is_some())?;
        let after = now.since(in_flight.handed_over);
        let message = in_flight.message.take()?;
        self.forget_settled();
        let purpose = message.entry.purpose;
        if purpose != Purpose::Session {
            self.careful = false;
        }
        match verdict {
            Verdict::Arrived => {
                self.gone.push((message.entry.key, purpose));
                self.count(purpose, |counters| counters.acknowledged += 1);
                return Some(Settled { purpose, after });
            }
            Verdict::RefusedForGood(reason) => self.refuse(&message.entry, reason),
            Verdict::RefusedForNow(reason) => self.try_later(message, reason, now),
        }
        None
    }

    /// The last one handed over was not sent after all, and never will be.
    pub fn refuse_unsent(&mut self, reason: &'static str) {
        if let Some(message) = self.in_flight.pop_back().and_then(|in_flight| in_flight.message) {
            self.count(message.entry.purpose, |counters| counters.sent -= 1);
            self.refuse(&message.entry, reason);
        }
    }

    /// The last one handed over can't be read back from the disk.
    pub fn lose_unsent(&mut self, reason: &str) {
        if let Some(message) = self.in_flight.pop_back().and_then(|in_flight| in_flight.message) {
            self.count(message.entry.purpose, |counters| counters.sent -= 1);
            self.lose(&message.entry, reason);
        }
    }

    /// A report was lost before it became a message.
    pub fn note_loss(&mut self, reason: &str) {
        *self.counters.lost.entry(reason.to_owned()).or_default() += 1;
    }

    /// Losses of earlier runs.
    pub fn add_losses(&mut self, losses: &BTreeMap<String, u64>) {
        for (reason, count) in losses {
            *self.counters.lost.entry(reason.clone()).or_default() += count;
        }
    }

    /// Messages that left since the last call, by whichever way.
    pub fn take_gone(&mut self) -> Vec<(Key, Purpose)> {
        std::mem::take(&mut self.gone)
    }

    /// A message that nobody waits for was not sent.
    pub fn note_refusal(&mut self, reason: &'static str) {
        *self.counters.refused.entry(reason).or_default() += 1;
    }

    /// The connection is gone, and with it every packet id.
    pub fn connection_lost(&mut self, cause: Break) {
        let mut outstanding: Vec<Waiting> =
            self.in_flight.drain(..).filter_map(|in_flight| in_flight.message).collect();
        if cause == Break::Protocol {
            self.careful = true;
            let mut suspects = outstanding.iter_mut().filter(|waiting| waiting.entry.purpose != Purpose::Session);
            if let (Some(suspect), None) = (suspects.next(), suspects.next()) {
                suspect.breaks += 1;
            }
        }
        for message in outstanding.into_iter().rev() {
            if message.breaks < MAX_BREAKS {
                self.waiting.push_front(message);
            } else {
                self.refuse(&message.entry, BROKE_CONNECTION);
            }
        }
        self.end_session();
    }

    fn end_session(&mut self) {
        let gone = &mut self.gone;
        self.waiting.retain(|waiting| {
            let stays = waiting.entry.purpose != Purpose::Session;
            if !stays {
                gone.push((waiting.entry.key, Purpose::Session));
            }
            stays
        });
    }

    /// When the next message that was refused for now may be sent again; `None` when none waits for that.
    #[must_use]
    pub fn next_retry(&self, now: Moment) -> Option<Moment> {
        self.waiting.iter().map(|waiting| waiting.not_before).filter(|&moment| moment > now).min()
    }

    /// Messages that have not arrived, in flight or waiting.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.waiting.len() + self.in_flight()
    }

    /// Messages that have not arrived and are of one purpose.
    #[must_use]
    pub fn unsettled_of(&self, purpose: Purpose) -> usize {
        self.entries().filter(|entry| entry.purpose == purpose).count()
    }

    /// Every message that has not arrived, those in flight last.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let in_flight = self.in_flight.iter().filter_map(|in_flight| in_flight.message.as_ref());
        self.waiting.iter().chain(in_flight).map(|waiting| &waiting.entry)
    }

    /// Messages in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.iter().filter(|in_flight| in_flight.message.is_some()).count()
    }

    /// Everything that happened.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn supersede(&mut self, topic: &str) {
        let same = |waiting: &Waiting| waiting.entry.purpose == Purpose::Latest && waiting.entry.topic == topic;
        if let Some(old) = self.waiting.iter().position(same).and_then(|place| self.waiting.remove(place)) {
            self.gone.push((old.entry.key, Purpose::Latest));
            self.counters.replaced += 1;
        }
    }

    /// Gives up reports until the rest has room. Those in flight stay, and so does the newest.
    pub fn make_room(&mut self) -> u64 {
        let mut given_up = 0;
        for (in_memory_alone, limit) in [(true, self.limits.memory_bytes), (false, self.limits.bytes)] {
            while self.bytes(in_memory_alone) > limit {
                let candidates = self.candidates(in_memory_alone);
                let Some(victim) = room::victim(self.limits.when_full, &candidates) else { break };
                let Some(lost) = self.waiting.remove(candidates[victim].place) else { break };
                self.lose(&lost.entry, NO_ROOM);
                given_up += 1;
            }
        }
        given_up
    }

    /// Room that reports take.
    fn bytes(&self, in_memory_alone: bool) -> usize {
        let counts = |entry: &&Entry| entry.purpose == Purpose::Report && (!in_memory_alone || entry.in_memory_alone());
        self.entries().filter(counts).map(|entry| entry.bytes).sum()
    }

    fn candidates(&self, in_memory_alone: bool) -> Vec<Candidate<'_>> {
        let all = self.waiting.iter().enumerate().filter(|(_, waiting)| {
            waiting.entry.purpose == Purpose::Report && (!in_memory_alone || waiting.entry.in_memory_alone())
        });
        all.map(|(place, Waiting { entry, .. })| Candidate { place, key: entry.key, kind: &entry.topic }).collect()
    }

    fn forget_settled(&mut self) {
        while self.in_flight.front().is_some_and(|in_flight| in_flight.message.is_none()) {
            self.in_flight.pop_front();
        }
    }

    fn try_later(&mut self, mut message: Waiting, reason: &'static str, now: Moment) {
        self.note_refusal(reason);
        let wait = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(message.refusals)).min(RETRY_LONGEST);
        message.refusals = message.refusals.saturating_add(1);
        message.not_before = now.shifted(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX));
        self.waiting.push_front(message);
    }

    fn refuse(&mut self, entry: &Entry, reason: &'static str) {
        self.note_refusal(reason);
        self.lose(entry, reason);
    }

    fn lose(&mut self, entry: &Entry, reason: &str) {
        self.gone.push((entry.key, entry.purpose));
        self.count(entry.purpose, |counters| counters.dropped += 1);
        if entry.purpose == Purpose::Report {
            self.note_loss(reason);
        }
    }

    fn count(&mut self, purpose: Purpose, add: impl FnOnce(&mut Counters)) {
        if purpose != Purpose::Session {
            add(&mut self.counters);
        }
    }
}

impl Waiting {
    fn new(entry: Entry) -> Self {
        Self { entry, not_before: Moment::default(), refusals: 0, breaks: 0 }
    }
}
