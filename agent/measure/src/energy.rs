//! Energy from power sensors and energy counters.

use crate::{Figure, Measured};

/// Points that are kept; more readings are joined.
const POINTS: usize = 4096;
/// Pieces of equal time whose scatter tells how sure the mean power is.
const PIECES: usize = 20;
/// Student's t for 19 degrees of freedom, two-sided 95 %.
const STUDENT_T: f64 = 2.093_024;
/// A sensor of power is watched for as long as this (MLPerf Power), or read as often as below.
const LEAST_SECONDS: f64 = 60.0;
const LEAST_READINGS_PER_S: f64 = 350.0;

/// Energy over time, from readings one after the other: at most 4,096 points, however long it takes.
#[derive(Clone, Debug, Default)]
pub struct EnergyTrace {
    /// Seconds since the first reading, joules since then.
    points: Vec<(f64, f64)>,
    started: Option<f64>,
    last: Option<Last>,
    joules: f64,
    seconds: f64,
    readings: u64,
    /// Every so many readings is a point.
    stride: u64,
    counts: bool,
}

#[derive(Clone, Debug)]
enum Last {
    Watts(f64),
    Microjoules(Vec<u64>),
}

impl EnergyTrace {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self { stride: 1, ..Self::default() }
    }

    /// Adds a power sensor's reading at a time in seconds: E = Σ ½(Pᵢ + Pᵢ₊₁)Δt.
    pub fn add_watts(&mut self, at_s: f64, watts: f64) {
        let elapsed = self.elapsed(at_s);
        if let Some(Last::Watts(before)) = &self.last {
            self.joules += 0.5 * (before + watts) * (elapsed - self.seconds);
        }
        self.last = Some(Last::Watts(watts));
        self.keep(elapsed);
    }

    /// Adds counters of energy, in microjoules, read at a time in seconds. A counter that is less than before has begun anew
    /// after its range of `ranges` (Linux powercap: `max_energy_range_uj` is the last value before 0).
    ///
    /// Counters and ranges should be as many, and in one order, at every reading: one that has no range, or wasn't read the time before, adds
    /// nothing.
    pub fn add_microjoules(&mut self, at_s: f64, counters: &[u64], ranges: &[u64]) {
        let elapsed = self.elapsed(at_s);
        if let Some(Last::Microjoules(before)) = &self.last {
            let pairs = before.iter().zip(counters).zip(ranges);
            self.joules +=
                pairs.map(|((before, now), range)| difference(*before, *now, *range) as f64 / 1e6).sum::<f64>();
        }
        self.counts = true;
        self.last = Some(Last::Microjoules(counters.to_vec()));
        self.keep(elapsed);
    }

    fn elapsed(&mut self, at_s: f64) -> f64 {
        (at_s - *self.started.get_or_insert(at_s)).max(self.seconds)
    }

    fn keep(&mut self, elapsed: f64) {
        self.seconds = elapsed;
        if self.readings.is_multiple_of(self.stride) {
            self.points.push((elapsed, self.joules));
        }
        self.readings += 1;
        if self.points.len() > POINTS {
            let mut place = 0;
            self.points.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// From the first reading to the last.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Energy from the first reading to the last.
    #[must_use]
    pub fn joules(&self) -> f64 {
        self.joules
    }

    /// Mean power with the standard error that its scatter over 20 pieces of equal time gives (method of batch means: neighbouring
    /// readings aren't independent).
    ///
    /// # Errors
    /// When there are too few readings, or no energy flowed.
    pub fn mean_watts(&self) -> Result<MeanPower, String> {
        if self.readings <= PIECES as u64 || self.seconds <= 0.0 {
            return Err(format!("{} readings of power are too few: measure longer", self.readings));
        }
        if self.joules <= 0.0 {
            return Err("the power sensor stands still at 0".to_owned());
        }
        let piece = self.seconds / PIECES as f64;
        let edges: Vec<f64> = (0..=PIECES).map(|number| self.joules_until(piece * number as f64)).collect();
        let mean = self.joules / self.seconds;
        let squares = edges.windows(2).map(|pair| ((pair[1] - pair[0]) / piece - mean).powi(2));
        let variance = squares.sum::<f64>() / (PIECES - 1) as f64;
        Ok(MeanPower { watts: mean, standard_error_watts: (variance / PIECES as f64).sqrt() })
    }

    /// Joules until a moment, on straight lines between points.
    fn joules_until(&self, seconds: f64) -> f64 {
        let end = (self.seconds, self.joules);
        let after = self.points.partition_point(|point| point.0 < seconds);
        let (right, left) = (
            self.points.get(after).copied().unwrap_or(end),
            after.checked_sub(1).and_then(|before| self.points.get(before)),
        );
        let left = left.copied().unwrap_or((0.0, 0.0));
        let width = right.0 - left.0;
        if width <= 0.0 { right.1 } else { left.1 + (right.1 - left.1) * (seconds - left.0) / width }
    }

    /// Whether the readings make a figure: counters count by themselves; sensors of power need 60 seconds or 350 readings a second.
    fn suffices(&self) -> Result<(), String> {
        let enough = self.seconds >= LEAST_SECONDS || self.readings as f64 >= LEAST_READINGS_PER_S * self.seconds;
        if self.counts || enough {
            return Ok(());
        }
        Err(format!(
            "a power sensor needs {LEAST_SECONDS} s of inference one after the other; there were {:.1} s",
            self.seconds
        ))
    }
}

/// What a counter counted between two readings.
fn difference(before: u64, now: u64, range: u64) -> u64 {
    now.checked_sub(before).unwrap_or_else(|| range.saturating_sub(before).saturating_add(now).saturating_add(1))
}

/// Mean power, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanPower {
    /// In watts.
    pub watts: f64,
    /// Its standard error, in watts.
    pub standard_error_watts: f64,
}

/// Energy of an inference, gross and net of idle.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct EnergyPerInference {
    /// Everything that the source covers, in millijoules.
    pub gross_mj: Measured,
    /// The same above what it took while idle, in millijoules.
    pub net_mj: Measured,
}

impl EnergyPerInference {
    /// No figures, for this reason.
    #[must_use]
    pub fn not_measured(reason: &str) -> Self {
        Self { gross_mj: Measured::not_measured(reason), net_mj: Measured::not_measured(reason) }
    }
}

/// The energy of `inferences` that ran one after the other while `busy` was taken; `idle` was taken while none ran.
///
/// Intervals (95 %) hold what the scatter of power over time leaves uncertain, not the sensor's own error. `n` counts inferences.
#[must_use]
pub fn energy_per_inference(
    busy: &EnergyTrace,
    idle: Result<&EnergyTrace, &str>,
    inferences: u64,
) -> EnergyPerInference {
    let power = match busy.suffices().and_then(|()| busy.mean_watts()) {
        Ok(_) if inferences == 0 => return EnergyPerInference::not_measured("no inference ran"),
        Ok(power) => power,
        Err(reason) => return EnergyPerInference::not_measured(&reason),
    };
    let figure = |watts: f64, error_watts: f64| {
        let millijoules = |watts: f64| 1e3 * watts * busy.seconds / inferences as f64;
        let (low, high) = (watts - STUDENT_T * error_watts, watts + STUDENT_T * error_watts);
        let (value, low, high) = (millijoules(watts), millijoules(low), millijoules(high));
        Measured::Figure(Figure { value, low, high, n: inferences })
    };
    let net = match idle.map_err(str::to_owned).and_then(EnergyTrace::mean_watts) {
        Err(reason) => Measured::not_measured(&reason),
        Ok(idle) if idle.watts >= power.watts => {
            Measured::not_measured("the board took no more while it worked than while it was idle")
        }
        Ok(idle) => figure(power.watts - idle.watts, power.standard_error_watts.hypot(idle.standard_error_watts)),
    };
    EnergyPerInference { gross_mj: figure(power.watts, power.standard_error_watts), net_mj: net }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on fails")]
mod tests {
    use super::*;

    fn steady(watts: f64, seconds: u32, a_second: u32) -> EnergyTrace {
        let mut trace = EnergyTrace::new();
        for reading in 0..=seconds * a_second {
            trace.add_watts(7.0 + f64::from(reading) / f64::from(a_second), watts);
        }
        trace
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn power_is_summed_by_trapezoids() {
        let mut trace = EnergyTrace::new();
        for (at, watts) in [(10.0, 2.0), (11.0, 4.0), (13.0, 4.0), (13.5, 0.0)] {
            trace.add_watts(at, watts);
        }
        near(trace.joules(), 3.0 + 8.0 + 1.0);
        near(trace.seconds(), 3.5);
    }

    #[test]
    fn a_counter_that_begins_anew_loses_nothing() {
        let mut trace = EnergyTrace::new();
        let range = 262_143_328_850;
        for (at, counter) in [(0.0, range - 4_999_999), (1.0, 0), (2.0, 1_000_000)] {
            trace.add_microjoules(at, &[counter, counter], &[range, range]);
        }
        near(trace.joules(), 2.0 * 6.0);
    }

    #[test]
    fn a_counter_without_a_range_or_a_reading_before_adds_nothing() {
        let mut trace = EnergyTrace::new();
        trace.add_microjoules(0.0, &[0], &[u64::MAX]);
        trace.add_microjoules(1.0, &[1_000_000, 7_000_000], &[u64::MAX; 2]);
        trace.add_microjoules(2.0, &[2_000_000, 9_000_000], &[u64::MAX]);
        near(trace.joules(), 2.0);
    }

    #[test]
    fn energy_is_gross_and_net_of_idle() {
        let energy = energy_per_inference(&steady(6.0, 60, 10), Ok(&steady(2.0, 5, 10)), 1200);
        let (gross, net) = (*energy.gross_mj.figure().unwrap(), *energy.net_mj.figure().unwrap());
        near(gross.value, 6.0 * 60.0 / 1200.0 * 1e3);
        near(net.value, 4.0 * 60.0 / 1200.0 * 1e3);
        near(gross.high - gross.low, 0.0);
        assert_eq!((gross.n, net.n), (1200, 1200));
    }

    #[test]
    fn the_interval_is_that_of_batch_means() {
        let mut trace = EnergyTrace::new();
        let mut counter = 0;
        for piece in 0..=20_u64 {
            trace.add_microjoules(piece as f64, &[counter], &[u64::MAX]);
            counter += if piece % 2 == 0 { 4_000_000 } else { 6_000_000 };
        }
        let power = trace.mean_watts().unwrap();
        near(power.watts, 5.0);
        near(power.standard_error_watts, (20.0_f64 / 19.0).sqrt() / 20.0_f64.sqrt());
        let energy = energy_per_inference(&trace, Err("not idle"), 1000);
        let gross = *energy.gross_mj.figure().unwrap();
        near(gross.high - gross.value, STUDENT_T * power.standard_error_watts * 20.0);
        assert_eq!(energy.net_mj, Measured::not_measured("not idle"));
    }

    #[test]
    fn what_doesn_t_suffice_is_absent_with_its_reason() {
        let reason = |trace: &EnergyTrace, inferences| {
            let Measured::NotMeasured { reason } = energy_per_inference(trace, Err("no"), inferences).gross_mj else {
                return String::new();
            };
            reason
        };
        assert!(reason(&steady(6.0, 59, 10), 100).contains("needs 60 s"));
        assert_eq!(reason(&steady(6.0, 1, 400), 100), "");
        assert!(reason(&steady(0.0, 60, 10), 100).contains("stands still"));
        assert!(reason(&steady(6.0, 60, 10), 0).contains("no inference"));
        assert!(reason(&EnergyTrace::new(), 5).contains("too few"));
        let more_while_idle = energy_per_inference(&steady(2.0, 60, 10), Ok(&steady(6.0, 60, 10)), 10);
        assert!(more_while_idle.net_mj.figure().is_none() && more_while_idle.gross_mj.figure().is_some());
    }

    #[test]
    fn weeks_take_no_more_room_than_minutes() {
        let trace = steady(3.0, 40_000, 1);
        assert!(trace.points.len() <= POINTS + 1);
        near(trace.joules(), 120_000.0);
        near(trace.mean_watts().unwrap().standard_error_watts, 0.0);
    }
}
