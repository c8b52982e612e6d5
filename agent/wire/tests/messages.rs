//! Every message as it looks on the wire, so that any change is seen, and what becomes of bytes that are none.
//!
//! The files in `messages/` are the messages in JSON; their postcard bytes are snapshots.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use edgeval_wire::{Availability, DecodeError, Encoding, Figure, MAX_MESSAGE_BYTES, Message, MessageKind, Reading};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const EXAMPLES: [(&str, MessageKind, &str); 8] = [
    ("device", MessageKind::Device, include_str!("messages/device.json")),
    ("live", MessageKind::Live, include_str!("messages/live.json")),
    ("report_bench", MessageKind::Report, include_str!("messages/report_bench.json")),
    ("report_accuracy", MessageKind::Report, include_str!("messages/report_accuracy.json")),
    ("report_field", MessageKind::Report, include_str!("messages/report_field.json")),
    ("report_drift", MessageKind::Report, include_str!("messages/report_drift.json")),
    ("report_evaluation", MessageKind::Report, include_str!("messages/report_evaluation.json")),
    ("command_result", MessageKind::Result, include_str!("messages/command_result.json")),
];

fn json(kind: MessageKind, text: &str) -> Result<Message, DecodeError> {
    Message::decode(kind, Encoding::Json, text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(32).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn json_has_exactly_these_fields() {
    for (name, kind, text) in EXAMPLES {
        let message = json(kind, text).unwrap();
        assert_eq!(message.to_json_pretty().unwrap(), text.trim_end(), "{name}");
    }
}

#[test]
fn postcard_has_exactly_these_bytes() {
    for (name, kind, text) in EXAMPLES {
        let message = json(kind, text).unwrap();
        let bytes = message.encode(Encoding::Postcard).unwrap();
        insta::assert_snapshot!(format!("{name}_postcard"), hex(&bytes));
        assert_eq!(Message::decode(kind, Encoding::Postcard, &bytes).unwrap(), message, "{name}");
    }
}

#[test]
fn the_bytes_tell_their_encoding() {
    for (name, kind, text) in EXAMPLES {
        let message = json(kind, text).unwrap();
        for encoding in [Encoding::Json, Encoding::Postcard] {
            assert_eq!(Encoding::of_bytes(&message.encode(encoding).unwrap()), encoding, "{name}");
        }
    }
}

#[test]
fn availability_is_a_plain_word_in_every_encoding() {
    for word in [Availability::Online, Availability::Stopped, Availability::Offline] {
        for encoding in [Encoding::Json, Encoding::Postcard] {
            let bytes = Message::Availability(word).encode(encoding).unwrap();
            assert_eq!(bytes, word.as_str().as_bytes());
            let read = Message::decode(MessageKind::Availability, encoding, &bytes).unwrap();
            assert_eq!(read, Message::Availability(word));
        }
    }
    let error = Message::decode(MessageKind::Availability, Encoding::Json, b"on").unwrap_err();
    assert!(matches!(error, DecodeError::Availability));
}

#[test]
fn a_reader_ignores_fields_that_it_does_not_know() {
    for (name, kind, text) in EXAMPLES {
        let with_more =
            text.replace('{', "{\"from_the_future\": [1, {}], ").replace(", {\"from_the_future\": [1, {}], }", ", {}");
        // Variants of an enum are no fields: the body keeps its one key.
        let with_more = with_more.replace("\"body\": {\"from_the_future\": [1, {}], ", "\"body\": {");
        assert_eq!(json(kind, &with_more).unwrap(), json(kind, text).unwrap(), "{name}");
    }
}

#[test]
fn another_schema_is_refused_by_its_number() {
    for (name, kind, text) in EXAMPLES {
        let error = json(kind, &text.replacen("\"schema\": 1", "\"schema\": 2", 1)).unwrap_err().to_string();
        assert!(error.contains("schema 2; this program reads schema 1"), "{name}: {error}");
        let mut bytes = json(kind, text).unwrap().encode(Encoding::Postcard).unwrap();
        bytes[0] = 2;
        let error = Message::decode(kind, Encoding::Postcard, &bytes).unwrap_err();
        assert!(matches!(error, DecodeError::Schema(2)), "{name}: {error}");
    }
}

#[test]
fn what_is_not_a_number_is_not_measured_in_either_encoding() {
    let reading = Reading::Value(f64::NAN);
    let figure = Figure::Measured { value: 0.5, low: 0.0, high: f64::INFINITY, n: 3 };
    let absent = r#"{"not_measured":"the result isn't a finite number"}"#;
    assert_eq!(serde_json::to_string(&reading).unwrap(), absent);
    assert_eq!(serde_json::to_string(&figure).unwrap(), absent);
    let bytes = postcard::to_allocvec(&(reading, figure)).unwrap();
    let read: (Reading<f64>, Figure) = postcard::from_bytes(&bytes).unwrap();
    assert!(matches!(read, (Reading::NotMeasured(_), Figure::NotMeasured { .. })), "{read:?}");
}

#[test]
fn a_figure_without_its_interval_is_refused() {
    assert!(serde_json::from_str::<Figure>(r#"{"value":0.5}"#).is_err());
    assert!(serde_json::from_str::<Reading<f64>>("{}").is_err());
}

#[test]
fn too_many_bytes_are_refused_before_they_are_read() {
    let bytes = vec![b' '; MAX_MESSAGE_BYTES + 1];
    let error = Message::decode(MessageKind::Live, Encoding::Json, &bytes).unwrap_err();
    assert!(matches!(error, DecodeError::TooLarge(_)), "{error}");
}

#[test]
fn the_fullest_messages_fit() {
    for (name, kind, text) in EXAMPLES {
        let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
        fill(&mut value);
        let message = json(kind, &value.to_string()).unwrap();
        for encoding in [Encoding::Json, Encoding::Postcard] {
            let size = message.encode(encoding).unwrap().len();
            assert!(size < MAX_MESSAGE_BYTES / 2, "{name}: {size} bytes");
        }
    }
}

/// Fills the lists that a message may have to their bounds.
fn fill(value: &mut serde_json::Value) {
    let bounds = [
        ("predictions", 16),
        ("attention", 4),
        ("refused", 8),
        ("lost_by_reason", 8),
        ("models", 8),
        ("reasons", 8),
        ("raw", 8),
        ("lacks", 4),
        ("queued", 8),
    ];
    match value {
        serde_json::Value::Object(fields) => {
            for (name, bound) in bounds {
                if let Some(serde_json::Value::Array(list)) = fields.get_mut(name) {
                    let first = list.first().cloned();
                    list.extend(first.into_iter().cycle().take(bound - list.len()));
                }
            }
            fields.values_mut().for_each(fill);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(fill),
        _ => {}
    }
}

fn kinds() -> impl Strategy<Value = MessageKind> {
    prop_oneof![
        Just(MessageKind::Availability),
        Just(MessageKind::Device),
        Just(MessageKind::Live),
        Just(MessageKind::Report),
        Just(MessageKind::Result)
    ]
}

fn encodings() -> impl Strategy<Value = Encoding> {
    prop_oneof![Just(Encoding::Json), Just(Encoding::Postcard)]
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(kind in kinds(), encoding in encodings(), bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Message::decode(kind, encoding, &bytes);
    }

    #[test]
    fn a_damaged_message_is_read_or_refused(
        example in 0..EXAMPLES.len(), encoding in encodings(), place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()
    ) {
        let (_, kind, text) = EXAMPLES[example];
        let mut bytes = json(kind, text).unwrap().encode(encoding).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if cut {
            bytes.truncate(place);
            prop_assert!(Message::decode(kind, encoding, &bytes).is_err());
        } else if let Ok(message) = Message::decode(kind, encoding, &bytes) {
            prop_assert!(message.encode(encoding).is_ok());
        }
    }

    #[test]
    fn what_follows_a_message_is_refused(example in 0..EXAMPLES.len(), encoding in encodings(), byte in 33_u8..) {
        let (_, kind, text) = EXAMPLES[example];
        let mut bytes = json(kind, text).unwrap().encode(encoding).unwrap();
        bytes.push(byte);
        prop_assert!(Message::decode(kind, encoding, &bytes).is_err());
    }
}
