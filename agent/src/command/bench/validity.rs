//! Whether a run counts: the board's reasons against it and the run's own, each with the next step.

use edgeval_wire as wire;

use super::MAXIMUM_QUERIES;
use super::plan::{Asked, Scenario};
use super::run::Run;
use super::soak::Soaked;

/// A code for programs, and words for people.
type Reason = (&'static str, String);

/// The verdict on a run.
pub fn of(run: &Run, asked: &Asked, board: &wire::Validity) -> wire::Validity {
    let stopped = || ("ended_early", "it was stopped before its end: run it again, and let it end".to_owned());
    let mut reasons: Vec<Reason> = run.ended_early.then(stopped).into_iter().collect();
    match (&run.soaked, asked.scenario) {
        (Some(soaked), Scenario::Soak) => reasons.extend(of_soak(soaked)),
        _ => reasons.extend(of_profile(run, asked)),
    }
    let own = reasons.iter().map(|(code, words)| (*code, words.as_str()));
    wire::Validity::of(own.chain(board.reasons.iter().map(|reason| (reason.code.as_str(), reason.text.as_str()))))
}

/// What a run lacks of its profile's least.
fn of_profile(run: &Run, asked: &Asked) -> Vec<Reason> {
    let (least, profile) = (asked.profile.least(), asked.profile.name());
    let mut reasons = Vec::new();
    if run.queries < least.queries {
        let words = format!(
            "{} queries, and profile {profile} wants {}: ask for more with --queries",
            run.queries, least.queries
        );
        reasons.push(("too_few_queries", words));
    }
    if run.elapsed < least.duration {
        let seconds = (run.elapsed.as_secs_f64(), least.duration.as_secs());
        let next = match run.queries {
            MAXIMUM_QUERIES.. => "more queries than that can't be kept: use profile quick, or --scenario offline",
            _ => "ask for more with --duration",
        };
        reasons.push((
            "too_short",
            format!("{:.1} seconds, and profile {profile} wants {}: {next}", seconds.0, seconds.1),
        ));
    }
    reasons
}

/// A soak tells how minutes differ, and is over when the board is as warm as it gets.
fn of_soak(soaked: &Soaked) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if soaked.whole_minutes() < 2 {
        let words = "fewer than two whole minutes, so nothing to compare: ask for more with --duration";
        reasons.push(("too_short", words.to_owned()));
    }
    if soaked.is_unsettled() {
        let words = "the temperature wasn't steady yet: ask for more with --duration";
        reasons.push(("not_steady", words.to_owned()));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::command::bench::plan::Profile;
    use crate::pipeline::Period;
    use crate::probe::ProbeError;

    fn run(queries: u64, seconds: f64) -> Run {
        Run {
            queries,
            elapsed: Duration::from_secs_f64(seconds),
            period: Period::new(),
            rss_peak_bytes: Err(ProbeError::Absent("not asked".to_owned())),
            times: None,
            soaked: None,
            ended_early: false,
        }
    }

    fn reasons(run: &Run, profile: Profile) -> Vec<(String, String)> {
        let asked = Asked::usual(Scenario::SingleStream, profile);
        let verdict = of(run, &asked, &wire::Validity::of([]));
        verdict.reasons.iter().map(|reason| (reason.code.to_string(), reason.text.to_string())).collect()
    }

    #[test]
    fn less_than_a_profile_s_least_is_not_valid_and_says_what_to_do() {
        assert_eq!(reasons(&run(64, 1.0), Profile::Quick), []);
        assert_eq!(reasons(&run(64, 600.0), Profile::Mlperf), []);
        let [(queries, ask), (time, wait)] = &reasons(&run(63, 599.9), Profile::Mlperf)[..] else { unreachable!() };
        assert_eq!((queries.as_str(), time.as_str()), ("too_few_queries", "too_short"));
        assert!(ask.contains("63 queries") && ask.contains("64") && ask.contains("--queries"), "{ask}");
        assert!(wait.contains("599.9 seconds") && wait.contains("600") && wait.contains("--duration"), "{wait}");
        let [(_, full)] = &reasons(&run(MAXIMUM_QUERIES, 9.0), Profile::Mlperf)[..] else { unreachable!() };
        assert!(full.contains("can't be kept"), "{full}");
    }

    #[test]
    fn what_somebody_stopped_says_so_first() {
        let stopped = Run { ended_early: true, ..run(9, 0.5) };
        let codes: Vec<String> = reasons(&stopped, Profile::Quick).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["ended_early", "too_few_queries", "too_short"]);
    }
}
