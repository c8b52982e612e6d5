//! What the board takes: a thread reads its best power source now and then, and adds up.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use edgeval_measure::{EnergyPerInference, EnergyTrace, energy_per_inference};
use edgeval_wire as wire;
use serde::Serialize;
use wire::Reading;

use super::wording::figure;
use crate::clock::Moment;
use crate::probe::power::{self, PowerReading, Source};
use crate::probe::{Probed, Roots};

/// Readings in a row that may fail before a period has no figure.
const FAILURES: u32 = 3;

/// Reads a source from its making until [`Meter::finish`].
#[derive(Debug)]
pub struct Meter {
    source: Source,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    trace: EnergyTrace,
    latest_watts: Option<f64>,
    /// Failures in a row, and the first that made too many.
    failed: u32,
    trouble: Option<String>,
    ended: bool,
}

impl State {
    fn new() -> Self {
        Self { trace: EnergyTrace::new(), ..Self::default() }
    }

    /// Adds a reading. One that fails leaves a gap over which the power is taken as a straight line; several in a row are trouble.
    fn add(&mut self, now: Moment, reading: Probed<PowerReading>, ranges: &[u64]) {
        let seconds = now.nanoseconds() as f64 / 1e9;
        let before = (self.trace.seconds(), self.trace.joules());
        match reading {
            Ok(PowerReading::Watts(watts)) => self.trace.add_watts(seconds, watts),
            Ok(PowerReading::Microjoules(counters)) => self.trace.add_microjoules(seconds, &counters, ranges),
            Err(error) => {
                self.failed += 1;
                if self.failed >= FAILURES {
                    self.trouble.get_or_insert(error.to_string());
                }
                return;
            }
        }
        self.failed = 0;
        let elapsed = self.trace.seconds() - before.0;
        if elapsed > 0.0 {
            self.latest_watts = Some((self.trace.joules() - before.1) / elapsed);
        }
    }
}

/// What a period took.
#[derive(Clone, Debug)]
pub struct Metered {
    /// Who says so.
    pub source: Source,
    /// Energy over time, or why there is none.
    pub trace: Result<EnergyTrace, String>,
}

impl Meter {
    /// Starts to read the board's best source. `attentive`: often, because something is measured.
    ///
    /// # Errors
    /// When the board has no source that answers.
    pub fn start(roots: &Roots, attentive: bool) -> Probed<Self> {
        Ok(Self::of(power::best(roots)?, attentive))
    }

    /// Starts to read this source.
    #[must_use]
    pub fn of(source: Source, attentive: bool) -> Self {
        let shared = Arc::new(Shared { state: Mutex::new(State::new()), wake: Condvar::new() });
        shared.take(&source);
        let (reader, of_reader, pause) = (Arc::clone(&shared), source.clone(), source.pause(attentive));
        let thread = std::thread::Builder::new().name("power".to_owned());
        // Without a thread the first and the last reading remain: too few, and that is said.
        let thread = thread.spawn(move || reader.read_until_ended(&of_reader, pause)).ok();
        Self { source, shared, thread }
    }

    /// What was read so far, without reading anew: whoever asks isn't held up.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let state = self.shared.state();
        let silent = state.trouble.clone().filter(|_| state.failed >= FAILURES);
        Totals {
            joules: state.trace.joules(),
            seconds: state.trace.seconds(),
            latest_watts: state.latest_watts,
            silent,
        }
    }

    /// Reads a last time and gives what it came to.
    #[must_use]
    pub fn finish(self) -> Metered {
        self.shared.take(&self.source);
        let state = std::mem::take(&mut *self.shared.state());
        Metered { source: self.source.clone(), trace: state.trouble.map_or(Ok(state.trace), Err) }
    }
}

/// What a meter read so far.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    joules: f64,
    seconds: f64,
    latest_watts: Option<f64>,
    /// Why nothing is read any more.
    silent: Option<String>,
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads once. Under the lock: a counter's readings must come in their order.
    fn take(&self, source: &Source) {
        let mut state = self.state();
        let reading = source.read();
        state.add(Moment::now(), reading, &source.ranges());
    }

    fn read_until_ended(&self, source: &Source, pause: Duration) {
        loop {
            let waited = self.wake.wait_timeout_while(self.state(), pause, |state| !state.ended);
            if waited.unwrap_or_else(PoisonError::into_inner).0.ended {
                return;
            }
            self.take(source);
        }
    }
}

/// Energy of an inference in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct EnergyFigures {
    /// Who says so; none without a source.
    pub source: Option<String>,
    /// `measured`, `estimated` or `unavailable`.
    pub quality: &'static str,
    /// What the source covers.
    pub covers: Option<&'static str>,
    /// Gross and net of idle.
    #[serde(flatten)]
    pub figures: EnergyPerInference,
}

impl EnergyFigures {
    /// Of inferences that ran one after the other while `busy` was metered, and none while `idle` was.
    #[must_use]
    pub fn of(busy: &Probed<Metered>, idle: Result<&Metered, &str>, inferences: u64) -> Self {
        let busy = match busy {
            Ok(busy) => busy,
            Err(error) => return Self::unavailable(&error.to_string()),
        };
        let idle = idle.and_then(|idle| idle.trace.as_ref().map_err(String::as_str));
        let figures = match &busy.trace {
            Ok(trace) => energy_per_inference(trace, idle, inferences),
            Err(reason) => EnergyPerInference::not_measured(reason),
        };
        let Source { label, quality, covers, .. } = &busy.source;
        Self { source: Some(label.clone()), quality: quality.as_str(), covers: Some(*covers), figures }
    }

    /// None, for this reason.
    #[must_use]
    pub fn unavailable(reason: &str) -> Self {
        let figures = EnergyPerInference::not_measured(reason);
        Self { source: None, quality: "unavailable", covers: None, figures }
    }

    /// The same for a message.
    #[must_use]
    pub fn to_wire(&self) -> Reading<wire::Energy> {
        let EnergyPerInference { gross_mj, net_mj } = &self.figures;
        let energy = |source: &String| wire::Energy {
            source: wire::text(source),
            quality: wire::text(self.quality),
            gross_mj: figure(gross_mj),
            net_mj: figure(net_mj),
        };
        Reading::or_reason(self.source.as_ref().map(energy), "this board has no power source that answers")
    }
}

const NO_READING: &str = "no power was read in this period";

/// A meter for as long as the daemon runs, and what its periods came to.
#[derive(Debug)]
pub struct PowerWatch {
    meter: Probed<Meter>,
    period: Totals,
}

impl PowerWatch {
    /// Starts to read, seldom.
    #[must_use]
    pub fn start(roots: &Roots) -> Self {
        Self { meter: Meter::start(roots, false), period: Totals::default() }
    }

    /// Power between the newest two readings.
    #[must_use]
    pub fn latest(&self) -> Reading<wire::Power> {
        self.word(|totals| totals.latest_watts)
    }

    /// Mean power since the last call.
    #[must_use]
    pub fn end_period(&mut self) -> Reading<wire::Power> {
        let begin = std::mem::take(&mut self.period);
        if let Ok(meter) = &self.meter {
            self.period = meter.totals();
        }
        let seconds = self.period.seconds - begin.seconds;
        let watts = (self.period.joules - begin.joules) / seconds;
        self.word(|_| (seconds > 0.0).then_some(watts))
    }

    fn word(&self, pick: impl Fn(&Totals) -> Option<f64>) -> Reading<wire::Power> {
        let meter = match &self.meter {
            Ok(meter) => meter,
            Err(error) => return Reading::not_measured(&error.to_string()),
        };
        let totals = meter.totals();
        if let Some(reason) = totals.silent {
            return Reading::not_measured(&reason);
        }
        let Source { label, quality, .. } = &meter.source;
        let watts = pick(&totals).filter(|watts| *watts > 0.0);
        let power = |watts| wire::Power { watts, source: wire::text(label), quality: wire::text(quality.as_str()) };
        Reading::or_reason(watts.map(power), NO_READING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::trees::{fixture, tree_with, write};

    const ZONE: &str = "sys/class/powercap/intel-rapl:0";

    #[test]
    fn a_counter_s_energy_is_divided_by_inferences() {
        let range = "1000000";
        let (tree, roots) = tree_with(&[
            (&format!("{ZONE}/name"), "package-0"),
            (&format!("{ZONE}/energy_uj"), "900000"),
            (&format!("{ZONE}/max_energy_range_uj"), range),
        ]);
        let meter = Meter::of(power::best(&roots).unwrap(), true);
        // Readings that make 20 pieces, whatever the machine is busy with.
        for step in 1..=40_u64 {
            write(tree.path(), &format!("{ZONE}/energy_uj.new"), &((900_000 + step * 10_000) % 1_000_001).to_string());
            let zone = tree.path().join(ZONE);
            std::fs::rename(zone.join("energy_uj.new"), zone.join("energy_uj")).unwrap();
            meter.shared.take(&meter.source);
        }
        let energy = EnergyFigures::of(&Ok(meter.finish()), Err("not asked"), 100);
        assert_eq!((energy.source.as_deref(), energy.quality), (Some("rapl:package-0"), "estimated"));
        let gross = energy.figures.gross_mj.figure().unwrap();
        assert!((gross.value - 4.0).abs() < 1e-6, "{gross:?}");
        assert_eq!(gross.n, 100);
    }

    #[test]
    fn a_board_without_a_source_says_so_and_never_zero() {
        let energy =
            EnergyFigures::of(&Meter::start(&fixture("raspberry-pi-4"), true).map(Meter::finish), Err("no"), 5);
        assert_eq!(energy.quality, "unavailable");
        let json = serde_json::to_string(&energy).unwrap();
        assert!(json.contains("no power sensor") && !json.contains("\"value\""), "{json}");
    }

    #[test]
    fn a_source_that_falls_silent_is_no_figure() {
        let (tree, roots) = tree_with(&[
            (&format!("{ZONE}/name"), "package-0"),
            (&format!("{ZONE}/energy_uj"), "5"),
            (&format!("{ZONE}/max_energy_range_uj"), "100"),
        ]);
        let meter = Meter::of(power::best(&roots).unwrap(), true);
        std::fs::remove_file(tree.path().join(ZONE).join("energy_uj")).unwrap();
        for _ in 0..FAILURES {
            meter.shared.take(&meter.source);
        }
        let reason = meter.finish().trace.unwrap_err();
        assert!(reason.contains("energy_uj"), "{reason}");
    }

    #[test]
    fn a_sensor_s_power_is_told_with_its_source() {
        let mut watch = PowerWatch::start(&fixture("jetson-orin-nano"));
        if let Ok(meter) = &watch.meter {
            meter.shared.take(&meter.source);
        }
        for reading in [watch.latest(), watch.end_period()] {
            let power = reading.value().cloned().unwrap();
            assert!((power.watts - 4.952 * 1.016).abs() < 1e-6, "{power:?}");
            assert_eq!((power.source.as_str(), power.quality.as_str()), ("ina3221:VDD_IN", "measured"));
        }
        assert_eq!(PowerWatch::start(&fixture("raspberry-pi-4")).latest().value(), None);
    }
}
