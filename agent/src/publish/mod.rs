//! Sends messages to an MQTT broker, and holds what must arrive until it has.
//!
//! Callers hand messages over and never wait. One thread of its own speaks MQTT ([`client`]); the [`queue`] between them
//! decides what is sent next, what is sent again and what is given up, and counts all of it. Each connection begins
//! with a new rumqttc client, so that nothing is remembered in two places.

mod backoff;
mod client;
mod options;
mod queue;
mod trouble;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use edgeval_wire::{Address, Availability, Channel, Device, EncodeError, Encoding, Message, Quality, Refusals, text};
use tokio::sync::Notify;

use crate::clock::Moment;
use crate::stages::StageHistogram;
pub use options::Options;
use queue::{Publication, Purpose, Queue};

/// Why there can be no publisher.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The broker's address can't be used.
    #[error("[broker] url `{url}`: {reason} (write mqtt://HOST:1883)")]
    Url {
        /// What was written.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address holds an account.
    #[error("[broker] url holds an account; put it into username and password_file instead")]
    AccountInUrl,
    /// The password can't be read.
    #[error("[broker] password_file {path}: {reason}")]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A password for nobody.
    #[error("[broker] password_file is set but username isn't: set both or neither")]
    PasswordWithoutName,
    /// Out of range.
    #[error("[broker] keep_alive_s is {0}; it must be from 5 to 65535")]
    KeepAlive(u16),
    /// A queue without room.
    #[error("[broker] {0} is 0; without room nothing can be sent")]
    NoRoom(&'static str),
    /// What the board is can't be written.
    #[error("the device message can't be sent: {0}")]
    Device(EncodeError),
    /// The system gives no thread.
    #[error("the publisher's thread can't start: {0}")]
    Thread(std::io::Error),
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It can't be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The publisher says this by itself.
    #[error("availability is published by the publisher itself")]
    Availability,
}

/// What the publisher did since it was opened. Messages are those that must arrive: reports and what is retained.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Not yet acknowledged, those in flight included.
    pub queued: u64,
    /// Sent and not yet acknowledged.
    pub in_flight: u64,
    /// Everything else that is counted.
    pub counters: queue::Counters,
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
        edgeval_wire::PublisherStats {
            queued: self.queued,
            in_flight: self.in_flight,
            sent: self.counters.sent,
            acknowledged: self.counters.acknowledged,
            refused: refusals.map(|(reason, &count)| Refusals { reason: text(reason), count }).take(8).collect(),
            dropped: self.counters.dropped,
            reconnects: self.reconnects,
        }
    }
}

/// What callers and the publisher's thread share.
struct Shared {
    state: Mutex<State>,
    /// Something changed that the thread should look at.
    wake: Notify,
}

struct State {
    queue: Queue,
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
    stop: Option<Stop>,
}

/// When to stop sending, and when to go without a word.
#[derive(Clone, Copy, Debug)]
struct Stop {
    flush_until: Instant,
    leave_at: Instant,
}

impl Shared {
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
    thread: Option<JoinHandle<()>>,
}

/// Starts to connect, and keeps trying. `device` is published with each connection; `random` spreads the tries of a
/// fleet that lost its broker.
///
/// # Errors
/// When the options can't be used. A broker that is absent or refuses is no error here: it is logged once and shows in
/// [`Publisher::stats`].
pub fn open(
    options: &Options,
    address: Address,
    device: Device,
    random: impl rand::Rng + Send + 'static,
) -> Result<Publisher, PublishError> {
    let broker = options.broker(&address)?;
    let limits = options.limits()?;
    let device = Message::Device(Box::new(device));
    let payload = device.encode(options.encoding).map_err(PublishError::Device)?;
    let state = State {
        queue: Queue::new(limits),
        live: None,
        device: publication(&address, Channel::Device, payload, options.encoding, Purpose::Latest),
        latency: StageHistogram::new(),
        connections: 0,
        connected: false,
        trouble: None,
        first_report: None,
        stop: None,
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), wake: Notify::new() });
    let thread = client::start(Arc::clone(&shared), broker, address.clone(), random).map_err(PublishError::Thread)?;
    Ok(Publisher { shared, address, encoding: options.encoding, thread: Some(thread) })
}

impl Publisher {
    /// Takes a message and returns at once. A report is held until the broker acknowledged it, and also replaces its
    /// kind's summary; of live messages the newest is sent, if there is a connection.
    ///
    /// # Errors
    /// When the message can't be written, or is one that the publisher sends by itself.
    pub fn send(&self, message: &Message) -> Result<(), SendError> {
        let payload = message.encode(self.encoding)?;
        match message {
            Message::Availability(_) => return Err(SendError::Availability),
            Message::Live(_) => {
                self.shared.state().live = Some(self.publication(Channel::Live, payload, Purpose::Latest))
            }
            Message::Device(_) => {
                let device = self.publication(Channel::Device, payload, Purpose::Latest);
                self.shared.state().device = device.clone();
                self.offer(device);
            }
            Message::Report(report) => {
                self.offer(self.publication(Channel::Report(report.kind()), payload.clone(), Purpose::Report));
                self.offer(self.publication(Channel::Summary(report.kind()), payload, Purpose::Latest));
            }
        }
        self.shared.wake.notify_one();
        Ok(())
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.shared.state();
        Stats {
            queued: state.queue.unsettled() as u64,
            in_flight: state.queue.in_flight() as u64,
            counters: state.queue.counters().clone(),
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
    /// messages that did not arrive. The last quarter of the time is kept for the goodbye.
    #[must_use]
    pub fn stop(mut self, deadline: Duration) -> u64 {
        self.request_stop(deadline);
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread; what is left is counted all the same.
            let _ = thread.join();
        }
        let Stats { queued, connected, trouble, .. } = self.stats();
        if queued > 0 {
            let silent = if connected { "the broker didn't acknowledge in time" } else { "the broker didn't answer" };
            let why = trouble.as_deref().unwrap_or(silent);
            tracing::warn!("messages that were not sent: {queued}; {why}");
        }
        queued
    }

    fn request_stop(&self, deadline: Duration) {
        let now = Instant::now();
        let stop = Stop { flush_until: now + deadline / 4 * 3, leave_at: now + deadline };
        self.shared.state().stop.get_or_insert(stop);
        self.shared.wake.notify_one();
    }

    fn publication(&self, channel: Channel, payload: Vec<u8>, purpose: Purpose) -> Publication {
        publication(&self.address, channel, payload, self.encoding, purpose)
    }

    fn offer(&self, publication: Publication) {
        let given_up = self.shared.state().queue.offer(publication);
        if given_up > 0 {
            tracing::debug!("the queue is full: {given_up} of the oldest messages were given up");
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.request_stop(Duration::ZERO);
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
    }
}

/// A word on the board's availability.
fn availability(address: &Address, word: Availability) -> Publication {
    Publication {
        content_type: "text/plain",
        ..publication(address, Channel::Availability, word.as_str().into(), Encoding::Json, Purpose::Session)
    }
}
