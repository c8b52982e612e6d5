//! The board while something was measured, what the measuring cost, and whether the result can be trusted.

use std::time::Duration;

use edgeval_wire as wire;
use wire::{Condition, Reading};

use super::wording;
use crate::clock::Moment;
use crate::probe::cpu::BoardTicks;
use crate::probe::{Probed, Roots, board, cpu, memory, temperature};

/// Other processes may take this share of all cores before a result is marked invalid.
const OTHER_LOAD_LIMIT: f64 = 0.25;

/// Looks at the board from its making until [`Watch::finish`].
#[derive(Debug)]
pub struct Watch {
    roots: Roots,
    started: Moment,
    ticks: Probed<BoardTicks>,
    process_time: Duration,
}

/// What was seen.
#[derive(Clone, Debug)]
pub struct Observed {
    /// How long it watched.
    pub elapsed: Duration,
    /// The board's state.
    pub board: wire::BoardState,
    /// This process's own cost.
    pub cost: wire::AgentCost,
    /// This process's share of the processor.
    pub processor: wire::Processor,
    /// Whether figures of this period can be trusted.
    pub validity: wire::Validity,
}

impl Watch {
    /// Starts to watch.
    #[must_use]
    pub fn start(roots: &Roots, now: Moment) -> Self {
        Self { roots: roots.clone(), started: now, ticks: BoardTicks::read(roots), process_time: cpu::process_time() }
    }

    /// Says what was seen. `inference_time` is the processor time that inference took meanwhile.
    #[must_use]
    pub fn finish(&self, now: Moment, inference_time: Duration) -> Observed {
        let elapsed = now.since(self.started);
        let process_time = cpu::process_time();
        let used = process_time.saturating_sub(self.process_time);
        let board = self.board(elapsed, used);
        let processor = wire::Processor {
            total_percent: percent_of_one_core(used, elapsed),
            above_inference_percent: percent_of_one_core(used.saturating_sub(inference_time), elapsed),
        };
        let cost = wire::AgentCost {
            cpu_percent: processor.above_inference_percent.clone(),
            cpu_time_ms: Reading::Value(u64::try_from(process_time.as_millis()).unwrap_or(u64::MAX)),
            memory: wording::memory(&memory::of_this_process(&self.roots)),
        };
        let validity = validity(&board);
        Observed { elapsed, board, cost, processor, validity }
    }

    fn board(&self, elapsed: Duration, used: Duration) -> wire::BoardState {
        let flags = board::throttling(&self.roots);
        let throttled = flags.clone().map(|flags| Condition {
            now: flags.throttled_now,
            since_boot: Reading::Value(flags.throttled_since_boot),
        });
        let under_voltage = flags
            .map(|flags| Condition {
                now: flags.under_voltage_now,
                since_boot: Reading::Value(flags.under_voltage_since_boot),
            })
            .or_else(|_| board::under_voltage_alarm(&self.roots).map(alarm));
        wire::BoardState {
            governor: wording::probed_text(cpu::governor(&self.roots)),
            cpu_frequency_khz: cpu::frequency_khz(&self.roots).into(),
            temperature_c: temperature::hottest_celsius(&self.roots).map(f64::from).into(),
            throttled: throttled.into(),
            under_voltage: under_voltage.into(),
            other_load_percent: self.other_load_percent(elapsed, used),
        }
    }

    /// What the whole board did, less what this process did, in percent of one core.
    fn other_load_percent(&self, elapsed: Duration, used: Duration) -> Reading<f64> {
        let share = self.ticks.clone().and_then(|before| Ok(BoardTicks::read(&self.roots)?.busy_share_since(&before)));
        match share {
            Ok(Some(share)) if !elapsed.is_zero() => {
                let ours = used.as_secs_f64() / elapsed.as_secs_f64();
                Reading::Value(100.0 * (share * cpu::cores() as f64 - ours).max(0.0))
            }
            Ok(_) => Reading::not_measured("too short a time to tell"),
            Err(error) => Reading::not_measured(&error.to_string()),
        }
    }
}

fn alarm(now: bool) -> Condition {
    Condition { now, since_boot: Reading::not_measured("the sensor tells the present only") }
}

fn percent_of_one_core(used: Duration, elapsed: Duration) -> Reading<f64> {
    let percent = 100.0 * used.as_secs_f64() / elapsed.as_secs_f64();
    Reading::or_reason(percent.is_finite().then_some(percent), "too short a time to tell")
}

/// The board's own reasons against trusting a figure.
fn validity(board: &wire::BoardState) -> wire::Validity {
    let now = |condition: &Reading<Condition>| condition.value().is_some_and(|condition| condition.now);
    let busy = board.other_load_percent.value().is_some_and(|percent| *percent > limit_percent());
    let reasons = [
        (now(&board.throttled), "throttled", "the clock is held down: cool the board or give it a stronger supply"),
        (
            now(&board.under_voltage),
            "under_voltage",
            "the supply is under its voltage: use a stronger one or a shorter cable",
        ),
        (busy, "other_load", "other processes use more than a quarter of the processor: stop them and measure again"),
    ];
    wire::Validity::of(reasons.into_iter().filter(|(holds, ..)| *holds).map(|(_, code, text)| (code, text)))
}

fn limit_percent() -> f64 {
    100.0 * OTHER_LOAD_LIMIT * cpu::cores() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm_board() -> wire::BoardState {
        let absent = || Reading::not_measured("not here");
        wire::BoardState {
            governor: Reading::not_measured("not here"),
            cpu_frequency_khz: Reading::not_measured("not here"),
            temperature_c: absent(),
            throttled: Reading::not_measured("not here"),
            under_voltage: Reading::not_measured("not here"),
            other_load_percent: Reading::Value(0.0),
        }
    }

    #[test]
    fn under_voltage_and_company_make_a_result_invalid() {
        assert!(validity(&calm_board()).valid);
        let weak = wire::BoardState {
            under_voltage: Reading::Value(Condition { now: true, since_boot: Reading::Value(true) }),
            other_load_percent: Reading::Value(limit_percent() + 1.0),
            ..calm_board()
        };
        let verdict = validity(&weak);
        let codes: Vec<&str> = verdict.reasons.iter().map(|reason| reason.code.as_str()).collect();
        assert_eq!((verdict.valid, codes), (false, vec!["under_voltage", "other_load"]));
    }

    #[test]
    fn trouble_in_the_past_is_told_but_not_held_against_the_present() {
        let past = Condition { now: false, since_boot: Reading::Value(true) };
        assert!(validity(&wire::BoardState { throttled: Reading::Value(past), ..calm_board() }).valid);
    }

    #[test]
    fn the_cost_of_this_very_process_is_seen() {
        let watch = Watch::start(&Roots::default(), Moment::now());
        let start = cpu::process_time();
        while cpu::process_time() < start + Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        let seen = watch.finish(Moment::now(), Duration::ZERO);
        assert!(seen.processor.total_percent.value().is_some_and(|percent| *percent > 1.0), "{seen:?}");
    }
}
