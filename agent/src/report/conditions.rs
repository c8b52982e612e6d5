//! The board while something was measured, what the measuring cost, and whether the result can be trusted.

use std::time::Duration;

use edgeval_wire as wire;
use wire::{Condition, Reading};

use super::wording;
use crate::clock::Moment;
use crate::probe::cpu::BoardTicks;
use crate::probe::pressure::{self, Pressure};
use crate::probe::throttling::{self, Trouble};
use crate::probe::{Probed, Roots, cpu, memory, power_mode, temperature};

/// Other processes may take this share of all cores before a result is marked invalid.
const OTHER_LOAD_LIMIT: f64 = 0.25;
/// Tasks may wait for memory in this share of the time, in percent.
const MEMORY_PRESSURE_LIMIT_PERCENT: f64 = 10.0;

/// Looks at the board from its making until [`Watch::finish`].
#[derive(Debug)]
pub struct Watch {
    roots: Roots,
    started: Moment,
    ticks: Probed<BoardTicks>,
    process_time: Duration,
    pressure: Probed<Pressure>,
    throttled: Probed<Trouble>,
    under_voltage: Probed<Trouble>,
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
        Self {
            roots: roots.clone(),
            started: now,
            ticks: BoardTicks::read(roots),
            process_time: cpu::process_time(),
            pressure: pressure::memory(roots),
            throttled: throttling::throttled(roots),
            under_voltage: throttling::under_voltage(roots),
        }
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
        let roots = &self.roots;
        wire::BoardState {
            governor: wording::probed_text(cpu::governor(roots)),
            cpu_frequency_khz: cpu::frequency_khz(roots).into(),
            cpu_frequency_maximum_khz: cpu::frequency_maximum_khz(roots).into(),
            cpu_frequency_limit_khz: cpu::frequency_limit_khz(roots).into(),
            temperature_c: temperature::hottest_celsius(roots).map(f64::from).into(),
            throttled: condition(&self.throttled, throttling::throttled(roots)),
            under_voltage: condition(&self.under_voltage, throttling::under_voltage(roots)),
            power_mode: wording::probed_text(power_mode::read(roots).map(|mode| mode.current.name)),
            memory_pressure_percent: self.memory_pressure_percent(elapsed),
            other_load_percent: self.other_load_percent(elapsed, used),
        }
    }

    fn memory_pressure_percent(&self, elapsed: Duration) -> Reading<f64> {
        let both = self.pressure.clone().and_then(|before| Ok((before, pressure::memory(&self.roots)?)));
        match both {
            Ok((before, after)) if !elapsed.is_zero() => {
                let waited_us = after.some_total_us.saturating_sub(before.some_total_us);
                Reading::Value((100.0 * waited_us as f64 / 1e6 / elapsed.as_secs_f64()).min(100.0))
            }
            Ok(_) => Reading::not_measured("too short a time to tell"),
            Err(error) => Reading::not_measured(&error.to_string()),
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

/// Trouble between two readings, and at the second.
fn condition(before: &Probed<Trouble>, after: Probed<Trouble>) -> Reading<Condition> {
    let both = before.clone().and_then(|before| Ok((before, after?)));
    let condition = |(before, after): (Trouble, Trouble)| Condition {
        now: after.now().into(),
        while_measured: after.since(before).into(),
        since_boot: after.since_boot().into(),
    };
    both.map(condition).into()
}

fn percent_of_one_core(used: Duration, elapsed: Duration) -> Reading<f64> {
    let percent = 100.0 * used.as_secs_f64() / elapsed.as_secs_f64();
    Reading::or_reason(percent.is_finite().then_some(percent), "too short a time to tell")
}

/// The board's own reasons against trusting a figure.
fn validity(board: &wire::BoardState) -> wire::Validity {
    let was = |condition: &Reading<Condition>| {
        condition.value().is_some_and(|condition| condition.while_measured == Reading::Value(true))
    };
    let above = |reading: &Reading<f64>, limit| reading.value().is_some_and(|percent| *percent > limit);
    let reasons = [
        (was(&board.throttled), "throttled", "the clock was held down: cool the board or give it a stronger supply"),
        (
            was(&board.under_voltage),
            "under_voltage",
            "the supply was under its voltage: use a stronger one or a shorter cable",
        ),
        (
            above(&board.other_load_percent, limit_percent()),
            "other_load",
            "other processes use more than a quarter of the processor: stop them and measure again",
        ),
        (
            above(&board.memory_pressure_percent, MEMORY_PRESSURE_LIMIT_PERCENT),
            "memory_pressure",
            "tasks waited for memory in more than a tenth of the time: stop others, or use a smaller model",
        ),
    ];
    wire::Validity::of(reasons.into_iter().filter(|(holds, ..)| *holds).map(|(_, code, text)| (code, text)))
}

fn limit_percent() -> f64 {
    100.0 * OTHER_LOAD_LIMIT * cpu::cores() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::trees::{fixture, tree_with, write};

    const FLAGS: &str = "sys/devices/platform/soc/soc:firmware/get_throttled";

    /// What a Raspberry Pi's flags before and after a measurement come to.
    fn measured_between(before: &str, after: &str) -> Observed {
        let (tree, roots) = tree_with(&[(FLAGS, before)]);
        let watch = Watch::start(&roots, Moment::now());
        write(tree.path(), FLAGS, after);
        watch.finish(Moment::now(), Duration::ZERO)
    }

    fn codes(validity: &wire::Validity) -> Vec<&str> {
        validity.reasons.iter().map(|reason| reason.code.as_str()).collect()
    }

    #[test]
    fn trouble_while_it_was_measured_makes_a_result_invalid() {
        assert_eq!(codes(&measured_between("0", "0").validity), [] as [&str; 0]);
        assert_eq!(codes(&measured_between("0", "10000").validity), ["under_voltage"]);
        assert_eq!(codes(&measured_between("0", "50005").validity), ["throttled", "under_voltage"]);
        assert_eq!(codes(&measured_between("80008", "80000").validity), ["throttled"]);
    }

    #[test]
    fn trouble_in_the_past_is_told_but_not_held_against_the_present() {
        let seen = measured_between("50000", "50000");
        assert!(seen.validity.valid, "{seen:?}");
        let throttled = seen.board.throttled.value().unwrap();
        assert_eq!((&throttled.now, &throttled.since_boot), (&Reading::Value(false), &Reading::Value(true)));
        // It may have happened again: the flag can't tell.
        assert_eq!(throttled.while_measured.value(), None);
    }

    #[test]
    fn other_load_and_memory_pressure_make_a_result_invalid() {
        let calm = measured_between("0", "0").board;
        let busy = wire::BoardState {
            other_load_percent: Reading::Value(limit_percent() + 1.0),
            memory_pressure_percent: Reading::Value(11.0),
            ..calm.clone()
        };
        assert_eq!(codes(&validity(&busy)), ["other_load", "memory_pressure"]);
        assert!(validity(&wire::BoardState { memory_pressure_percent: Reading::Value(9.0), ..calm }).valid);
    }

    #[test]
    fn memory_pressure_is_the_share_of_the_time() {
        let line = |total: u64| format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n");
        let (tree, roots) = tree_with(&[("proc/pressure/memory", &line(1_000_000))]);
        let start = Moment::from_nanoseconds(5_000_000_000);
        let watch = Watch::start(&roots, start);
        write(tree.path(), "proc/pressure/memory", &line(1_500_000));
        let seen = watch.finish(start.shifted(2_000_000_000), Duration::ZERO);
        assert_eq!(seen.board.memory_pressure_percent, Reading::Value(25.0));
        assert_eq!(codes(&seen.validity), ["memory_pressure"]);
    }

    #[test]
    fn a_jetson_s_state_has_its_mode_and_its_cap() {
        let board =
            Watch::start(&fixture("jetson-orin-nano"), Moment::now()).finish(Moment::now(), Duration::ZERO).board;
        assert_eq!(board.power_mode, Reading::Value(wire::text("15W")));
        assert_eq!(board.cpu_frequency_limit_khz, Reading::Value(1_510_400));
        assert_eq!(
            board.throttled.value().map(|throttled| throttled.while_measured.clone()),
            Some(Reading::Value(false))
        );
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
