//! The other side of a command: sends one to a board and hears what becomes of it.
//!
//! The one who asks is the one who repeats: a board remembers ids, so the command is sent again until something is heard.

use std::time::{Duration, Instant};

use edgeval_wire::{Address, Channel, CommandResult, Encoding, Message, MessageKind, Name};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAck, PubAckReason, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, ConnectionError, Event};
use tokio::sync::mpsc;

use super::incoming::{EXPIRES, ID, SIGNATURE};
use super::{Options, PublishError, client, trouble};

/// The command is sent again when nothing was heard for this long.
const REPEAT: Duration = Duration::from_secs(5);
/// After a lost connection.
const PAUSE: Duration = Duration::from_secs(1);

/// A command, ready to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// To which board.
    pub address: Address,
    /// Which command.
    pub name: Name,
    /// Its id.
    pub id: Name,
    /// When it is no longer to be done.
    pub expires: Option<String>,
    /// Who vouches for it.
    pub signature: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What is heard.
#[derive(Debug)]
pub enum Heard {
    /// An answer; the last one is final.
    Answer(Box<CommandResult>),
    /// No board listens to this topic now.
    Nobody,
}

/// Why nothing final was heard.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The broker can't be spoken to.
    #[error(transparent)]
    Options(#[from] PublishError),
    /// The broker doesn't answer, or refuses.
    #[error("{0}")]
    Broker(String),
    /// Time is up.
    #[error(
        "no final answer came in time; the board's `availability` says whether it is there, and the same id may be sent again"
    )]
    Late,
}

/// Sends a command and tells what is heard, until the final answer.
///
/// # Errors
/// When the broker can't be reached, or there was no final answer within `patience`.
pub fn ask(
    options: &Options,
    request: &Request,
    patience: Duration,
    mut heard: impl FnMut(&Heard),
) -> Result<CommandResult, RequestError> {
    let own = Options { client_id: Some(format!("edgeval-ask-{}", request.id)), ..options.clone() };
    let broker = own.broker(&request.address)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| RequestError::Broker(format!("can't start: {error}")))?;
    let asking = Asking { request, filter: request.topic(Channel::Result(request.id.clone())) };
    let answer = async {
        loop {
            let mut mqtt = client::plain_options(&broker);
            mqtt.set_max_packet_size(u32::try_from(client::MAX_PACKET_BYTES).ok());
            let (client, event_loop) = AsyncClient::new(mqtt, 8);
            let (events, incoming) = mpsc::channel(8);
            // Polled by a task of its own: dropping a poll half-way would lose what it was doing.
            let polling = tokio::spawn(client::poll(event_loop, events));
            let ended = asking.connection(&client, incoming, &mut heard).await;
            polling.abort();
            match ended {
                Ok(answer) => return Ok(answer),
                Err((error, true)) => tracing::warn!("{error}; trying again"),
                Err((error, false)) => return Err(RequestError::Broker(error)),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let found = runtime.block_on(async { tokio::time::timeout(patience, answer).await });
    runtime.shutdown_background();
    found.unwrap_or(Err(RequestError::Late))
}

struct Asking<'a> {
    request: &'a Request,
    filter: String,
}

impl Asking<'_> {
    /// One connection: the final answer, or why it ended and whether another try is worth it.
    async fn connection(
        &self,
        client: &AsyncClient,
        mut events: client::Events,
        heard: &mut impl FnMut(&Heard),
    ) -> Result<CommandResult, (String, bool)> {
        let mut was_connected = false;
        let mut last = Instant::now();
        loop {
            let event = tokio::time::timeout(REPEAT, events.recv()).await;
            if was_connected && last.elapsed() >= REPEAT {
                self.send(client);
                last = Instant::now();
            }
            let Ok(event) = event else { continue };
            let event = event.unwrap_or(Err(ConnectionError::RequestsDone));
            match event.map_err(|error| (trouble::Trouble::of(&error).words(), was_connected))? {
                // Answers are listened for before anything is asked.
                Event::Incoming(Packet::ConnAck(_)) => {
                    let _ = client.try_subscribe(self.filter.clone(), QoS::AtLeastOnce);
                }
                Event::Incoming(Packet::SubAck(_)) => {
                    was_connected = true;
                    self.send(client);
                }
                Event::Incoming(Packet::PubAck(PubAck { reason: PubAckReason::NoMatchingSubscribers, .. })) => {
                    heard(&Heard::Nobody);
                }
                Event::Incoming(Packet::PubAck(PubAck { reason, .. })) if reason != PubAckReason::Success => {
                    return Err((format!("the broker refuses the command: {reason:?}"), false));
                }
                Event::Incoming(Packet::Publish(publish)) => {
                    last = Instant::now();
                    let Some(answer) = decode(&publish) else { continue };
                    let answer = Heard::Answer(Box::new(answer));
                    heard(&answer);
                    if let Heard::Answer(answer) = answer
                        && answer.state.is_final()
                    {
                        return Ok(*answer);
                    }
                }
                _ => {}
            }
        }
    }

    fn send(&self, client: &AsyncClient) {
        let Request { id, expires, signature, body, name, .. } = self.request;
        let named = [(ID, Some(id.to_string())), (EXPIRES, expires.clone()), (SIGNATURE, signature.clone())];
        let user_properties = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let properties = PublishProperties {
            response_topic: Some(self.filter.clone()),
            correlation_data: Some(id.as_str().as_bytes().to_vec().into()),
            user_properties,
            ..PublishProperties::default()
        };
        let topic = self.request.topic(Channel::Command(name.clone()));
        // A full channel means that the last ones weren't sent yet.
        let _ = client.try_publish_with_properties(topic, QoS::AtLeastOnce, false, body.clone(), properties);
    }
}

impl Request {
    fn topic(&self, channel: Channel) -> String {
        self.address.topic(channel).to_string()
    }
}

fn decode(publish: &Publish) -> Option<CommandResult> {
    let encoding = Encoding::of_bytes(&publish.payload);
    match Message::decode(MessageKind::Result, encoding, &publish.payload) {
        Ok(Message::Result(result)) => Some(*result),
        _ => None,
    }
}
