//! What somebody asks over MQTT, on its way in: copied out of its packet in bounded size, judged elsewhere.

use edgeval_wire::{Address, Channel, MAX_COMMAND_BYTES, Topic};
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use serde::{Deserialize, Serialize};

/// The longest value of a property that is looked at, in bytes.
const MAX_PROPERTY_BYTES: usize = 256;
/// Names of the user properties.
pub const ID: &str = "id";
pub const EXPIRES: &str = "expires_unix_ms";
pub const SIGNATURE: &str = "signature";

/// A command as it came. Nothing of it was checked but its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Where it came to.
    pub topic: String,
    /// The topic's last level: which command.
    pub name: String,
    /// The body, or its size where that is more than any command has.
    pub body: Result<Vec<u8>, usize>,
    /// What its properties say, or what is wrong with them.
    pub properties: Result<Properties, &'static str>,
    /// Where the answer goes.
    pub reply: Reply,
}

/// A command's user properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// The same id is the same command.
    pub id: Option<String>,
    /// When it is no longer to be done, in milliseconds since 1970.
    pub expires: Option<String>,
    /// Who vouches for it, in base64.
    pub signature: Option<String>,
}

/// Where an answer goes beside the command's own topic for results, and what its sender tells it by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// MQTT 5's response topic.
    pub topic: Option<String>,
    /// MQTT 5's correlation data.
    pub correlation_data: Option<Vec<u8>>,
}

impl Incoming {
    /// Copies what is needed out of a packet that came to `address`'s commands.
    pub(super) fn read(publish: &Publish, address: &Address) -> Self {
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let name = topic.rsplit('/').next().unwrap_or_default().to_owned();
        let size = publish.payload.len();
        let body = if size > MAX_COMMAND_BYTES { Err(size) } else { Ok(publish.payload.to_vec()) };
        let none = PublishProperties::default();
        let properties = publish.properties.as_ref().unwrap_or(&none);
        match Reply::read(properties, address) {
            Ok(reply) => Self { topic, name, body, properties: Properties::read(properties), reply },
            Err(reason) => Self { topic, name, body, properties: Err(reason), reply: Reply::default() },
        }
    }
}

impl Properties {
    /// Two values of one name could be read in two ways: one of them by whoever signed.
    fn read(properties: &PublishProperties) -> Result<Self, &'static str> {
        let mut read = Self::default();
        for (name, value) in &properties.user_properties {
            let place = match name.as_str() {
                ID => &mut read.id,
                EXPIRES => &mut read.expires,
                SIGNATURE => &mut read.signature,
                _ => continue,
            };
            if value.len() > MAX_PROPERTY_BYTES {
                return Err("a user property is longer than 256 bytes");
            }
            if place.replace(value.clone()).is_some() {
                return Err("a user property is there twice");
            }
        }
        Ok(read)
    }
}

impl Reply {
    fn read(properties: &PublishProperties, address: &Address) -> Result<Self, &'static str> {
        let correlation_data = properties.correlation_data.as_ref().map(|data| data.to_vec());
        if correlation_data.as_ref().is_some_and(|data| data.len() > MAX_PROPERTY_BYTES) {
            return Err("the correlation data is longer than 256 bytes");
        }
        let topic = properties.response_topic.clone();
        if topic.as_ref().is_some_and(|topic| !may_answer_to(topic, address)) {
            return Err(
                "the response topic may not be a board's own, begin with $, hold + or #, or be longer than 256 bytes",
            );
        }
        Ok(Self { topic, correlation_data })
    }
}

/// Who may send commands isn't who may write everywhere: nobody gets this board to write in the place of a board.
fn may_answer_to(topic: &str, address: &Address) -> bool {
    if topic.is_empty()
        || topic.len() > MAX_PROPERTY_BYTES
        || topic.starts_with('$')
        || topic.contains(['+', '#', '\0'])
    {
        return false;
    }
    if !topic.starts_with("edgeval/") {
        return true;
    }
    let ours = topic.parse::<Topic>().ok().filter(|topic| topic.address == *address);
    ours.is_some_and(|topic| matches!(topic.channel, Channel::Result(_)))
}

#[cfg(test)]
mod tests {
    use rumqttc::v5::mqttbytes::QoS;

    use super::*;

    fn address() -> Address {
        Address::new("home", "pi").unwrap()
    }

    fn publish(body: &[u8], properties: PublishProperties) -> Publish {
        Publish::new("edgeval/1/home/pi/command/bench", QoS::AtLeastOnce, body.to_vec(), Some(properties))
    }

    fn user(pairs: &[(&str, &str)]) -> PublishProperties {
        let user_properties = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        PublishProperties { user_properties, ..PublishProperties::default() }
    }

    #[test]
    fn a_command_is_copied_out_of_its_packet() {
        let properties = PublishProperties {
            response_topic: Some("me/answers".into()),
            correlation_data: Some(vec![1, 2].into()),
            ..user(&[("id", "a"), ("expires_unix_ms", "7"), ("colour", "blue"), ("colour", "red")])
        };
        let incoming = Incoming::read(&publish(b"{}", properties), &address());
        assert_eq!((incoming.name.as_str(), incoming.body), ("bench", Ok(b"{}".to_vec())));
        let expected = Properties { id: Some("a".into()), expires: Some("7".into()), signature: None };
        assert_eq!(incoming.properties, Ok(expected));
        assert_eq!(incoming.reply, Reply { topic: Some("me/answers".into()), correlation_data: Some(vec![1, 2]) });
    }

    #[test]
    fn what_is_too_large_is_not_copied() {
        let incoming = Incoming::read(&publish(&[b' '; MAX_COMMAND_BYTES + 1], user(&[])), &address());
        assert_eq!(incoming.body, Err(MAX_COMMAND_BYTES + 1));
        let long = "x".repeat(MAX_PROPERTY_BYTES + 1);
        assert!(Incoming::read(&publish(b"", user(&[("id", &long)])), &address()).properties.is_err());
        let properties = PublishProperties { correlation_data: Some(vec![0; 257].into()), ..user(&[("id", "a")]) };
        assert!(Incoming::read(&publish(b"", properties), &address()).properties.is_err());
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        let twice = user(&[("id", "a"), ("id", "b")]);
        assert!(Incoming::read(&publish(b"", twice), &address()).properties.is_err());
    }

    #[test]
    fn answers_go_nowhere_that_belongs_to_a_board() {
        for topic in ["me/answers", "edgeval/1/home/pi/result/a"] {
            assert!(may_answer_to(topic, &address()), "{topic}");
        }
        let foreign =
            ["edgeval/1/home/pi/live", "edgeval/1/home/other/result/a", "edgeval/x", "$SYS/a", "a/+", "#", ""];
        for topic in foreign {
            assert!(!may_answer_to(topic, &address()), "{topic}");
        }
    }
}
