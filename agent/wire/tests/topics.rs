//! Topics, both ways.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use edgeval_wire::{Address, Channel, Name, Quality, ReportKind, Topic, TopicError};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn names() -> impl Strategy<Value = Name> {
    "[A-Za-z0-9._-]{1,64}".prop_map(|text| Name::new(&text).unwrap())
}

fn kinds() -> impl Strategy<Value = ReportKind> {
    prop_oneof![
        Just(ReportKind::Bench),
        Just(ReportKind::Accuracy),
        Just(ReportKind::Field),
        Just(ReportKind::Drift),
        Just(ReportKind::Evaluation)
    ]
}

fn channels() -> impl Strategy<Value = Channel> {
    prop_oneof![
        Just(Channel::Availability),
        Just(Channel::Device),
        Just(Channel::Live),
        kinds().prop_map(Channel::Report),
        kinds().prop_map(Channel::Summary),
        names().prop_map(Channel::Command),
        names().prop_map(Channel::Result),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_topic_is_read_back_as_it_was(group in names(), device in names(), channel in channels()) {
        let topic = Address { group, device }.topic(channel);
        prop_assert_eq!(topic.to_string().parse::<Topic>().unwrap(), topic);
    }

    #[test]
    fn any_text_is_a_topic_or_refused(text in any::<String>()) {
        if let Ok(topic) = text.parse::<Topic>() {
            prop_assert_eq!(topic.to_string(), text);
        }
    }

    #[test]
    fn a_name_has_only_what_a_topic_may_have(text in any::<String>()) {
        let allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        prop_assert_eq!(Name::new(&text).is_ok(), (1..=64).contains(&text.len()) && text.chars().all(allowed));
    }
}

#[test]
fn a_filter_is_for_all_commands_to_one_board() {
    assert_eq!(Address::new("home", "pi").unwrap().command_filter(), "edgeval/1/home/pi/command/+");
}

#[test]
fn what_is_kept_and_what_must_arrive() {
    use Quality::{AtLeastOnce, AtMostOnce};
    let table = [
        ("availability", true, AtLeastOnce),
        ("device", true, AtLeastOnce),
        ("live", true, AtMostOnce),
        ("report/bench", false, AtLeastOnce),
        ("summary/field", true, AtLeastOnce),
        ("command/evaluate", false, AtLeastOnce),
        ("result/17", false, AtLeastOnce),
    ];
    for (channel, retained, quality) in table {
        let topic: Topic = format!("edgeval/1/home/pi-5/{channel}").parse().unwrap();
        assert_eq!((topic.channel.retained(), topic.channel.quality()), (retained, quality), "{channel}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let error = |text: &str| text.parse::<Topic>().unwrap_err();
    assert_eq!(error("edgeval/1/home/pi 5/live"), TopicError::Name("pi 5".into()));
    assert_eq!(error("edgeval/1/home/pi/report/power"), TopicError::Kind("power".into()));
    for text in
        ["", "edgeval/2/home/pi/live", "edgeval/1/home/pi", "edgeval/1/home/pi/live/more", "/edgeval/1/home/pi/live"]
    {
        assert_eq!(error(text), TopicError::Layout(text.into()));
    }
    assert!(Address::new("home", &"x".repeat(65)).is_err());
}
