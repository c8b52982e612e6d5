//! The schema number and the encodings.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The schema number of every message in this crate.
pub const SCHEMA: u32 = 1;

const JSON: &str = "application/vnd.edgeval+json; schema=1";
const POSTCARD: &str = "application/vnd.edgeval+postcard; schema=1";

/// The schema number as the first field of a message: written as [`SCHEMA`], and any other one is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schema;

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(SCHEMA)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            SCHEMA => Ok(Self),
            other => Err(D::Error::custom(format_args!("schema {other}; this program reads schema {SCHEMA}"))),
        }
    }
}

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Text that people and most tools can read.
    #[default]
    Json,
    /// Binary, about a third of the size.
    Postcard,
}

impl Encoding {
    /// The MQTT 5 content type, which carries the schema number too.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Postcard => POSTCARD,
        }
    }

    /// The encoding that a content type names, when it is one of ours.
    #[must_use]
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        [Self::Json, Self::Postcard].into_iter().find(|encoding| encoding.content_type() == content_type)
    }

    /// The encoding of a message's bytes: JSON begins with a brace, postcard with the schema number.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'{') { Self::Json } else { Self::Postcard }
    }
}
