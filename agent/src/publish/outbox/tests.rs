use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::record::LEAST_COST_BYTES;
use super::*;

/// Room for eight small messages.
const LIMITS: Limits =
    Limits { bytes: 8 * LEAST_COST_BYTES, memory_bytes: 8 * LEAST_COST_BYTES, when_full: WhenFull::DropOldest };
pub(super) const WINDOW: usize = 3;

pub(super) fn at(milliseconds: i64) -> Moment {
    Moment::from_nanoseconds(milliseconds * 1_000_000)
}

fn message(purpose: Purpose, number: u8) -> Publication {
    Publication {
        topic: format!("topic/{}", if purpose == Purpose::Latest { number % 2 } else { number }),
        payload: vec![number; 10],
        content_type: "text/plain",
        retain: purpose == Purpose::Latest,
        assured: true,
        purpose,
        correlation_data: None,
    }
}

pub(super) fn report(number: u8) -> Publication {
    message(Purpose::Report, number)
}

fn queue_with(reports: impl IntoIterator<Item = u8>) -> Outbox {
    let mut queue = Outbox::new(LIMITS, Duration::ZERO, 0);
    for number in reports {
        queue.offer(report(number));
    }
    queue
}

/// Hands over all that fits and gives packet ids as rumqttc does: in turn, from 1 to the window's size.
fn send(queue: &mut Outbox, last_id: &mut u16, now: Moment) -> Vec<u8> {
    let mut sent = Vec::new();
    while let Some(Handed::Here(publication)) = queue.hand_over(WINDOW, None, now) {
        *last_id = *last_id % WINDOW as u16 + 1;
        queue.pair(*last_id);
        sent.push(publication.payload[0]);
    }
    sent
}

#[test]
fn a_report_stays_until_it_is_acknowledged() {
    let mut queue = queue_with([7]);
    assert_eq!(send(&mut queue, &mut 0, at(5)), [7]);
    assert_eq!((queue.unsettled(), queue.in_flight()), (1, 1));
    let settled = queue.settle(1, Verdict::Arrived, at(8)).unwrap();
    assert_eq!(settled, Settled { purpose: Purpose::Report, after: Duration::from_millis(3) });
    assert_eq!((queue.unsettled(), queue.counters().acknowledged), (0, 1));
    assert_eq!(queue.settle(1, Verdict::Arrived, at(9)), None);
}

#[test]
fn a_lost_connection_brings_all_back_in_order() {
    let mut queue = queue_with(1..=5);
    assert_eq!(send(&mut queue, &mut 0, at(0)), [1, 2, 3]);
    queue.settle(2, Verdict::Arrived, at(1));
    queue.connection_lost(Break::Gone);
    assert_eq!(send(&mut queue, &mut 0, at(2)), [1, 3, 4]);
}

#[test]
fn a_packet_id_comes_again_only_when_it_is_free() {
    let mut queue = queue_with(1..=5);
    let mut last_id = 0;
    assert_eq!(send(&mut queue, &mut last_id, at(0)), [1, 2, 3]);
    queue.settle(2, Verdict::Arrived, at(1));
    assert!(send(&mut queue, &mut last_id, at(1)).is_empty(), "id 1 comes next and isn't free");
    queue.settle(1, Verdict::Arrived, at(2));
    assert_eq!(send(&mut queue, &mut last_id, at(2)), [4, 5]);
}

#[test]
fn a_full_queue_gives_up_the_oldest() {
    let mut queue = queue_with(1..=8);
    assert_eq!(queue.offer(report(9)), 1);
    assert_eq!((queue.unsettled(), queue.counters().dropped), (8, 1));
    assert_eq!(send(&mut queue, &mut 0, at(0)), [2, 3, 4]);
    let large = Publication { payload: vec![1; 3 * LEAST_COST_BYTES], ..report(10) };
    assert_eq!(queue.offer(large), 4, "those that wait go, those in flight stay");
    assert_eq!((queue.in_flight(), queue.unsettled()), (3, 5));
    assert_eq!(queue.counters().lost, BTreeMap::from([("no room".to_owned(), 5)]));
}

#[test]
fn a_newer_summary_replaces_one_that_waits() {
    let mut queue = Outbox::new(LIMITS, Duration::ZERO, 0);
    for number in [2, 3, 4] {
        queue.offer(message(Purpose::Latest, number));
    }
    assert_eq!(send(&mut queue, &mut 0, at(0)), [3, 4]);
    assert_eq!((queue.counters().replaced, queue.counters().dropped), (1, 0));
}

#[test]
fn what_may_pass_is_tried_again_later_and_holds_nobody_up() {
    let mut queue = queue_with([1, 2]);
    let mut last_id = 0;
    send(&mut queue, &mut last_id, at(0));
    assert_eq!(queue.settle(1, Verdict::RefusedForNow("quota exceeded"), at(0)), None);
    assert_eq!(queue.settle(2, Verdict::Arrived, at(1)).map(|settled| settled.purpose), Some(Purpose::Report));
    assert!(send(&mut queue, &mut last_id, at(999)).is_empty());
    assert_eq!(queue.next_retry(at(999)), Some(at(1000)));
    assert_eq!(send(&mut queue, &mut last_id, at(1000)), [1]);
    queue.settle(last_id, Verdict::RefusedForNow("quota exceeded"), at(1000));
    assert_eq!(queue.next_retry(at(1000)), Some(at(3000)), "twice as long");
    assert_eq!(queue.counters().refused["quota exceeded"], 2);
}

#[test]
fn what_is_refused_for_good_is_lost_and_counted() {
    let mut queue = queue_with([1]);
    send(&mut queue, &mut 0, at(0));
    queue.settle(1, Verdict::RefusedForGood("not authorized"), at(0));
    assert_eq!((queue.unsettled(), queue.counters().dropped), (0, 1));
    assert_eq!(queue.counters().refused["not authorized"], 1);
}

#[test]
fn a_message_over_which_the_broker_breaks_off_is_given_up_and_no_other() {
    let mut queue = queue_with([1, 2]);
    assert_eq!(send(&mut queue, &mut 0, at(0)), [1, 2]);
    queue.connection_lost(Break::Protocol);
    for _ in 0..queue::MAX_BREAKS {
        assert_eq!(send(&mut queue, &mut 0, at(0)), [1], "one at a time");
        queue.connection_lost(Break::Protocol);
    }
    assert_eq!(send(&mut queue, &mut 0, at(0)), [2]);
    assert_eq!(queue.counters().refused[queue::BROKE_CONNECTION], 1);
}

#[test]
fn a_lost_connection_takes_its_own_messages_with_it() {
    let mut queue = queue_with([1]);
    queue.offer_first(message(Purpose::Session, 8));
    queue.offer_first(message(Purpose::Session, 9));
    assert_eq!(send(&mut queue, &mut 0, at(0)), [9, 8, 1]);
    queue.settle(1, Verdict::Arrived, at(0));
    assert_eq!(queue.unsettled_of(Purpose::Session), 1);
    queue.connection_lost(Break::Gone);
    assert_eq!(send(&mut queue, &mut 0, at(0)), [1]);
    assert_eq!(queue.counters().accepted, 1);
}

#[derive(Clone, Debug)]
enum Step {
    Offer(Purpose, u8),
    Send,
    Settle(u16, Verdict),
    Unsent,
    Lose(Break),
}

fn steps() -> impl Strategy<Value = Step> {
    let purpose = prop_oneof![Just(Purpose::Report), Just(Purpose::Latest), Just(Purpose::Session)];
    let verdict = prop_oneof![
        3 => Just(Verdict::Arrived),
        1 => Just(Verdict::RefusedForNow("quota exceeded")),
        1 => Just(Verdict::RefusedForGood("not authorized")),
    ];
    prop_oneof![
        4 => (purpose, any::<u8>()).prop_map(|(purpose, number)| Step::Offer(purpose, number)),
        2 => Just(Step::Send),
        4 => (1..=WINDOW as u16, verdict).prop_map(|(id, verdict)| Step::Settle(id, verdict)),
        1 => Just(Step::Unsent),
        1 => prop_oneof![Just(Break::Gone), Just(Break::Protocol)].prop_map(Step::Lose),
    ]
}

fn take(queue: &mut Outbox, last_id: &mut u16, step: Step, now: Moment) {
    match step {
        Step::Offer(Purpose::Session, number) => queue.offer_first(message(Purpose::Session, number)),
        Step::Offer(purpose, number) => drop(queue.offer(message(purpose, number))),
        Step::Send => drop(send(queue, last_id, now)),
        Step::Settle(id, verdict) => drop(queue.settle(id, verdict, now)),
        Step::Unsent => {
            if queue.hand_over(WINDOW, None, now).is_some() {
                queue.refuse_unsent("larger than the broker takes");
            }
        }
        Step::Lose(cause) => {
            queue.connection_lost(cause);
            *last_id = 0;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, each message that was taken is acknowledged, counted as lost or replaced, or still here.
    #[test]
    fn every_message_is_accounted_for(steps in prop::collection::vec(steps(), 0..200)) {
        let mut queue = Outbox::new(LIMITS, Duration::ZERO, 0);
        let mut last_id = 0;
        for (second, step) in steps.into_iter().enumerate() {
            take(&mut queue, &mut last_id, step, at(1000 * second as i64));
            let held = (queue.unsettled() - queue.unsettled_of(Purpose::Session)) as u64;
            let Counters { accepted, acknowledged, dropped, replaced, .. } = *queue.counters();
            prop_assert_eq!(accepted, acknowledged + dropped + replaced + held);
            prop_assert!(queue.in_flight() <= WINDOW);
        }
    }
}
