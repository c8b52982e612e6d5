//! The publisher's thread: connects, hands over what the queue gives, tells the queue what the broker answered.
//!
//! `clean_start` is true and the session ends with the connection: what the broker didn't acknowledge is in our queue, and what
//! it didn't deliver is asked again by whoever asked (decision 12).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use edgeval_wire::{Address, Availability, Channel, MAX_MESSAGE_BYTES};
use rand::Rng;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, Filter, LastWill, Packet, PubAck, Publish, PublishProperties, RetainForwardRule, SubAck,
    SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{Outgoing, TlsConfiguration, Transport};
use tokio::sync::mpsc;
use tokio::time::Instant as TokioInstant;

use super::backoff::Backoff;
use super::incoming::Incoming;
use super::options::Broker;
use super::outbox::{Publication, Purpose};
use super::trouble::{Trouble, verdict};
use super::{Shared, Stop, availability};
use crate::clock::Moment;

/// Messages in flight at most. rumqttc reserves memory for each.
const WINDOW: u16 = 16;
/// Requests that rumqttc's channel takes: a full window, a live message and a goodbye always fit.
const CHANNEL: usize = WINDOW as usize + 8;
/// A packet around the largest message, with its topic and properties.
pub(super) const MAX_PACKET_BYTES: usize = MAX_MESSAGE_BYTES + 1024;
/// The largest packet that a broker may send: a command with its properties, several times over.
const MAX_INCOMING_BYTES: u32 = 16 * 1024;
/// Commands that a broker may send before the first is acknowledged.
const MAX_INCOMING: u16 = 16;
/// Bytes of a packet beside topic, content type and payload, at most: header, lengths, packet id.
const PACKET_FRAME_BYTES: usize = 32;
/// How long the answer to a subscription is waited for before reports go out all the same.
const SUBSCRIBE_PATIENCE: Duration = Duration::from_secs(5);
/// A connection that held this long was a good one.
const GOOD_CONNECTION: Duration = Duration::from_secs(10);
/// Longest pause between tries while stopping.
const STOPPING_PAUSE: Duration = Duration::from_millis(250);
const TOO_LARGE: &str = "larger than the broker takes";

/// Starts the thread.
pub(super) fn start(
    shared: Arc<Shared>,
    broker: Broker,
    address: Address,
    random: impl Rng + Send + 'static,
    commands: Option<Sender<Incoming>>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (backoff, warned_of) = (Backoff::default(), BTreeSet::new());
    let client = Client { shared, broker, address, backoff, random, warned_of, commands };
    std::thread::Builder::new().name("publisher".to_owned()).spawn(move || {
        runtime.block_on(client.run());
        // A name that is still being looked up must not hold up the stop.
        runtime.shutdown_background();
    })
}

/// How a connection ended.
enum Ended {
    /// On purpose.
    Left,
    /// Not on purpose.
    Lost(Trouble),
}

struct Client<R> {
    shared: Arc<Shared>,
    broker: Broker,
    address: Address,
    backoff: Backoff,
    random: R,
    /// Reasons of refusal that were logged.
    warned_of: BTreeSet<&'static str>,
    /// Where commands go, where they are wanted.
    commands: Option<Sender<Incoming>>,
}

/// One connection, from its first packet to its last.
struct Session {
    client: AsyncClient,
    /// What the broker takes; `None` until it accepted us.
    takes: Option<Takes>,
    connected_at: Option<Instant>,
    /// Since when an answer to the subscription is waited for. It takes a packet id out of turn, so nothing else is sent
    /// meanwhile; but reports don't wait for ever for a broker that never answers.
    subscribing: Option<Instant>,
    goodbye: Goodbye,
}

/// What the broker takes.
#[derive(Clone, Copy)]
struct Takes {
    window: usize,
    packet_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Goodbye {
    NotYet,
    Stopped,
    Disconnect,
}

pub(super) type Events = mpsc::Receiver<Result<Event, ConnectionError>>;

impl<R: Rng> Client<R> {
    async fn run(mut self) {
        loop {
            match self.connection().await {
                Ended::Left => return,
                Ended::Lost(trouble) => self.lost(trouble),
            }
            if self.may_leave() {
                return;
            }
            self.pause().await;
        }
    }

    /// Makes a connection and serves it until it ends.
    async fn connection(&mut self) -> Ended {
        let (client, event_loop) = AsyncClient::new(self.mqtt_options(), CHANNEL);
        let (events, mut incoming) = mpsc::channel(CHANNEL);
        // Polled by a task of its own: dropping a poll half-way would lose what it was doing.
        let polling = tokio::spawn(poll(event_loop, events));
        let mut session =
            Session { client, takes: None, connected_at: None, subscribing: None, goodbye: Goodbye::NotYet };
        let ended = self.serve(&mut session, &mut incoming).await;
        polling.abort();
        if session.connected_at.is_some_and(|moment| moment.elapsed() >= GOOD_CONNECTION) {
            self.backoff.reset();
        }
        ended
    }

    async fn serve(&mut self, session: &mut Session, events: &mut Events) -> Ended {
        loop {
            if self.prepare_to_leave(session) {
                return Ended::Left;
            }
            self.hand_over(session);
            self.warn_of_refusals();
            tokio::select! {
                event = events.recv() => match event {
                    Some(Ok(Event::Outgoing(Outgoing::Disconnect))) => return Ended::Left,
                    Some(Ok(event)) => self.handle(session, event),
                    Some(Err(error)) => return Ended::Lost(Trouble::of(&error)),
                    None => return Ended::Lost(Trouble::of(&ConnectionError::RequestsDone)),
                },
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep_until(self.next_look()) => {}
            }
        }
    }

    fn handle(&mut self, session: &mut Session, event: Event) {
        match event {
            Event::Incoming(Packet::Publish(publish)) => self.take(&publish),
            Event::Incoming(Packet::SubAck(answer)) => self.subscribed(session, &answer),
            Event::Incoming(Packet::ConnAck(answer)) => self.connected(session, &answer),
            Event::Incoming(Packet::PubAck(answer)) => self.settle(&answer),
            // Packet id 0 is a QoS 0 message, which nobody waits for.
            Event::Outgoing(Outgoing::Publish(packet_id)) if packet_id > 0 => {
                self.shared.state().outbox.pair(packet_id)
            }
            _ => {}
        }
    }

    fn connected(&self, session: &mut Session, answer: &ConnAck) {
        let limits = answer.properties.as_ref();
        let window = limits.and_then(|limits| limits.receive_max).unwrap_or(WINDOW).clamp(1, WINDOW);
        let packet_bytes =
            limits.and_then(|limits| limits.max_packet_size).map_or(MAX_PACKET_BYTES, |size| size as usize);
        session.takes = Some(Takes { window: window.into(), packet_bytes });
        session.connected_at = Some(Instant::now());
        let mut state = self.shared.state();
        state.connections += 1;
        state.connected = true;
        state.trouble = None;
        tracing::info!("connected to {}; messages that wait: {}", self.broker, state.outbox.unsettled());
        state.outbox.offer_first(availability(&self.address, Availability::Online));
        // The broker may have forgotten what it retained.
        let device = state.device.clone();
        state.outbox.offer(device);
        drop(state);
        if self.commands.is_some() {
            self.subscribe(session);
        }
    }

    /// What the broker kept of commands is none of ours: a kept command would be done at every start.
    fn subscribe(&self, session: &mut Session) {
        let retain_forward_rule = RetainForwardRule::Never;
        let filter = Filter { retain_forward_rule, ..Filter::new(self.address.command_filter(), QoS::AtLeastOnce) };
        session.subscribing = session.client.try_subscribe_many([filter]).is_ok().then(Instant::now);
    }

    fn subscribed(&mut self, session: &mut Session, answer: &SubAck) {
        session.subscribing = None;
        let refused = answer.return_codes.iter().any(|code| !matches!(code, SubscribeReasonCode::Success(_)));
        if refused && self.warned_of.insert("subscribe") {
            tracing::warn!(
                "broker {} refuses to deliver commands: {:?}; allow client {} to read {}, or set `allow = []` in [commands]",
                self.broker,
                answer.return_codes,
                self.broker.client_id,
                self.address.command_filter()
            );
        }
    }

    /// Passes a command on. One that finds no room is counted: whoever sent it sends it again, or sends too many.
    fn take(&self, publish: &Publish) {
        let Some(commands) = &self.commands else { return };
        if commands.try_send(Incoming::read(publish, &self.address)).is_err() {
            self.shared.state().commands_left_out += 1;
        }
    }

    fn settle(&self, answer: &PubAck) {
        let now = Moment::now();
        let mut state = self.shared.state();
        if let Some(settled) = state.outbox.settle(answer.pkid, verdict(answer.reason), now) {
            state.latency.record(settled.after);
            if settled.purpose == Purpose::Report {
                state.first_report.get_or_insert(now);
            }
        }
        drop(state);
        self.shared.keeper.notify_all();
    }

    /// Gives rumqttc the newest live message, then as much as the window allows.
    fn hand_over(&self, session: &Session) {
        let waits = session.subscribing.is_some_and(|since| since.elapsed() < SUBSCRIBE_PATIENCE);
        let may_send = session.goodbye != Goodbye::Disconnect && !waits;
        let Some(takes) = session.takes.filter(|_| may_send) else { return };
        let only = (session.goodbye == Goodbye::Stopped).then_some(Purpose::Session);
        let mut state = self.shared.state();
        if let Some(live) = state.live.take() {
            if takes.fits(&live) {
                session.publish(live);
            } else {
                state.outbox.note_refusal(TOO_LARGE);
            }
        }
        while let Some(handed) = state.outbox.hand_over(takes.window, only, Moment::now()) {
            match state.fetch(handed) {
                Some(publication) if takes.fits(&publication) => session.publish(publication),
                Some(_) => state.outbox.refuse_unsent(TOO_LARGE),
                None => state.outbox.lose_unreadable(),
            }
        }
    }

    /// The first refusal of a kind is worth a line; how often it happens is counted and published.
    fn warn_of_refusals(&mut self) {
        for &reason in self.shared.state().outbox.counters().refused.keys() {
            if self.warned_of.insert(reason) {
                tracing::warn!(
                    "broker {} refuses messages: {reason}; check its access list and limits for client {} \
                     (more of them are counted, not logged)",
                    self.broker,
                    self.broker.client_id
                );
            }
        }
    }

    /// Looks whether a stop was asked for, and takes the next step towards it. True: leave now.
    fn prepare_to_leave(&self, session: &mut Session) -> bool {
        let mut state = self.shared.state();
        let Some(stop) = state.stop else { return false };
        let now = Instant::now();
        let flushed = state.outbox.unsettled() == 0 || now >= stop.flush_until;
        if now >= stop.leave_at || session.takes.is_none() && flushed {
            return true;
        }
        match session.goodbye {
            Goodbye::NotYet if flushed && session.takes.is_some() => {
                state.outbox.offer_first(availability(&self.address, Availability::Stopped));
                session.goodbye = Goodbye::Stopped;
            }
            Goodbye::Stopped if state.outbox.unsettled_of(Purpose::Session) == 0 => {
                session.goodbye = Goodbye::Disconnect;
                return session.client.try_disconnect().is_err();
            }
            _ => {}
        }
        false
    }

    /// The next moment at which something has to be done without an event.
    fn next_look(&self) -> TokioInstant {
        let state = self.shared.state();
        let (now, instant) = (Moment::now(), Instant::now());
        let retry = state.outbox.next_retry(now).map(|moment| instant + moment.since(now));
        let stop =
            state.stop.map(|Stop { flush_until, leave_at }| if flush_until > instant { flush_until } else { leave_at });
        // An hour stands for never.
        retry.into_iter().chain(stop).min().unwrap_or(instant + Duration::from_secs(3600)).into()
    }

    /// After a lost connection: is there nothing left to stay for?
    fn may_leave(&self) -> bool {
        let state = self.shared.state();
        state.stop.is_some_and(|stop| state.outbox.unsettled() == 0 || Instant::now() >= stop.flush_until)
    }

    fn lost(&self, trouble: Trouble) {
        let mut state = self.shared.state();
        state.outbox.connection_lost(trouble.cause);
        let words = format!("broker {}: {}; {}", self.broker, trouble.reason, trouble.next_step);
        // One line for each kind of trouble, not for each try.
        if state.connected || state.trouble.as_ref() != Some(&words) {
            tracing::warn!("{words}; trying again, messages that wait: {}", state.outbox.unsettled());
        }
        state.connected = false;
        state.trouble = Some(words);
    }

    /// Waits before the next try, less long when a stop was asked for.
    async fn pause(&mut self) {
        let whole = self.backoff.next(&mut self.random);
        let from = Instant::now();
        loop {
            let stopping = self.shared.state().stop.is_some();
            let until = from + if stopping { whole.min(STOPPING_PAUSE) } else { whole };
            if tokio::time::timeout_at(until.into(), self.shared.wake.notified()).await.is_err() {
                return;
            }
        }
    }

    fn mqtt_options(&self) -> MqttOptions {
        let mut options = plain_options(&self.broker);
        options.set_outgoing_inflight_upper_limit(WINDOW);
        // Part of the connect properties: the broker must know it, or it sends what is too large again and again.
        options.set_max_packet_size(Some(MAX_INCOMING_BYTES)).set_receive_maximum(Some(MAX_INCOMING));
        let topic = self.address.topic(Channel::Availability).to_string();
        options.set_last_will(LastWill::new(topic, Availability::Offline.as_str(), QoS::AtLeastOnce, true, None));
        options
    }
}

/// How a broker is spoken to: address, account, TLS, a session that ends with its connection.
pub(super) fn plain_options(broker: &Broker) -> MqttOptions {
    let Broker { host, port, client_id, credentials, tls, keep_alive } = broker;
    let mut options = MqttOptions::new(client_id, host, *port);
    options.set_keep_alive(*keep_alive).set_clean_start(true);
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if let Some((name, password)) = credentials {
        options.set_credentials(name.reveal(), password.reveal());
    }
    if let Some(configuration) = tls {
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(configuration))));
    }
    options
}

impl Session {
    fn publish(&self, publication: Publication) {
        let Publication { topic, payload, content_type, retain, assured, correlation_data, .. } = publication;
        let qos = if assured { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let properties = PublishProperties {
            content_type: Some(content_type.to_owned()),
            correlation_data: correlation_data.map(Into::into),
            ..PublishProperties::default()
        };
        // The channel has room for a full window and more. Should rumqttc be gone, its error follows, and the queue
        // takes back what was in flight.
        let _ = self.client.try_publish_with_properties(topic, qos, retain, payload, properties);
    }
}

impl Takes {
    fn fits(&self, publication: &Publication) -> bool {
        let Publication { topic, content_type, payload, correlation_data, .. } = publication;
        let correlation = correlation_data.as_ref().map_or(0, Vec::len);
        topic.len() + content_type.len() + payload.len() + correlation + PACKET_FRAME_BYTES <= self.packet_bytes
    }
}

/// Drives rumqttc and passes on what happens, until the first error.
pub(super) async fn poll(mut event_loop: EventLoop, events: mpsc::Sender<Result<Event, ConnectionError>>) {
    loop {
        let event = event_loop.poll().await;
        let failed = event.is_err();
        if events.send(event).await.is_err() || failed {
            return;
        }
    }
}
