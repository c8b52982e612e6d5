//! Commands from anybody: read, or refused.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use edgeval_wire::{Command, CommandError, CommandName, MAX_COMMAND_BYTES, Name};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn parse(name: &str, body: &str) -> Result<Command, String> {
    Command::parse(name.parse()?, body.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn nothing_stands_for_no_options() {
    for name in [CommandName::Status, CommandName::Bench, CommandName::Evaluate, CommandName::Interval] {
        let command = Command::parse(name, b" \n").unwrap();
        assert_eq!((&command, command.name()), (&Command::parse(name, b"{}").unwrap(), name));
    }
    for (name, field) in [("model", "bundle"), ("cancel", "id")] {
        assert!(parse(name, "").unwrap_err().contains(field), "{name}");
    }
}

#[test]
fn an_option_that_is_not_known_is_refused() {
    for (name, body) in [
        ("status", r#"{"verbose": true}"#),
        ("bench", r#"{"querys": 3}"#),
        ("interval", r#"{"live_interval_ms": "fast"}"#),
        ("model", r#"{"bundle": "a", "identity": "b", "force": true}"#),
        ("evaluate", r#"{"quick": 1}"#),
        ("bench", "[]"),
        ("bench", "{} {}"),
    ] {
        assert!(parse(name, body).is_err(), "{name} {body}");
    }
    assert!(parse("reboot", "").unwrap_err().contains("status, bench"));
    let long = format!(r#"{{"set": "{}"}}"#, "a".repeat(65));
    assert!(parse("evaluate", &long).is_err(), "a name is at most 64 bytes");
}

#[test]
fn too_many_bytes_are_refused_before_they_are_read() {
    let error = Command::parse(CommandName::Bench, &[b' '; MAX_COMMAND_BYTES + 1]).unwrap_err();
    assert!(matches!(error, CommandError::TooLarge(_)), "{error}");
}

#[test]
fn every_name_can_be_in_a_topic_and_is_read_back() {
    for name in CommandName::ALL {
        assert_eq!(name.as_str().parse(), Ok(name));
        assert_eq!(name.level().unwrap(), Name::new(name.as_str()).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(place in 0..CommandName::ALL.len(), body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Command::parse(CommandName::ALL[place], &body);
    }

    #[test]
    fn any_json_is_read_or_refused(place in 0..CommandName::ALL.len(), body in "[\\[\\]{}\":,0-9a-z_ ]{0,80}") {
        let _ = Command::parse(CommandName::ALL[place], body.as_bytes());
    }
}
