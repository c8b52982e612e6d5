//! One report as bytes on disk. Bytes that come back are never trusted: a checksum covers all of them.

use edgeval_wire::{Encoding, MAX_MESSAGE_BYTES};

use super::message::{Publication, Purpose};

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;
/// The longest topic that MQTT knows.
const MAX_TOPIC_BYTES: usize = u16::MAX as usize;
/// What the store adds to a record, at least: a key, lengths, a share of its page's header.
const STORE_BYTES: usize = 128;
const PAGE_BYTES: usize = 4096;
/// Of records that fit into a page by threes or more, half a page.
pub(super) const LEAST_COST_BYTES: usize = PAGE_BYTES / 2;

/// A report's bytes: version, encoding, length of the topic (two bytes), topic, payload, CRC-32 of all that.
pub(crate) fn encode(publication: &Publication) -> Vec<u8> {
    let Publication { topic, payload, content_type, .. } = publication;
    let topic = &topic.as_bytes()[..topic.len().min(MAX_TOPIC_BYTES)];
    let encoding = Encoding::from_content_type(content_type).unwrap_or_default();
    let mut bytes = Vec::with_capacity(topic.len() + payload.len() + 4 + CHECKSUM_BYTES);
    bytes.extend([VERSION, u8::from(encoding == Encoding::Postcard)]);
    bytes.extend(u16::try_from(topic.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(topic);
    bytes.extend(payload);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The report that these bytes are, if they are one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Publication> {
    let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (&[version, encoding, low, high], rest) = content.split_first_chunk::<4>()?;
    let (topic, payload) = rest.split_at_checked(u16::from_le_bytes([low, high]).into())?;
    let encoding = [Encoding::Json, Encoding::Postcard].into_iter().nth(encoding.into())?;
    if version != VERSION || payload.len() > MAX_MESSAGE_BYTES {
        return None;
    }
    Some(Publication {
        topic: str::from_utf8(topic).ok()?.to_owned(),
        payload: payload.to_vec(),
        content_type: encoding.content_type(),
        retain: false,
        assured: true,
        purpose: Purpose::Report,
        correlation_data: None,
    })
}

/// Bytes of disk that a report takes at most: the store's pages are powers of two.
pub(super) fn cost_bytes(publication: &Publication) -> usize {
    let bytes = publication.topic.len() + publication.payload.len() + STORE_BYTES;
    if 3 * bytes <= PAGE_BYTES { LEAST_COST_BYTES } else { bytes.next_power_of_two().max(PAGE_BYTES) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn report(topic: &str, payload: Vec<u8>, encoding: Encoding) -> Publication {
        let content_type = encoding.content_type();
        Publication {
            topic: topic.into(),
            payload,
            content_type,
            retain: false,
            assured: true,
            purpose: Purpose::Report,
            correlation_data: None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_report_comes_back_as_it_was(topic in "[a-zé/]{0,80}", payload in prop::collection::vec(any::<u8>(), 0..500), postcard in any::<bool>()) {
            let encoding = if postcard { Encoding::Postcard } else { Encoding::Json };
            let report = report(&topic, payload, encoding);
            prop_assert_eq!(decode(&encode(&report)), Some(report));
        }

        #[test]
        fn a_flipped_bit_or_a_cut_is_seen(payload in prop::collection::vec(any::<u8>(), 0..300), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let bytes = encode(&report("a/b", payload, Encoding::Json));
            let mut flipped = bytes.clone();
            flipped[place.index(bytes.len())] ^= 1 << bit;
            prop_assert_eq!(decode(&flipped), None);
            prop_assert_eq!(decode(&bytes[..place.index(bytes.len())]), None);
        }

        #[test]
        fn any_bytes_are_a_report_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&bytes), None);
        }
    }
}
