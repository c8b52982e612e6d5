//! A bench as the daemon reports it.

use edgeval_wire as wire;
use wire::Reading;

use super::output::{Memory, no_latency};
use super::plan::Scenario;
use super::run::Run;
use super::start_up::StartUp;
use crate::measurement::Number;
use crate::probe::Probed;
use crate::probe::memory::ProcessMemory;
use crate::report::energy::EnergyFigures;
use crate::report::wording;

/// The process's memory before and after the model was loaded.
pub type Around<'a> = (&'a Probed<ProcessMemory>, &'a Probed<ProcessMemory>);

/// The report's figures.
pub fn body(
    run: &Run,
    (scenario, threads): (Scenario, u16),
    memory: &Memory,
    (before, after): Around<'_>,
    start_up: &StartUp,
    energy: &EnergyFigures,
) -> wire::Body {
    let rate = run.throughput_per_s();
    wire::Body::Bench(Box::new(wire::BenchReport {
        scenario: wire::text(scenario.name()),
        queries: run.queries,
        threads: threads.into(),
        latency_us: match scenario {
            Scenario::SingleStream => wording::total_latency(&run.period.stages),
            _ => Reading::not_measured(no_latency(scenario)),
        },
        stages_us: stages(run, scenario),
        throughput_per_s: Reading::or_reason(rate.is_finite().then_some(rate), "too short a time to tell"),
        energy: energy.to_wire(),
        memory: wire::ModelMemory {
            model_bytes: Reading::Value(memory.model_bytes),
            before_load: wording::memory(before),
            after_load: wording::memory(after),
            rss_peak_bytes: reading(&memory.rss_peak_bytes),
        },
        start_up: wire::StartUp {
            model_ready_us: Reading::Value(start_up.process_to_model_ready_us),
            first_inference_us: Reading::Value(start_up.process_to_first_inference_us),
            first_report_us: Reading::not_measured("a bench makes one report, at its end"),
        },
    }))
}

fn stages(run: &Run, scenario: Scenario) -> wire::Stages {
    let none = || Reading::not_measured(no_latency(scenario));
    let stages = match scenario {
        Scenario::SingleStream => wording::stage_latencies(&run.period.stages, None),
        _ => wire::Stages {
            capture: none(),
            preprocess: none(),
            inference: none(),
            postprocess: none(),
            publish: none(),
        },
    };
    wire::Stages {
        capture: Reading::not_measured("bench feeds decoded input from memory"),
        publish: Reading::not_measured("bench publishes nothing while it measures"),
        ..stages
    }
}

fn reading(number: &Number<u64>) -> Reading<u64> {
    match number {
        Number::Value(value) => Reading::Value(*value),
        Number::Absent { not_measured } => Reading::not_measured(not_measured),
    }
}
