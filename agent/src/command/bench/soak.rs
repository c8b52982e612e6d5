//! Soak: a single stream until the board is as warm as it gets, told minute by minute.

use std::time::Duration;

use edgeval_measure::{STEADY_KELVINS, STEADY_MINUTES, SoakClock, SoakDrift, SoakMinute, is_steady};
use edgeval_models::Model;
use edgeval_wire as wire;
use serde::Serialize;
use wire::Reading;

use super::run::{Run, Task};
use crate::clock::Moment;
use crate::measurement::Number;
use crate::pipeline::Period;
use crate::probe::throttling::Trouble;
use crate::probe::{Probed, Roots, cpu, memory, temperature, throttling};

/// The frequency is read so often, between queries.
const BETWEEN_READINGS: Duration = Duration::from_secs(1);

/// What a soak came to.
#[derive(Debug, Serialize)]
pub struct Soaked {
    /// Minute by minute; the last may be cut short.
    pub minutes: Vec<Minute>,
    /// Whether the temperature was steady at the end.
    pub steady: Number<bool>,
    /// What counts as steady.
    pub steady_means: SteadyMeans,
    /// The last whole minute against the first.
    pub last_to_first: Number<SoakDrift>,
}

/// What counts as steady: temperatures at the ends of so many minutes lie within so much.
#[derive(Debug, Serialize)]
pub struct SteadyMeans {
    pub minutes: usize,
    pub within_kelvins: f64,
}

/// A minute's queries, and the board meanwhile.
#[derive(Debug, Serialize)]
pub struct Minute {
    /// Its queries.
    #[serde(flatten)]
    pub queries: SoakMinute,
    /// The hottest zone at its end, in degrees Celsius.
    pub temperature_c: Number<f64>,
    /// The lowest of readings a second apart, of the first processor.
    pub lowest_cpu_frequency_khz: Number<u64>,
    /// Whether the clock was held down.
    pub throttled: Number<bool>,
}

impl Soaked {
    fn of(minutes: Vec<Minute>) -> Self {
        let queries: Vec<SoakMinute> = minutes.iter().map(|minute| minute.queries).collect();
        let last_to_first = Reading::or_reason(SoakDrift::of(&queries), "fewer than two whole minutes were measured");
        let steady_means = SteadyMeans { minutes: STEADY_MINUTES, within_kelvins: STEADY_KELVINS };
        Self { steady: steady(&minutes), steady_means, last_to_first: last_to_first.into(), minutes }
    }

    /// Whether the board tells its temperature, and it isn't known to be steady.
    pub fn is_unsettled(&self) -> bool {
        let tells = self.minutes.iter().all(|minute| matches!(minute.temperature_c, Number::Value(_)));
        tells && !matches!(self.steady, Number::Value(true))
    }

    /// Whole minutes.
    pub fn whole_minutes(&self) -> usize {
        self.minutes.iter().filter(|minute| minute.queries.whole).count()
    }
}

/// Whether the temperature is; a board that doesn't tell its own has the reason.
fn steady(minutes: &[Minute]) -> Number<bool> {
    let whole = || minutes.iter().filter(|minute| minute.queries.whole);
    let mut temperatures = Vec::new();
    for minute in whole().skip(whole().count().saturating_sub(STEADY_MINUTES)) {
        match &minute.temperature_c {
            Number::Value(celsius) => temperatures.push(*celsius),
            Number::Absent { not_measured } => return Number::Absent { not_measured: not_measured.clone() },
        }
    }
    Reading::or_reason(is_steady(&temperatures), "fewer than five whole minutes were measured").into()
}

/// Asks until the temperature is steady, or the time is over.
///
/// # Errors
/// When inference fails.
pub fn run(model: &mut Model, task: &Task<'_>) -> anyhow::Result<Run> {
    let (mut clock, mut period, mut minutes) = (SoakClock::new(), Period::new(), Vec::new());
    let mut board = Board::start(task.roots);
    let (mut queries, started) = (0, Moment::now());
    let elapsed = loop {
        let answered = task.query.ask(model)?;
        answered.count_in(&mut period);
        queries += 1;
        let elapsed = Moment::now().since(started);
        board.look(task.roots, elapsed);
        let latency_us = answered.latency.as_nanos() as f64 / 1e3;
        let ended = clock.record(elapsed.as_secs_f64(), latency_us);
        let is_settled = ended.is_some_and(|minute| {
            minutes.push(board.minute(task.roots, minute));
            matches!(steady(&minutes), Number::Value(true))
        });
        task.progress.show(task.goal.share(queries, elapsed));
        if is_settled || task.goal.is_reached(queries, elapsed) || task.stop.requested() {
            break elapsed;
        }
    };
    let ended_early = task.stop.requested();
    minutes.extend(clock.cut(elapsed.as_secs_f64()).map(|rest| board.minute(task.roots, rest)));
    let rss_peak_bytes = memory::of_this_process(task.roots).map(|memory| memory.rss_peak_bytes);
    let soaked = Some(Soaked::of(minutes));
    Ok(Run { queries, elapsed, period, rss_peak_bytes, times: None, soaked, ended_early })
}

/// The board within a minute.
struct Board {
    looked: Duration,
    lowest_khz: Probed<u64>,
    throttled: Probed<Trouble>,
}

impl Board {
    fn start(roots: &Roots) -> Self {
        Self { looked: Duration::ZERO, lowest_khz: cpu::frequency_khz(roots), throttled: throttling::throttled(roots) }
    }

    /// Reads the frequency, not too often.
    fn look(&mut self, roots: &Roots, elapsed: Duration) {
        if elapsed.saturating_sub(self.looked) >= BETWEEN_READINGS {
            self.looked = elapsed;
            let lowest = self.lowest_khz.clone();
            self.lowest_khz = lowest.and_then(|lowest| Ok(cpu::frequency_khz(roots)?.min(lowest)));
        }
    }

    /// Ends the minute, and begins the next.
    fn minute(&mut self, roots: &Roots, queries: SoakMinute) -> Minute {
        let next = Self { looked: self.looked, ..Self::start(roots) };
        let Self { lowest_khz, throttled, .. } = std::mem::replace(self, next);
        let throttled = throttled.and_then(|before| Ok((before, self.throttled.clone()?)));
        let throttled = throttled.map_err(|error| error.to_string());
        let throttled = throttled.and_then(|(before, after)| after.since(before).map_err(str::to_owned));
        let celsius = temperature::hottest_celsius(roots).map(f64::from);
        Minute {
            queries,
            temperature_c: Reading::from(celsius).into(),
            lowest_cpu_frequency_khz: Reading::from(lowest_khz).into(),
            throttled: Reading::from(throttled).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::trees::{tree_with, write};

    const ZONE: &str = "sys/class/thermal/thermal_zone0/temp";
    const FREQUENCY: &str = "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq";
    const FLAGS: &str = "sys/devices/platform/soc/soc:firmware/get_throttled";
    const QUERIES: SoakMinute = SoakMinute {
        seconds: 60.0,
        whole: true,
        queries: 9,
        p50_us: 5.0,
        p90_us: 6.0,
        p99_us: 7.0,
        throughput_per_s: 0.15,
    };

    #[test]
    fn a_minute_has_the_board_s_lowest_frequency_and_its_own_throttling() {
        let (tree, roots) = tree_with(&[(ZONE, "50500"), (FREQUENCY, "1500000"), (FLAGS, "0")]);
        let mut board = Board::start(&roots);
        write(tree.path(), FREQUENCY, "600000");
        board.look(&roots, Duration::from_millis(900));
        board.look(&roots, Duration::from_millis(1100));
        write(tree.path(), FREQUENCY, "1500000");
        write(tree.path(), FLAGS, "40004");
        board.look(&roots, Duration::from_millis(2200));
        let hot = board.minute(&roots, QUERIES);
        assert!(matches!(hot.lowest_cpu_frequency_khz, Number::Value(600_000)), "{hot:?}");
        assert!(matches!((&hot.throttled, &hot.temperature_c), (Number::Value(true), Number::Value(50.5))), "{hot:?}");
        let next = board.minute(&roots, QUERIES);
        assert!(matches!(next.lowest_cpu_frequency_khz, Number::Value(1_500_000)), "a minute begins anew: {next:?}");
    }

    fn soaked(temperatures_c: &[Option<f64>]) -> Soaked {
        let (_tree, roots) = tree_with(&[]);
        let minute = |celsius: &Option<f64>| Minute {
            temperature_c: Reading::or_reason(*celsius, "no thermal zone").into(),
            ..Board::start(&roots).minute(&roots, QUERIES)
        };
        Soaked::of(temperatures_c.iter().map(minute).collect())
    }

    #[test]
    fn only_a_board_that_tells_its_temperature_can_be_unsettled() {
        assert!(soaked(&[Some(50.0); 4]).is_unsettled(), "too few minutes");
        assert!(soaked(&[40.0, 44.0, 47.0, 49.0, 50.0].map(Some)).is_unsettled());
        let settled = soaked(&[40.0, 44.0, 49.0, 49.0, 50.0, 49.5, 50.0].map(Some));
        assert!(!settled.is_unsettled() && matches!(settled.steady, Number::Value(true)));
        let mute = soaked(&[None; 6]);
        assert!(!mute.is_unsettled());
        let json = serde_json::to_value(&mute).unwrap();
        assert_eq!(json["steady"], serde_json::json!({"not_measured": "no thermal zone"}));
        assert_eq!((&json["minutes"][0]["p90_us"], &json["last_to_first"]["p90_ratio"]), (&6.0.into(), &1.0.into()));
    }
}
