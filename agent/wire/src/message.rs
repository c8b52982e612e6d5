//! A message as bytes, both ways. Bytes from outside are never trusted.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CommandResult, Device, Encoding, Live, Report, SCHEMA};

/// The largest message, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Whether a board is there. The payload is the plain word, in every encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// It is connected.
    Online,
    /// It went on purpose.
    Stopped,
    /// It vanished: the last will.
    Offline,
}

impl Availability {
    const ALL: [Self; 3] = [Self::Online, Self::Stopped, Self::Offline];

    /// The payload.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Stopped => "stopped",
            Self::Offline => "offline",
        }
    }
}

/// Any message that edgeval sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Whether the board is there.
    Availability(Availability),
    /// What the board is.
    Device(Box<Device>),
    /// The last interval.
    Live(Box<Live>),
    /// One finished measurement.
    Report(Box<Report>),
    /// An answer to a command.
    Result(Box<CommandResult>),
}

/// What a payload is; its topic says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// [`Message::Availability`]
    Availability,
    /// [`Message::Device`]
    Device,
    /// [`Message::Live`]
    Live,
    /// [`Message::Report`]
    Report,
    /// [`Message::Result`]
    Result,
}

/// Why a message can't be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It doesn't fit.
    #[error("the message has {0} bytes; at most {MAX_MESSAGE_BYTES} may be sent")]
    TooLarge(usize),
    /// JSON can't carry it.
    #[error("the message can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// postcard can't carry it.
    #[error("the message can't be written as postcard: {0}")]
    Postcard(#[from] postcard::Error),
}

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than any message has.
    #[error("{0} bytes are more than any message has ({MAX_MESSAGE_BYTES})")]
    TooLarge(usize),
    /// No such word.
    #[error("availability is online, stopped or offline, and nothing else")]
    Availability,
    /// It isn't JSON, or not this message.
    #[error("not a JSON message of schema {SCHEMA}: {0}")]
    Json(#[from] serde_json::Error),
    /// The bytes don't fit this message.
    #[error("not a postcard message of schema {SCHEMA}: {0}")]
    Postcard(#[from] postcard::Error),
    /// The message belongs to another version of the program.
    #[error("a postcard message of schema {0}; this program reads schema {SCHEMA}")]
    Schema(u32),
    /// Something follows the message.
    #[error("{0} bytes follow the postcard message")]
    Surplus(usize),
}

impl Message {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Availability(_) => MessageKind::Availability,
            Self::Device(_) => MessageKind::Device,
            Self::Live(_) => MessageKind::Live,
            Self::Report(_) => MessageKind::Report,
            Self::Result(_) => MessageKind::Result,
        }
    }

    /// The payload, at most 64 KiB.
    ///
    /// # Errors
    /// When it would be larger.
    pub fn encode(&self, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Availability(word) => Ok(word.as_str().into()),
            Self::Device(device) => write(device.as_ref(), encoding),
            Self::Live(live) => write(live.as_ref(), encoding),
            Self::Report(report) => write(report.as_ref(), encoding),
            Self::Result(result) => write(result.as_ref(), encoding),
        }
    }

    /// Reads a payload of a known kind, from anybody.
    ///
    /// # Errors
    /// When the bytes are no such message, or of another schema number.
    pub fn decode(kind: MessageKind, encoding: Encoding, bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(DecodeError::TooLarge(bytes.len()));
        }
        match kind {
            MessageKind::Availability => read_availability(bytes).map(Self::Availability),
            MessageKind::Device => read(encoding, bytes).map(Self::Device),
            MessageKind::Live => read(encoding, bytes).map(Self::Live),
            MessageKind::Report => read(encoding, bytes).map(Self::Report),
            MessageKind::Result => read(encoding, bytes).map(Self::Result),
        }
    }

    /// The message for people: JSON with line breaks.
    ///
    /// # Errors
    /// When JSON can't carry it.
    pub fn to_json_pretty(&self) -> Result<String, EncodeError> {
        Ok(match self {
            Self::Availability(word) => serde_json::to_string_pretty(word),
            Self::Device(device) => serde_json::to_string_pretty(device),
            Self::Live(live) => serde_json::to_string_pretty(live),
            Self::Report(report) => serde_json::to_string_pretty(report),
            Self::Result(result) => serde_json::to_string_pretty(result),
        }?)
    }
}

fn write(message: &impl Serialize, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    let bytes = match encoding {
        Encoding::Json => serde_json::to_vec(message)?,
        Encoding::Postcard => postcard::to_allocvec(message)?,
    };
    if bytes.len() > MAX_MESSAGE_BYTES { Err(EncodeError::TooLarge(bytes.len())) } else { Ok(bytes) }
}

fn read<T: DeserializeOwned>(encoding: Encoding, bytes: &[u8]) -> Result<T, DecodeError> {
    if encoding == Encoding::Json {
        return Ok(serde_json::from_slice(bytes)?);
    }
    // The schema number comes first, so that a newer message is told from a damaged one.
    let (schema, _) = postcard::take_from_bytes::<u32>(bytes)?;
    if schema != SCHEMA {
        return Err(DecodeError::Schema(schema));
    }
    match postcard::take_from_bytes(bytes)? {
        (message, []) => Ok(message),
        (_, rest) => Err(DecodeError::Surplus(rest.len())),
    }
}

/// The word, with the line end that a text tool may have added.
fn read_availability(bytes: &[u8]) -> Result<Availability, DecodeError> {
    let word = bytes.trim_ascii_end();
    Availability::ALL.into_iter().find(|known| known.as_str().as_bytes() == word).ok_or(DecodeError::Availability)
}
