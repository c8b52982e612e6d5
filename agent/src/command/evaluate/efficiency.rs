//! What an inference costs: windows of the set, one after the other, with nothing else at work.

use std::collections::BTreeMap;
use std::time::Duration;

use edgeval_calibration::Evaluation;
use edgeval_measure::{
    Budgeted, Efficiency, Figure, HistogramBin, Measured, bootstrap, efficiency, histogram, percentile,
    resample_clusters,
};
use edgeval_models::{Model, Prediction, Window};
use edgeval_wire as wire;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde::Serialize;

use super::observer::Watcher;
use crate::clock::Moment;
use crate::pipeline::{self, Answer, Period};
use crate::probe::{Roots, memory, power};
use crate::report::conditions::{Observed, Watch};
use crate::report::energy::{EnergyFigures, Meter};
use crate::report::wording;

/// Windows that are timed at most.
const TIMED: usize = 200;
/// Timing takes no longer, but for the least number of windows.
const LONGEST: Duration = Duration::from_secs(10);
/// Windows that are timed at least, however slow the model is.
const TIMED_AT_LEAST: usize = 3;
/// Windows that are answered before any is timed.
const WARM_UP: usize = 3;
/// Windows that are read before they are timed, with all cores.
const READ_AT_ONCE: usize = 8;
/// Memory is read once in so many windows, between them: a reading takes a millisecond.
const READ_EVERY: usize = 100;
/// Resamples of the latency's interval.
const RESAMPLES: usize = 1000;

/// Windows that energy is measured with: they wait in memory, so that files aren't in it.
const ENERGY_WINDOWS: usize = 8;
/// How long energy is measured: a counter needs no longer, a power sensor 60 seconds.
const ENERGY_BY_COUNTER: Duration = Duration::from_secs(2);
const ENERGY_BY_SENSOR: Duration = Duration::from_secs(61);

/// Bins of the latencies' histogram.
const BINS: usize = 30;

/// What one inference may cost.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Budgets {
    /// Latency budget of the scorecard, in milliseconds at the 99th percentile
    #[arg(long, default_value_t = 100.0, value_name = "MS", value_parser = parse_budget)]
    latency_budget_ms: f64,
    /// Memory budget of the scorecard, in megabytes (PSS)
    #[arg(long, default_value_t = 128.0, value_name = "MB", value_parser = parse_budget)]
    memory_budget_mb: f64,
    /// Energy budget of the scorecard, in millijoules an inference; none by default. With one, a power sensor gets the 60
    /// seconds that it needs; energy counters need 2 and are always read
    #[arg(long, value_name = "MJ", value_parser = parse_budget)]
    energy_budget_mj: Option<f64>,
}

fn parse_budget(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(budget) if budget > 0.0 && budget.is_finite() => Ok(budget),
        _ => Err("it must be a number over 0".to_owned()),
    }
}

/// What inferences took.
#[derive(Debug)]
pub(super) struct Timed {
    /// Stage by stage.
    pub period: Period,
    /// Of each window, in microseconds, from decoded input to prediction.
    latencies_us: Vec<f64>,
    /// This process's memory with the model at work, as often as it was read.
    pss_bytes: Result<Vec<u64>, String>,
    /// Energy of an inference.
    energy: EnergyFigures,
    /// The board meanwhile.
    pub observed: Observed,
    /// What the model said, by the sample's place: it needn't be asked again.
    pub said: BTreeMap<usize, Prediction>,
}

/// Efficiency in JSON.
#[derive(Debug, Serialize)]
pub(super) struct EfficiencyFigures {
    /// Percentiles.
    pub latency_us: wire::Reading<wire::Latency>,
    /// The same by stage.
    pub stages_us: wire::Stages,
    /// All of it, in bins of equal ratio.
    pub histogram_us: Vec<HistogramBin>,
    /// The 99th percentile with its interval.
    pub latency_p99_us: Measured,
    /// Proportional set size with one model at work.
    pub pss_peak_bytes: Measured,
    /// Energy of an inference, idling included.
    pub energy_mj_per_inference: Measured,
    /// The same with its source, and net of idle.
    pub energy: EnergyFigures,
    /// The scorecard's, with its budgets.
    pub budgets_kept: Efficiency,
}

impl Timed {
    /// Answers windows of a split through the path that is deployed.
    ///
    /// # Errors
    /// When the split is empty, or a sample can't be read or answered.
    pub fn measure(
        model: &mut Model,
        evaluation: &Evaluation<'_>,
        budgets: &Budgets,
        watcher: &Watcher,
    ) -> anyhow::Result<Self> {
        let &Evaluation { set, without, .. } = evaluation;
        let (order, roots) = (evaluation.order()?, Roots::default());
        // The beginning of the order is a fair part of the split, and what a budget leaves of the rest goes on from there.
        let timed = &order[..TIMED.min(order.len())];
        let read = |places: &[usize]| -> anyhow::Result<Vec<Window>> {
            let windows = places.par_iter().map(|&place| set.window_without(&set.samples()[place], without));
            Ok(windows.collect::<Result<_, _>>()?)
        };
        let watch = Watch::start(&roots, Moment::now());
        for window in read(&order[..WARM_UP.min(order.len())])? {
            pipeline::answer(model, &window, Duration::ZERO)?;
        }
        let mut found = Answered::new();
        // Read with all cores, then answered with one: nothing else is at work while a window is timed.
        'timing: for places in timed.chunks(READ_AT_ONCE) {
            for (&place, window) in places.iter().zip(read(places)?) {
                watcher.show("timing", found.latencies_us.len(), timed.len());
                found.push(place, pipeline::answer(model, &window, Duration::ZERO)?);
                if found.is_enough() || watcher.interrupted() {
                    break 'timing;
                }
            }
        }
        let windows = || read(&order[..ENERGY_WINDOWS.min(order.len())]);
        let (energy, energy_time) = measure_energy(model, windows, &roots, budgets, watcher)?;
        let observed = watch.finish(Moment::now(), found.period.inference_processor_time + energy_time);
        let Answered { period, latencies_us, pss_bytes, said, .. } = found;
        Ok(Self { period, latencies_us, pss_bytes, energy, observed, said })
    }

    /// The figures, held against budgets.
    pub fn figures(&self, budgets: &Budgets) -> EfficiencyFigures {
        let (latency, memory) = (self.latency_p99_us(), self.pss());
        let energy = self.energy.figures.gross_mj.clone();
        let budgeted = |name: &str, budget: Option<f64>, measured: &Measured| Budgeted {
            name: name.to_owned(),
            budget,
            measured: measured.clone(),
        };
        let budgets_kept = efficiency(vec![
            budgeted("latency_p99_us", Some(budgets.latency_budget_ms * 1e3), &latency),
            budgeted("pss_peak_bytes", Some(budgets.memory_budget_mb * 1e6), &memory),
            budgeted("energy_mj_per_inference", budgets.energy_budget_mj, &energy),
        ]);
        EfficiencyFigures {
            latency_us: wording::total_latency(&self.period.stages),
            stages_us: wire::Stages {
                capture: wire::Reading::not_measured("samples are read before they are timed"),
                publish: wire::Reading::not_measured("an evaluation publishes nothing while it measures"),
                ..wording::stage_latencies(&self.period.stages, None)
            },
            histogram_us: histogram(&self.latencies_us, BINS),
            latency_p99_us: latency,
            pss_peak_bytes: memory,
            energy_mj_per_inference: energy,
            energy: self.energy.clone(),
            budgets_kept,
        }
    }

    fn latency_p99_us(&self) -> Measured {
        let mut latencies = self.latencies_us.clone();
        latencies.sort_by(f64::total_cmp);
        let names: Vec<String> = (0..latencies.len()).map(|place| place.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let resamples = resample_clusters(&names, &vec![""; names.len()], RESAMPLES, 1);
        bootstrap(latencies.len(), &resamples, |ranks| {
            let mut ranks = ranks.to_vec();
            ranks.sort_unstable();
            percentile(&ranks.iter().map(|&rank| latencies[rank]).collect::<Vec<_>>(), 0.99)
        })
    }

    /// The highest of readings: its interval is itself.
    fn pss(&self) -> Measured {
        match &self.pss_bytes {
            Ok(readings) => {
                let (value, n) = (readings.iter().copied().max().unwrap_or(0) as f64, readings.len() as u64);
                Measured::Figure(Figure { value, low: value, high: value, n })
            }
            Err(reason) => Measured::not_measured(reason),
        }
    }
}

/// Windows one after the other, without a pause; gives the processor time that their inference took, too.
fn measure_energy(
    model: &mut Model,
    windows: impl FnOnce() -> anyhow::Result<Vec<Window>>,
    roots: &Roots,
    budgets: &Budgets,
    watcher: &Watcher,
) -> anyhow::Result<(EnergyFigures, Duration)> {
    let source = match power::best(roots) {
        Ok(source) => source,
        Err(error) => return Ok((EnergyFigures::unavailable(&error.to_string()), Duration::ZERO)),
    };
    let least = if source.counts() { ENERGY_BY_COUNTER } else { ENERGY_BY_SENSOR };
    if !source.counts() && budgets.energy_budget_mj.is_none() {
        let reason = format!("{} needs 60 s: ask for them with --energy-budget-mj, or use bench", source.label);
        return Ok((EnergyFigures::unavailable(&reason), Duration::ZERO));
    }
    let windows = windows()?;
    let idle = Meter::of(source.clone(), true);
    std::thread::sleep(ENERGY_BY_COUNTER);
    let (idle, meter, started) = (idle.finish(), Meter::of(source, true), Moment::now());
    let mut period = Period::new();
    for window in windows.iter().cycle() {
        period.record(&pipeline::answer(model, window, Duration::ZERO)?);
        if Moment::now().since(started) >= least || watcher.interrupted() {
            break;
        }
    }
    let figures = EnergyFigures::of(&Ok(meter.finish()), Ok(&idle), period.windows);
    Ok((figures, period.inference_processor_time))
}

/// Windows that were timed so far.
#[derive(Debug)]
struct Answered {
    started: Moment,
    period: Period,
    latencies_us: Vec<f64>,
    pss_bytes: Result<Vec<u64>, String>,
    said: BTreeMap<usize, Prediction>,
}

impl Answered {
    fn new() -> Self {
        let (latencies_us, pss_bytes, said) = (Vec::new(), Ok(Vec::new()), BTreeMap::new());
        Self { started: Moment::now(), period: Period::new(), latencies_us, pss_bytes, said }
    }

    fn push(&mut self, place: usize, answer: Answer) {
        let times = &answer.times;
        self.latencies_us.push((times.preprocess + times.inference + times.postprocess).as_secs_f64() * 1e6);
        self.period.record(&answer);
        if self.latencies_us.len() % READ_EVERY == 1 {
            read_memory(&mut self.pss_bytes);
        }
        // What can't be scored is refused where it is asked about again.
        if answer.prediction.confidence.is_finite() {
            self.said.insert(place, answer.prediction);
        }
    }

    fn is_enough(&self) -> bool {
        self.latencies_us.len() >= TIMED_AT_LEAST && Moment::now().since(self.started) > LONGEST
    }
}

/// Adds a reading; one that fails is what remains.
fn read_memory(pss_bytes: &mut Result<Vec<u64>, String>) {
    match (memory::of_this_process(&Roots::default()), &mut *pss_bytes) {
        (Ok(memory), Ok(readings)) => readings.push(memory.pss_bytes),
        (Err(reason), _) => *pss_bytes = Err(reason.to_string()),
        (Ok(_), Err(_)) => {}
    }
}
