//! The topic layout, version 1, in one place and both ways:
//! `edgeval/1/<group>/<device>/{availability, device, live, report/<kind>, summary/<kind>, command/<name>, result/<id>}`.
//!
//! ```
//! use edgeval_wire::{Channel, Quality, ReportKind, Topic};
//! let topic: Topic = "edgeval/1/kitchen/pi-4/summary/bench".parse()?;
//! assert_eq!(topic.channel, Channel::Summary(ReportKind::Bench));
//! assert_eq!(topic.channel.quality(), Quality::AtLeastOnce);
//! assert!(topic.channel.retained());
//! assert_eq!(topic.to_string(), "edgeval/1/kitchen/pi-4/summary/bench");
//! # Ok::<(), edgeval_wire::TopicError>(())
//! ```

use std::fmt;
use std::str::FromStr;

use crate::{MessageKind, Text};

const ROOT: &str = "edgeval";
const VERSION: &str = "1";
/// The longest name in a topic, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// A name in a topic: 1 to 64 letters, digits, `.`, `_`, `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Text<MAX_NAME_BYTES>);

/// A board's place in the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The fleet's part.
    pub group: Name,
    /// The board.
    pub device: Name,
}

/// The kinds of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// Speed and size.
    Bench,
    /// How often it is right.
    Accuracy,
    /// A period of live work.
    Field,
    /// Whether the board sees what it used to see.
    Drift,
    /// What a model is worth on a reference set.
    Evaluation,
}

/// What a topic is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Whether the board is there.
    Availability,
    /// What the board is.
    Device,
    /// The last interval.
    Live,
    /// One finished measurement.
    Report(ReportKind),
    /// The latest of its kind, for those who come late.
    Summary(ReportKind),
    /// To the device.
    Command(Name),
    /// From the device, to the command of this id.
    Result(Name),
}

/// How surely a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// MQTT's QoS 0.
    AtMostOnce,
    /// MQTT's QoS 1.
    AtLeastOnce,
}

/// One board's topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Which board.
    pub address: Address,
    /// What for.
    pub channel: Channel,
}

/// Why a text is no topic, or no name in one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// A name has characters that no topic may have, or too many or too few.
    #[error("`{0}` can't be a name in a topic: use 1 to {MAX_NAME_BYTES} letters, digits, `.`, `_`, `-`")]
    Name(String),
    /// The text has another layout.
    #[error("`{0}` isn't a topic of edgeval: it must be like edgeval/1/GROUP/DEVICE/report/bench")]
    Layout(String),
    /// The kind isn't known.
    #[error("`{0}` isn't a kind of report: bench, accuracy, field, drift, evaluation")]
    Kind(String),
}

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes, or has other characters.
    pub fn new(name: &str) -> Result<Self, TopicError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let checked = Text::try_from(name).ok().filter(|text| !text.is_empty() && text.bytes().all(allowed));
        checked.map(Self).ok_or_else(|| TopicError::Name(name.chars().take(100).collect()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Address {
    /// Checks both names.
    ///
    /// # Errors
    /// When one of them can't be in a topic.
    pub fn new(group: &str, device: &str) -> Result<Self, TopicError> {
        Ok(Self { group: Name::new(group)?, device: Name::new(device)? })
    }

    /// The filter that all commands to this board match.
    #[must_use]
    pub fn command_filter(&self) -> String {
        format!("{ROOT}/{VERSION}/{}/{}/command/+", self.group, self.device)
    }

    /// This board's topic for a purpose.
    #[must_use]
    pub fn topic(&self, channel: Channel) -> Topic {
        Topic { address: self.clone(), channel }
    }
}

impl Channel {
    /// Whether the broker keeps the last message for those who come later.
    #[must_use]
    pub const fn retained(&self) -> bool {
        matches!(self, Self::Availability | Self::Device | Self::Live | Self::Summary(_))
    }

    /// How surely its messages arrive: of live figures only the newest counts.
    #[must_use]
    pub const fn quality(&self) -> Quality {
        match self {
            Self::Live => Quality::AtMostOnce,
            _ => Quality::AtLeastOnce,
        }
    }

    /// What its payloads are, where this version of the program knows them.
    #[must_use]
    pub const fn message_kind(&self) -> Option<MessageKind> {
        match self {
            Self::Availability => Some(MessageKind::Availability),
            Self::Device => Some(MessageKind::Device),
            Self::Live => Some(MessageKind::Live),
            Self::Report(_) | Self::Summary(_) => Some(MessageKind::Report),
            Self::Result(_) => Some(MessageKind::Result),
            Self::Command(_) => None,
        }
    }
}

impl ReportKind {
    const ALL: [Self; 5] = [Self::Bench, Self::Accuracy, Self::Field, Self::Drift, Self::Evaluation];

    /// Its word in a topic.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bench => "bench",
            Self::Accuracy => "accuracy",
            Self::Field => "field",
            Self::Drift => "drift",
            Self::Evaluation => "evaluation",
        }
    }
}

impl FromStr for ReportKind {
    type Err = TopicError;

    fn from_str(word: &str) -> Result<Self, TopicError> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| TopicError::Kind(word.chars().take(100).collect()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Availability => formatter.write_str("availability"),
            Self::Device => formatter.write_str("device"),
            Self::Live => formatter.write_str("live"),
            Self::Report(kind) => write!(formatter, "report/{}", kind.as_str()),
            Self::Summary(kind) => write!(formatter, "summary/{}", kind.as_str()),
            Self::Command(name) => write!(formatter, "command/{name}"),
            Self::Result(id) => write!(formatter, "result/{id}"),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address: Address { group, device }, channel } = self;
        write!(formatter, "{ROOT}/{VERSION}/{group}/{device}/{channel}")
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let layout = || TopicError::Layout(text.chars().take(200).collect());
        let levels: Vec<&str> = text.splitn(7, '/').collect();
        let [ROOT, VERSION, group, device, channel @ ..] = levels.as_slice() else { return Err(layout()) };
        let channel = match channel {
            ["availability"] => Channel::Availability,
            ["device"] => Channel::Device,
            ["live"] => Channel::Live,
            ["report", kind] => Channel::Report(kind.parse()?),
            ["summary", kind] => Channel::Summary(kind.parse()?),
            ["command", name] => Channel::Command(Name::new(name)?),
            ["result", id] => Channel::Result(Name::new(id)?),
            _ => return Err(layout()),
        };
        Ok(Self { address: Address::new(group, device)?, channel })
    }
}
