//! The JSON of `edgeval bench`, and what the table is made of.

use std::time::Duration;

use edgeval_measure::{LatencySummary, early_stopping_estimate};
use edgeval_models::BytesMoved;
use edgeval_wire as wire;
use serde::Serialize;
use wire::Reading;

use super::plan::Scenario;
use super::run::{Energy, Run, Times};
use super::soak::Soaked;
use super::start_up::StartUp;
use super::{Args, Started, generation, validity};
use crate::measurement::{self, ModelFacts, Number};
use crate::report::conditions::Observed;
use crate::report::energy::EnergyFigures;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Output {
    schema: u32,
    pub model: ModelFacts,
    engine: &'static str,
    pub threads: u16,
    /// Models that worked side by side.
    pub jobs: usize,
    pub scenario: &'static str,
    /// What said how much is enough; a soak has its own rule.
    profile: Option<&'static str>,
    pub queries: u64,
    /// From the first query's start to the last's end, in seconds.
    pub duration_s: f64,
    pub input: &'static str,
    pub latency_us: Number<LatencySummary>,
    /// Percentile at 99 % confidence, or how many queries it would take.
    pub early_stopping_us: EarlyStopping,
    pub throughput_per_s: f64,
    pub energy: EnergyFigures,
    pub stages_us: Number<Stages>,
    pub generation: Number<generation::Figures>,
    pub soak: Number<Soaked>,
    pub start_up: StartUp,
    pub memory: Memory,
    macs: u64,
    parameters: u64,
    /// Bytes that one inference moves, counted from shapes.
    pub bytes_moved: BytesMoved,
    pub integer_share_of_macs: Number<f64>,
    pub board: wire::BoardState,
    overhead: wire::AgentCost,
    /// Whether somebody stopped it.
    pub ended_early: bool,
    pub validity: wire::Validity,
}

#[derive(Debug, Serialize)]
pub struct EarlyStopping {
    pub p90: Number<f64>,
    pub p99: Number<f64>,
}

#[derive(Debug, Serialize)]
pub struct Stages {
    pub preprocess: LatencySummary,
    pub inference: LatencySummary,
    pub postprocess: LatencySummary,
}

#[derive(Debug, Serialize)]
pub struct Memory {
    pub model_bytes: u64,
    pub pss_before_bytes: Number<u64>,
    pub rss_before_bytes: Number<u64>,
    pub pss_after_load_bytes: Number<u64>,
    pub rss_after_load_bytes: Number<u64>,
    pub rss_peak_bytes: Number<u64>,
}

/// What a scenario says nothing of, and why.
pub const fn no_latency(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::SingleStream => "no query was answered",
        Scenario::Offline => {
            "offline promises throughput alone: queries wait for each other; use --scenario single-stream"
        }
        Scenario::Soak => "it changes while the board warms: see the minutes of the soak",
    }
}

impl Output {
    /// Of a run.
    pub fn of(args: &Args, start: &Started, (run, energy): (Run, &Energy), memory: Memory, observed: Observed) -> Self {
        let (inspection, scenario) = (start.loaded.model.inspect(), args.asked.scenario);
        let none = no_latency(scenario);
        let times = run.times.as_ref();
        Self {
            schema: 1,
            engine: start.loaded.identity.engine.name(),
            model: start.loaded.identity.clone(),
            threads: args.threads,
            jobs: args.asked.jobs(args.threads),
            scenario: scenario.name(),
            profile: (scenario != Scenario::Soak).then(|| args.asked.profile.name()),
            queries: run.queries,
            duration_s: run.elapsed.as_secs_f64(),
            input: start.input,
            latency_us: absent_or(times.and_then(|times| LatencySummary::of(&to_us(&times.latencies_ns))), none),
            early_stopping_us: early_stopping(times, none),
            throughput_per_s: run.throughput_per_s(),
            energy: energy.figures(run.queries),
            stages_us: absent_or(times.and_then(stages), none),
            generation: times.map_or_else(|| absent(none), |times| times.spoken.figures()),
            start_up: start.start_up,
            memory,
            macs: inspection.macs,
            parameters: inspection.parameters,
            bytes_moved: inspection.bytes_moved,
            integer_share_of_macs: Reading::or_reason(inspection.integer_share_of_macs, measurement::NO_MACS).into(),
            board: observed.board,
            overhead: observed.cost,
            ended_early: run.ended_early,
            validity: validity::of(&run, &args.asked, &observed.validity),
            soak: absent_or(run.soaked, "--scenario soak measures it"),
        }
    }
}

impl Run {
    /// Queries that were answered in a second of the whole run.
    pub fn throughput_per_s(&self) -> f64 {
        self.queries as f64 / self.elapsed.max(Duration::from_nanos(1)).as_secs_f64()
    }
}

fn early_stopping(times: Option<&Times>, none: &str) -> EarlyStopping {
    let latencies_us = times.map(|times| to_us(&times.latencies_ns));
    let estimate = |percentile| match &latencies_us {
        Some(latencies_us) => Reading::from(early_stopping_estimate(latencies_us, percentile)).into(),
        None => absent(none),
    };
    EarlyStopping { p90: estimate(0.90), p99: estimate(0.99) }
}

fn stages(times: &Times) -> Option<Stages> {
    let stage = |index: usize| {
        LatencySummary::of(&to_us(&times.stages_ns.iter().map(|stages| stages[index]).collect::<Vec<_>>()))
    };
    Some(Stages { preprocess: stage(0)?, inference: stage(1)?, postprocess: stage(2)? })
}

fn to_us(nanoseconds: &[u64]) -> Vec<f64> {
    nanoseconds.iter().map(|&time| time as f64 / 1e3).collect()
}

fn absent_or<T>(value: Option<T>, reason: &str) -> Number<T> {
    value.map_or_else(|| absent(reason), Number::Value)
}

fn absent<T>(reason: &str) -> Number<T> {
    Number::Absent { not_measured: reason.to_owned() }
}
