//! A bench as the daemon reports it.

use edgeval_wire as wire;
use wire::Reading;

use super::{Memory, Run, StartUp};
use crate::measurement::Number;
use crate::probe::Probed;
use crate::probe::memory::ProcessMemory;
use crate::report::energy::EnergyFigures;
use crate::report::wording;

/// The process's memory before and after the model was loaded.
pub(super) type Around<'a> = (&'a Probed<ProcessMemory>, &'a Probed<ProcessMemory>);

/// The report's figures.
pub(super) fn body(
    run: &Run,
    threads: u16,
    memory: &Memory,
    (before, after): Around<'_>,
    start_up: &StartUp,
    energy: &EnergyFigures,
) -> wire::Body {
    let stages = &run.period.stages;
    let rate = run.latencies_ns.len() as f64 / run.elapsed.as_secs_f64();
    wire::Body::Bench(Box::new(wire::BenchReport {
        scenario: wire::text("single_stream"),
        queries: run.latencies_ns.len() as u64,
        threads: threads.into(),
        latency_us: wording::total_latency(stages),
        stages_us: wire::Stages {
            capture: Reading::not_measured("bench feeds decoded input from memory"),
            publish: Reading::not_measured("bench publishes nothing while it measures"),
            ..wording::stage_latencies(stages, None)
        },
        throughput_per_s: Reading::or_reason(rate.is_finite().then_some(rate), "too short a time to tell"),
        energy: energy.to_wire(),
        memory: wire::ModelMemory {
            model_bytes: Reading::Value(memory.model_bytes),
            before_load: wording::memory(before),
            after_load: wording::memory(after),
            rss_peak_bytes: reading(&memory.rss_peak_bytes),
        },
        start_up: wire::StartUp {
            model_ready_us: Reading::Value(start_up.model_load_us),
            first_inference_us: Reading::Value(start_up.model_load_us + start_up.first_inference_us),
            first_report_us: Reading::not_measured("a bench makes one report, at its end"),
        },
    }))
}

fn reading(number: &Number<u64>) -> Reading<u64> {
    match number {
        Number::Value(value) => Reading::Value(*value),
        Number::Absent { not_measured } => Reading::not_measured(not_measured),
    }
}
