//! What must arrive, held until it has arrived.
//!
//! Pure: no network, no clock, no thread. A message waits, is in flight, and leaves when the broker acknowledged it with
//! success; whatever else happens to it is counted. When the connection is lost, everything that was in flight waits
//! again, in its old order. Nothing here outlives the process: a durable outbox takes this module's place and keeps
//! these methods.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::clock::Moment;

/// First and longest wait after a refusal that may pass.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(60);
/// How often a message may be alone in flight when the broker ends the connection over a broken rule.
const MAX_BREAKS: u32 = 3;
/// How such a message's loss is counted.
const BROKE_CONNECTION: &str = "broker closes the connection over it";

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Bytes of payload.
    pub bytes: usize,
}

/// What a message is to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Each one must arrive.
    Report,
    /// Only the latest of its topic must: it replaces one that still waits.
    Latest,
    /// It belongs to one connection and is made anew for the next; it isn't counted.
    Session,
}

/// A message, ready for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub topic: String,
    /// The bytes.
    pub payload: Vec<u8>,
    /// MQTT 5's content type.
    pub content_type: &'static str,
    /// Whether the broker keeps it.
    pub retain: bool,
    /// Whether it is sent until it is acknowledged (QoS 1).
    pub assured: bool,
    /// What it is to the queue.
    pub purpose: Purpose,
}

/// What the broker said of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has it.
    Arrived,
    /// Not now.
    RefusedForNow(&'static str),
    /// Never.
    RefusedForGood(&'static str),
}

/// Why a connection ended, as far as its messages are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Network or broker went away.
    Gone,
    /// One side broke a rule of MQTT: a message may be to blame.
    Protocol,
}

/// Everything that happened, in messages that must arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Taken into the queue.
    pub accepted: u64,
    /// Handed to the network, repetitions included.
    pub sent: u64,
    /// Acknowledged with success.
    pub acknowledged: u64,
    /// Lost: refused for good, or given up because the queue was full.
    pub dropped: u64,
    /// Superseded by a later one of the same topic before they were sent.
    pub replaced: u64,
    /// Refusals by reason, those of messages that aren't counted otherwise included.
    pub refused: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Waiting {
    publication: Publication,
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
    waiting_bytes: usize,
    in_flight: VecDeque<InFlight>,
    /// After a broken rule one message at a time is sent, until one arrives.
    careful: bool,
    counters: Counters,
}

/// What became of an acknowledged message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What it was.
    pub purpose: Purpose,
    /// From hand-over to acknowledgement.
    pub after: Duration,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            in_flight: VecDeque::new(),
            careful: false,
            counters: Counters::default(),
        }
    }

    /// Takes a message. When there is no room the oldest that wait are given up; says how many.
    pub fn offer(&mut self, publication: Publication) -> u64 {
        self.counters.accepted += 1;
        if publication.purpose == Purpose::Latest {
            self.supersede(&publication.topic);
        }
        let given_up = self.make_room(publication.payload.len());
        self.push_back(Waiting { publication, not_before: Moment::default(), refusals: 0, breaks: 0 });
        given_up
    }

    /// Takes a message of this connection, before all others.
    pub fn offer_first(&mut self, publication: Publication) {
        self.push_front(Waiting { publication, not_before: Moment::default(), refusals: 0, breaks: 0 });
    }

    /// The next message for the network, if one is due and at most `window` would be in flight.
    ///
    /// Gaps left by acknowledgements out of order count as in flight: packet ids are given in turn, and the oldest one
    /// must be free before its turn comes again.
    pub fn hand_over(&mut self, window: usize, only: Option<Purpose>, now: Moment) -> Option<Publication> {
        let window = if self.careful { 1 } else { window };
        if self.in_flight.len() >= window {
            return None;
        }
        let is_next = |waiting: &Waiting| {
            waiting.not_before <= now && only.is_none_or(|purpose| waiting.publication.purpose == purpose)
        };
        let place = self.waiting.iter().position(is_next)?;
        let message = self.waiting.remove(place)?;
        self.waiting_bytes -= message.publication.payload.len();
        self.count(message.publication.purpose, |counters| counters.sent += 1);
        let publication = message.publication.clone();
        self.in_flight.push_back(InFlight { packet_id: None, handed_over: now, message: Some(message) });
        Some(publication)
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
        let purpose = message.publication.purpose;
        if purpose != Purpose::Session {
            self.careful = false;
        }
        match verdict {
            Verdict::Arrived => {
                self.count(purpose, |counters| counters.acknowledged += 1);
                return Some(Settled { purpose, after });
            }
            Verdict::RefusedForGood(reason) => self.lose(purpose, reason),
            Verdict::RefusedForNow(reason) => self.try_later(message, reason, now),
        }
        None
    }

    /// The last one handed over was not sent after all, and never will be.
    pub fn refuse_unsent(&mut self, reason: &'static str) {
        if let Some(message) = self.in_flight.pop_back().and_then(|in_flight| in_flight.message) {
            self.count(message.publication.purpose, |counters| counters.sent -= 1);
            self.lose(message.publication.purpose, reason);
        }
    }

    /// A message that nobody waits for was not sent.
    pub fn note_refusal(&mut self, reason: &'static str) {
        *self.counters.refused.entry(reason).or_default() += 1;
    }

    /// The connection is gone, and with it every packet id.
    pub fn connection_lost(&mut self, cause: Break) {
        let mut outstanding: Vec<Waiting> =
            self.in_flight.drain(..).filter_map(|in_flight| in_flight.message).collect();
        self.waiting.retain(|waiting| waiting.publication.purpose != Purpose::Session);
        outstanding.retain(|waiting| waiting.publication.purpose != Purpose::Session);
        self.waiting_bytes = self.waiting.iter().map(|waiting| waiting.publication.payload.len()).sum();
        if cause == Break::Protocol {
            self.careful = true;
            if let [suspect] = outstanding.as_mut_slice() {
                suspect.breaks += 1;
            }
        }
        for message in outstanding.into_iter().rev() {
            if message.breaks < MAX_BREAKS {
                self.push_front(message);
            } else {
                self.lose(message.publication.purpose, BROKE_CONNECTION);
            }
        }
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

    /// Messages that have not arrived and are [`Purpose::Session`].
    #[must_use]
    pub fn unsettled_of_session(&self) -> usize {
        let in_flight = self.in_flight.iter().filter_map(|in_flight| in_flight.message.as_ref());
        let all = self.waiting.iter().chain(in_flight);
        all.filter(|waiting| waiting.publication.purpose == Purpose::Session).count()
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

    fn push_back(&mut self, message: Waiting) {
        self.waiting_bytes += message.publication.payload.len();
        self.waiting.push_back(message);
    }

    fn push_front(&mut self, message: Waiting) {
        self.waiting_bytes += message.publication.payload.len();
        self.waiting.push_front(message);
    }

    fn supersede(&mut self, topic: &str) {
        let same =
            |waiting: &Waiting| waiting.publication.purpose == Purpose::Latest && waiting.publication.topic == topic;
        if let Some(old) = self.waiting.iter().position(same).and_then(|place| self.waiting.remove(place)) {
            self.waiting_bytes -= old.publication.payload.len();
            self.counters.replaced += 1;
        }
    }

    fn make_room(&mut self, bytes: usize) -> u64 {
        let mut given_up = 0;
        while self.waiting.len() >= self.limits.messages || self.waiting_bytes + bytes > self.limits.bytes {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= oldest.publication.payload.len();
            self.count(oldest.publication.purpose, |counters| counters.dropped += 1);
            given_up += 1;
        }
        given_up
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
        self.push_front(message);
    }

    fn lose(&mut self, purpose: Purpose, reason: &'static str) {
        self.note_refusal(reason);
        self.count(purpose, |counters| counters.dropped += 1);
    }

    fn count(&mut self, purpose: Purpose, add: impl FnOnce(&mut Counters)) {
        if purpose != Purpose::Session {
            add(&mut self.counters);
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
