//! Reports as they come: what a reader can tell of them by their numbers alone.

use std::collections::{BTreeMap, BTreeSet};

use edgeval_wire::Encoding;
use serde::Deserialize;

use super::Delivered;

/// The ids that came under each number, noted once for each delivery and never read again.
#[derive(Debug, Default)]
pub struct Reports {
    ids: BTreeMap<u64, BTreeSet<String>>,
    deliveries: u64,
    /// Of the newest report that says it: its number, and how many were lost.
    lost: (u64, u64),
}

/// What is read of a report; the rest is left out.
#[derive(Deserialize)]
struct Report {
    header: Header,
    #[serde(default)]
    body: Body,
}

#[derive(Deserialize)]
struct Header {
    id: String,
    sequence: u64,
}

#[derive(Default, Deserialize)]
struct Body {
    field: Option<Field>,
}

#[derive(Deserialize)]
struct Field {
    publisher: Publisher,
}

#[derive(Deserialize)]
struct Publisher {
    lost: u64,
}

impl Reports {
    /// Notes a message, if it is a report in JSON.
    pub fn note(&mut self, message: &Delivered) {
        if !message.topic.contains("/report/") || message.content_type != Encoding::Json.content_type() {
            return;
        }
        let Report { header, body } = serde_json::from_slice(&message.payload).expect("a report is a report");
        if let Some(field) = body.field.filter(|_| header.sequence >= self.lost.0) {
            self.lost = (header.sequence, field.publisher.lost);
        }
        self.deliveries += 1;
        self.ids.entry(header.sequence).or_default().insert(header.id);
    }

    /// Deliveries, repetitions included.
    pub const fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// How many came under numbers that differ.
    pub fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// The numbers that came.
    pub fn numbers(&self) -> BTreeSet<u64> {
        self.ids.keys().copied().collect()
    }

    /// Numbers, each with every id that came under it.
    pub fn ids(&self) -> BTreeSet<(u64, String)> {
        self.ids.iter().flat_map(|(&number, ids)| ids.iter().map(move |id| (number, id.clone()))).collect()
    }

    /// The greatest number; 0 before any came.
    pub fn newest(&self) -> u64 {
        self.ids.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Whether all numbers from 1 to `last` came, and no other.
    pub fn are_up_to(&self, last: u64) -> bool {
        self.count() == last && self.newest() == last && !self.ids.contains_key(&0)
    }

    /// The numbers up to the newest that didn't come.
    pub fn missing(&self) -> Vec<u64> {
        (1..=self.newest()).filter(|number| !self.ids.contains_key(number)).collect()
    }

    /// Numbers that were given out twice: two ids came under each.
    pub fn twice(&self) -> Vec<u64> {
        self.ids.iter().filter(|(_, ids)| ids.len() > 1).map(|(number, _)| *number).collect()
    }

    /// Reports lost, as the newest report that came says.
    pub const fn lost_as_published(&self) -> u64 {
        self.lost.1
    }
}
