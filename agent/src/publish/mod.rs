//! Sends messages to an MQTT broker, and holds what must arrive until it has.
//!
//! Callers hand messages over and never wait. One thread of its own speaks MQTT ([`client`]), another one writes to the
//! disk ([`outbox::keeper`]); the [`outbox`] between them decides what is sent next, what is sent again and what is given
//! up, and counts all of it. Each connection begins with a new rumqttc client, so that nothing is remembered in two places.

mod backoff;
mod client;
mod error;
mod incoming;
mod knock;
mod options;
pub(crate) mod outbox;
mod request;
mod secret;
mod tls;
mod trouble;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use edgeval_wire::{
    Address, Availability, Channel, CommandResult, Device, Encoding, Message, Name, Quality, Reading, Refusals, Topic,
    text,
};
use tokio::sync::Notify;

use crate::clock::Moment;
use crate::stages::StageHistogram;
pub use error::{PublishError, SendError};
#[allow(unused_imports, reason = "tests that take this module in by path don't ask")]
pub use incoming::{Incoming, Properties, Reply};
#[allow(unused_imports, reason = "tests that take this module in by path don't knock")]
pub use knock::{KnockError, knock};
pub use options::Options;
pub use outbox::Options as OutboxOptions;
#[allow(unused_imports, reason = "tests that take this module in by path name it")]
pub use outbox::WhenFull;
use outbox::{Handed, Outbox, Publication, Purpose, Store};
#[allow(unused_imports, reason = "tests that take this module in by path don't ask")]
pub use request::{Heard, Request, RequestError, ask};

/// How long the end of the program waits for the disk.
const LAST_WRITE: Duration = Duration::from_millis(400);

/// Answers to commands that wait at most: the oldest of an absent broker's time are worth nothing.
const MAX_ANSWERS: usize = 64;
/// Of them, so many may be progress, which the next one makes old.
const MAX_PROGRESS: usize = 8;

/// What the publisher did since it was opened. Messages are those that must arrive: reports and what is retained.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Not yet acknowledged, those in flight included.
    pub queued: u64,
    /// Sent and not yet acknowledged.
    pub in_flight: u64,
    /// Everything else that is counted.
    pub counters: outbox::Counters,
    /// The first report whose fate `counters.lost` tells.
    pub counted_from: u64,
    /// Reports on disk and the bytes that they take there, or why there are none.
    pub on_disk: Option<Result<(u64, u64), String>>,
    /// Times that a lost connection was made again.
    pub reconnects: u64,
    /// Whether there is a connection now.
    pub connected: bool,
    /// Why there is none, and what to do.
    pub trouble: Option<String>,
    /// When the broker acknowledged the first report.
    pub first_report: Option<Moment>,
}

impl Stats {
    /// As it is published.
    #[must_use]
    pub fn to_wire(&self) -> edgeval_wire::PublisherStats {
        let refusals = self.counters.refused.iter();
        let losses = self.counters.lost.iter();
        let on_disk = self.on_disk.clone().unwrap_or_else(|| Err("no outbox was opened".to_owned()));
        edgeval_wire::PublisherStats {
            queued: self.queued,
            in_flight: self.in_flight,
            sent: self.counters.sent,
            acknowledged: self.counters.acknowledged,
            refused: refusals.map(|(reason, &count)| Refusals { reason: text(reason), count }).take(8).collect(),
            dropped: self.counters.dropped,
            reconnects: self.reconnects,
            lost: self.counters.lost.values().sum(),
            lost_by_reason: losses.map(|(reason, &count)| Refusals { reason: text(reason), count }).take(8).collect(),
            lost_counted_from: self.counted_from,
            outbox: Reading::from(on_disk.map(|(reports, bytes)| edgeval_wire::OutboxState { reports, bytes })),
        }
    }
}

/// What callers and the publisher's thread share.
struct Shared {
    state: Mutex<State>,
    /// Something changed that the client's thread should look at.
    wake: Notify,
    /// Something changed that the keeper should look at, or it ended.
    keeper: Condvar,
}

struct State {
    outbox: Outbox,
    /// The outbox's file, while it can be read.
    store: Option<Arc<Store>>,
    /// Nothing comes any more: the keeper writes what there is and ends.
    ended: bool,
    keeper_ended: bool,
    /// The newest live message that wasn't sent yet.
    live: Option<Publication>,
    /// What the board is, for every new connection.
    device: Publication,
    /// Hand-over to acknowledgement, since they were last taken.
    latency: StageHistogram,
    connections: u64,
    connected: bool,
    trouble: Option<String>,
    first_report: Option<Moment>,
    /// Commands that found no room, since they were last taken.
    commands_left_out: u64,
    stop: Option<Stop>,
}

/// When to stop sending, and when to go without a word.
#[derive(Clone, Copy, Debug)]
struct Stop {
    flush_until: Instant,
    leave_at: Instant,
}

impl State {
    fn new(outbox: Outbox, store: Option<Arc<Store>>, device: Publication) -> Self {
        Self {
            outbox,
            store,
            ended: false,
            keeper_ended: false,
            live: None,
            device,
            latency: StageHistogram::new(),
            connections: 0,
            connected: false,
            trouble: None,
            first_report: None,
            commands_left_out: 0,
            stop: None,
        }
    }

    /// A message's payload, from wherever it is; `None` when the disk doesn't give it back.
    fn fetch(&self, handed: Handed) -> Option<Publication> {
        match handed {
            Handed::Here(publication) => Some(publication),
            Handed::OnDisk(key) => self.store.as_ref()?.read(key),
        }
    }
}

impl Shared {
    fn new(state: State) -> Self {
        Self { state: Mutex::new(state), wake: Notify::new(), keeper: Condvar::new() }
    }

    /// Both threads should look at what changed.
    fn notify(&self) {
        self.wake.notify_one();
        self.keeper.notify_all();
    }

    /// The state. A thread that panicked leaves it as it was: every change is complete in itself.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends messages in the background. Dropping it leaves at once; [`Publisher::stop`] says goodbye.
pub struct Publisher {
    shared: Arc<Shared>,
    address: Address,
    encoding: Encoding,
    client: Option<JoinHandle<()>>,
    _keeper: JoinHandle<()>,
}

/// Opens the outbox in `folder`, starts to connect, and keeps trying. `device` is published with each connection; `random`
/// spreads the tries of a fleet that lost its broker. Commands to `address` go into `commands` as they come, where they are wanted; those that
/// find no room are counted.
///
/// # Errors
/// When the options can't be used, or another process uses the outbox. A disk that refuses is no error, and a broker that is absent or refuses is no error here: it is logged once and shows in
/// [`Publisher::stats`].
pub fn open(
    options: &Options,
    (folder, outbox_options): (&Path, &OutboxOptions),
    address: Address,
    device: Device,
    random: impl rand::Rng + Send + 'static,
    commands: Option<Sender<Incoming>>,
) -> Result<Publisher, PublishError> {
    let broker = options.broker(&address)?;
    let device = Message::Device(Box::new(device));
    let payload = device.encode(options.encoding).map_err(PublishError::Device)?;
    let device = publication(&address, Channel::Device, payload, options.encoding, Purpose::Latest);
    let outbox::keeper::Opened { mut outbox, store, keeper, newest } = outbox::keeper::open(folder, outbox_options)?;
    newest.iter().filter_map(summary).for_each(|summary| {
        outbox.offer(summary);
    });
    let shared = Arc::new(Shared::new(State::new(outbox, store, device)));
    let keeper = keeper.start(Arc::clone(&shared)).map_err(PublishError::Thread)?;
    // From here on its end ends the keeper's thread, whatever happens.
    let mut publisher = Publisher { shared, address, encoding: options.encoding, client: None, _keeper: keeper };
    let (shared, address) = (Arc::clone(&publisher.shared), publisher.address.clone());
    publisher.client = Some(client::start(shared, broker, address, random, commands).map_err(PublishError::Thread)?);
    Ok(publisher)
}

impl Publisher {
    /// Takes a message and returns at once. A report is held until the broker acknowledged it, and also replaces its
    /// kind's summary; of live messages the newest is sent, if there is a connection.
    ///
    /// # Errors
    /// When the message can't be written, or is one that the publisher sends by itself.
    pub fn send(&self, message: &Message) -> Result<(), SendError> {
        match message {
            Message::Availability(_) => return Err(SendError::Availability),
            Message::Live(_) => {
                let live = self.publication(Channel::Live, message.encode(self.encoding)?, Purpose::Latest);
                self.shared.state().live = Some(live);
            }
            Message::Device(_) => {
                let device = self.publication(Channel::Device, message.encode(self.encoding)?, Purpose::Latest);
                let mut state = self.shared.state();
                state.device = device.clone();
                state.outbox.offer(device);
            }
            Message::Report(report) => self.send_report(report, message)?,
            Message::Result(result) => self.answer(result, &Reply::default())?,
        }
        self.shared.notify();
        Ok(())
    }

    /// A report goes into the outbox, and the same as its kind's summary beside it.
    fn send_report(&self, report: &edgeval_wire::Report, message: &Message) -> Result<(), SendError> {
        let sequence = report.header.sequence;
        let payload = message
            .encode(self.encoding)
            .inspect_err(|_| self.shared.state().outbox.note_loss(sequence, "it can't be written"))?;
        let summary = self.publication(Channel::Summary(report.kind()), payload.clone(), Purpose::Latest);
        let publication = self.publication(Channel::Report(report.kind()), payload, Purpose::Report);
        let mut state = self.shared.state();
        let given_up = state.outbox.offer_report(publication, sequence);
        state.outbox.offer(summary);
        drop(state);
        if given_up > 0 {
            tracing::debug!("the outbox is full: reports given up: {given_up}");
        }
        Ok(())
    }

    /// Answers a command: at its own topic, and at the one that its sender named. Progress is left out while much waits.
    ///
    /// # Errors
    /// When the answer can't be written, or its id can be in no topic and the sender named none.
    pub fn answer(&self, result: &CommandResult, reply: &Reply) -> Result<(), SendError> {
        let payload = Message::Result(Box::new(result.clone())).encode(self.encoding)?;
        let own = Name::new(&result.id).ok().map(|id| self.address.topic(Channel::Result(id)).to_string());
        let named = reply.topic.clone().filter(|topic| own.as_ref() != Some(topic));
        let room = if result.state.is_final() { MAX_ANSWERS } else { MAX_PROGRESS };
        let mut state = self.shared.state();
        for topic in own.into_iter().chain(named) {
            if state.outbox.unsettled_of(Purpose::Answer) < room {
                state.outbox.offer(Publication {
                    topic,
                    payload: payload.clone(),
                    content_type: self.encoding.content_type(),
                    retain: false,
                    assured: true,
                    purpose: Purpose::Answer,
                    correlation_data: reply.correlation_data.clone(),
                });
            }
        }
        drop(state);
        self.shared.notify();
        Ok(())
    }

    /// Commands that found no room since the last call.
    #[must_use]
    pub fn take_commands_left_out(&self) -> u64 {
        std::mem::take(&mut self.shared.state().commands_left_out)
    }

    /// The next report's number: one more than the last one, restarts included.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.shared.state().outbox.next_sequence()
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.shared.state();
        Stats {
            queued: state.outbox.unsettled() as u64,
            in_flight: state.outbox.in_flight() as u64,
            counters: state.outbox.counters().clone(),
            counted_from: state.outbox.counted_from(),
            on_disk: Some(state.outbox.on_disk().map_err(str::to_owned)),
            reconnects: state.connections.saturating_sub(1),
            connected: state.connected,
            trouble: state.trouble.clone(),
            first_report: state.first_report,
        }
    }

    /// Times from hand-over to the network until the broker's acknowledgement, since the last call. Time without a
    /// connection is not in them.
    #[must_use]
    pub fn take_latency(&self) -> StageHistogram {
        std::mem::replace(&mut self.shared.state().latency, StageHistogram::new())
    }

    /// Sends what is left, says `stopped`, and closes the connection, all within `deadline`. Gives the number of
    /// messages that did not arrive; reports among them stay on disk. The last quarter of the time is kept for the goodbye.
    #[must_use]
    pub fn stop(mut self, deadline: Duration) -> u64 {
        self.request_stop(deadline);
        if let Some(thread) = self.client.take() {
            // A panic there was reported by its own thread; what is left is counted all the same.
            let _ = thread.join();
        }
        self.end_keeper();
        let Stats { queued, connected, trouble, on_disk, .. } = self.stats();
        if queued > 0 {
            let silent = if connected { "the broker didn't acknowledge in time" } else { "the broker didn't answer" };
            let why = trouble.as_deref().unwrap_or(silent);
            let kept = on_disk.and_then(Result::ok).map_or(0, |(reports, _)| reports);
            tracing::warn!("messages that were not sent: {queued}; reports kept for the next start: {kept}; {why}");
        }
        queued
    }

    fn request_stop(&self, deadline: Duration) {
        let now = Instant::now();
        let stop = Stop { flush_until: now + deadline / 4 * 3, leave_at: now + deadline };
        let mut state = self.shared.state();
        state.stop.get_or_insert(stop);
        state.outbox.hurry();
        drop(state);
        self.shared.notify();
    }

    /// Waits until the disk has everything, but not for ever: what it has is whole at any moment.
    fn end_keeper(&self) {
        let mut state = self.shared.state();
        state.ended = true;
        self.shared.keeper.notify_all();
        drop(self.shared.keeper.wait_timeout_while(state, LAST_WRITE, |state| !state.keeper_ended));
    }

    fn publication(&self, channel: Channel, payload: Vec<u8>, purpose: Purpose) -> Publication {
        publication(&self.address, channel, payload, self.encoding, purpose)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.request_stop(Duration::ZERO);
        self.end_keeper();
    }
}

/// A message for one of a board's topics, retained and assured as the topic layout says.
fn publication(
    address: &Address,
    channel: Channel,
    payload: Vec<u8>,
    encoding: Encoding,
    purpose: Purpose,
) -> Publication {
    Publication {
        retain: channel.retained(),
        assured: channel.quality() == Quality::AtLeastOnce,
        topic: address.topic(channel).to_string(),
        payload,
        content_type: encoding.content_type(),
        purpose,
        correlation_data: None,
    }
}

/// The summary that a report also is.
fn summary(report: &Publication) -> Option<Publication> {
    let topic: Topic = report.topic.parse().ok()?;
    let Channel::Report(kind) = topic.channel else { return None };
    let channel = Channel::Summary(kind);
    Some(Publication {
        retain: channel.retained(),
        purpose: Purpose::Latest,
        topic: topic.address.topic(channel).to_string(),
        ..report.clone()
    })
}

/// A word on the board's availability.
fn availability(address: &Address, word: Availability) -> Publication {
    Publication {
        content_type: "text/plain",
        ..publication(address, Channel::Availability, word.as_str().into(), Encoding::Json, Purpose::Session)
    }
}
