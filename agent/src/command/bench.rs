//! `edgeval bench`: latency, throughput, memory and energy of a model on this board.

mod generation;
mod summary;
mod tensors;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use edgeval_measure::{Figure, LatencySummary, Measured, early_stopping_estimate};
use edgeval_models::{Engine, Execution, Precision, Tensors, Window};
use edgeval_wire as wire;
use serde::Serialize;

use crate::background::Background;
use crate::clock::Moment;
use crate::measurement::{self, Loaded, ModelFacts, Number};
use crate::pipeline::{self, Period};
use crate::probe::{ProbeError, Probed, Roots, memory};
use crate::report::conditions::{Observed, Watch};
use crate::report::energy::{EnergyFigures, Meter, Metered};
use crate::report::wording;
use crate::{EXIT_INVALID, terminal};

/// MLPerf-like least effort of a quick run.
const MINIMUM_QUERIES: usize = 64;
const MINIMUM_DURATION: Duration = Duration::from_secs(1);
/// Raw times are kept: a bound for what is asked.
const MAXIMUM_QUERIES: usize = 10_000_000;

/// Arguments of `edgeval bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval bench models/zoo/av-digits
  edgeval bench models/zoo/av-digits --precision fp32 --duration 10 --json
  edgeval bench model.onnx --input image=picture.npy --save-tensors out/
  edgeval bench text-encoder.onnx --dim batch=1 --dim sequence=64
  edgeval bench models/zoo/av-digits --duration 60        with energy from a power sensor

One query at a time (MLPerf's single stream): the next begins when the last is answered. A query runs from decoded
input in memory to prediction, of a model that generates to the end of its answer; a bare .onnx has no pre- and
postprocessing. The run ends when both --queries and
--duration are reached. Energy is of the same run: energy counters (RAPL) tell it of any run, power sensors after 60
seconds. `edgeval devices` lists what this board has. Exit status 3: measured, but not valid; the reasons are printed.")]
pub struct Args {
    /// Model bundle (a folder with model.toml) or a bare .onnx file
    model: PathBuf,
    /// Variant of a bundle
    #[arg(long, default_value_t = Precision::Int8, value_name = "PRECISION")]
    precision: Precision,
    /// What runs it: `tract` leaves the quantized parts to tract, too
    #[arg(long, default_value_t = Engine::Int8, value_name = "ENGINE")]
    engine: Engine,
    /// Threads that one inference may use
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Queries before the first that is timed
    #[arg(long, default_value_t = 10, value_name = "N")]
    warm_up: usize,
    /// Timed queries, at least
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = parse_queries)]
    queries: usize,
    /// Seconds of timed queries, at least
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS", value_parser = parse_seconds)]
    duration: f64,
    /// Seconds of idling before, where the board has a power source: energy is told net of it, too (0: not)
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS", value_parser = parse_seconds)]
    idle: f64,
    /// Seed of the random input
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of a dimension that a bare .onnx file leaves open (repeatable); otherwise 1 for a batch, 128 for token ids
    #[arg(long = "dim", value_name = "NAME=N")]
    dimensions: Vec<String>,
    /// Feed this array to an input: NAME=FILE.npy (repeatable); the others get random values
    #[arg(long, value_name = "NAME=FILE")]
    input: Vec<String>,
    /// Write what went in and what came out as .npy files into this folder
    #[arg(long, value_name = "FOLDER")]
    save_tensors: Option<PathBuf>,
    /// Write every raw latency, in nanoseconds, one a line
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
    /// JSON for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    background: Background,
}

fn parse_queries(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a whole number".to_owned())?;
    if (1..=MAXIMUM_QUERIES).contains(&number) { Ok(number) } else { Err(format!("from 1 to {MAXIMUM_QUERIES}")) }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err("from 0 to 86400".to_owned()) }
}

/// What is asked of the model, again and again.
enum Query {
    /// A bundle's whole path.
    Window(Window),
    /// The graph alone.
    Tensors(Tensors),
}

/// Raw times of a run.
struct Run {
    latencies_ns: Vec<u64>,
    stages: Vec<[u64; 3]>,
    spoken: generation::Spoken,
    elapsed: Duration,
    period: Period,
    /// What the board took meanwhile.
    metered: Probed<Metered>,
    /// The same before, while nothing was asked.
    idle: Option<Metered>,
}

/// The JSON of `edgeval bench`, and what the table is made of.
#[derive(Debug, Serialize)]
struct Output {
    schema: u32,
    model: ModelFacts,
    engine: &'static str,
    threads: u16,
    scenario: &'static str,
    queries: usize,
    input: &'static str,
    latency_us: LatencySummary,
    /// Percentile at 99 % confidence, or how many queries it would take.
    early_stopping_us: EarlyStopping,
    throughput_per_s: f64,
    energy: EnergyFigures,
    stages_us: Stages,
    generation: Number<generation::Figures>,
    start_up: StartUp,
    memory: Memory,
    integer_share_of_macs: Number<f64>,
    board: wire::BoardState,
    overhead: wire::AgentCost,
    validity: wire::Validity,
}

#[derive(Debug, Serialize)]
struct EarlyStopping {
    p90: Number<f64>,
    p99: Number<f64>,
}

#[derive(Debug, Serialize)]
struct Stages {
    preprocess: LatencySummary,
    inference: LatencySummary,
    postprocess: LatencySummary,
}

#[derive(Debug, Serialize)]
struct StartUp {
    model_load_us: u64,
    first_inference_us: u64,
}

#[derive(Debug, Serialize)]
struct Memory {
    model_bytes: u64,
    pss_before_bytes: Number<u64>,
    rss_before_bytes: Number<u64>,
    pss_after_load_bytes: Number<u64>,
    rss_after_load_bytes: Number<u64>,
    rss_peak_bytes: Number<u64>,
}

/// Measures and prints.
///
/// # Errors
/// When the model or an input can't be used.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.background.enter()?;
    let roots = Roots::default();
    let idle = idle(&args, &roots);
    let before = memory::of_this_process(&roots);
    let mut loaded = load(&args)?;
    let after = memory::of_this_process(&roots);
    let (query, input) = query(&args, &loaded)?;

    let first = ask(&mut loaded, &query)?;
    for _ in 1..args.warm_up {
        ask(&mut loaded, &query)?;
    }
    let watch = Watch::start(&roots, Moment::now());
    let run = Run { idle, ..measure(&args, &roots, &mut loaded, &query)? };
    let observed = watch.finish(Moment::now(), run.period.inference_processor_time);

    if let Some(folder) = &args.save_tensors {
        tensors::save(folder, &mut loaded.model, &query)?;
    }
    if let Some(path) = &args.raw {
        let lines: Vec<String> = run.latencies_ns.iter().map(ToString::to_string).collect();
        std::fs::write(path, lines.join("\n") + "\n").with_context(|| format!("can't write {}", path.display()))?;
    }
    let memory = Memory {
        model_bytes: loaded.model.inspect().model_bytes,
        pss_before_bytes: wording::memory(&before).pss_bytes.into(),
        rss_before_bytes: wording::memory(&before).rss_bytes.into(),
        pss_after_load_bytes: wording::memory(&after).pss_bytes.into(),
        rss_after_load_bytes: wording::memory(&after).rss_bytes.into(),
        rss_peak_bytes: wire::Reading::from(memory::of_this_process(&roots).map(|memory| memory.rss_peak_bytes)).into(),
    };
    let start_up = StartUp { model_load_us: whole_us(loaded.load), first_inference_us: whole_us(first) };
    let body = summary::body(&run, args.threads, &memory, (&before, &after), &start_up, &energy(&run));
    let output = output(&args, loaded, &run, input, start_up, memory, observed.clone());
    let observed = Observed { validity: output.validity.clone(), ..observed };
    args.background.leave(body, output.model.to_wire(), None, &observed)?;
    print(&args, &output)?;
    Ok(if output.validity.valid { ExitCode::SUCCESS } else { ExitCode::from(EXIT_INVALID) })
}

fn load(args: &Args) -> anyhow::Result<Loaded> {
    let execution = Execution { engine: args.engine, threads: args.threads.into() };
    measurement::load(&args.model, args.precision, execution, &args.dimensions)
}

/// A bundle is asked with a seeded random window, a graph or named arrays with tensors.
fn query(args: &Args, loaded: &Loaded) -> anyhow::Result<(Query, &'static str)> {
    if args.input.is_empty() && loaded.model.has_preprocessing() {
        return Ok((Query::Window(loaded.model.seeded_window(args.seed)), "seeded random window"));
    }
    let mut tensors = loaded.model.seeded_inputs(args.seed);
    for argument in &args.input {
        tensors::load_into(&mut tensors, argument)?;
    }
    let named = if args.input.is_empty() { "seeded random tensors" } else { "tensors from files" };
    Ok((Query::Tensors(tensors), named))
}

fn ask(loaded: &mut Loaded, query: &Query) -> anyhow::Result<Duration> {
    let started = Moment::now();
    match query {
        Query::Window(window) => drop(pipeline::answer(&mut loaded.model, window, Duration::ZERO)?),
        Query::Tensors(tensors) => drop(loaded.model.infer(tensors)?),
    }
    Ok(Moment::now().since(started))
}

/// What the board takes while nothing is asked of it; nothing is waited for where that can't be read.
fn idle(args: &Args, roots: &Roots) -> Option<Metered> {
    let meter = Meter::start(roots, true).ok().filter(|_| args.idle > 0.0)?;
    std::thread::sleep(Duration::from_secs_f64(args.idle));
    Some(meter.finish())
}

fn energy(run: &Run) -> EnergyFigures {
    let queries = run.latencies_ns.len() as u64;
    EnergyFigures::of(&run.metered, run.idle.as_ref().ok_or("the board wasn't watched while idle (--idle)"), queries)
}

fn measure(args: &Args, roots: &Roots, loaded: &mut Loaded, query: &Query) -> anyhow::Result<Run> {
    let least = Duration::from_secs_f64(args.duration);
    let meter = Meter::start(roots, true);
    let mut run = Run {
        latencies_ns: Vec::with_capacity(args.queries),
        stages: Vec::with_capacity(args.queries),
        spoken: generation::Spoken::default(),
        elapsed: Duration::ZERO,
        period: Period::new(),
        metered: Err(ProbeError::Absent("not measured yet".to_owned())),
        idle: None,
    };
    let bar = terminal::progress(args.queries as u64, "timing");
    let teller = args.background.teller();
    let started = Moment::now();
    while (run.latencies_ns.len() < args.queries || run.elapsed < least) && run.latencies_ns.len() < MAXIMUM_QUERIES {
        measure_one(loaded, query, &mut run)?;
        run.elapsed = Moment::now().since(started);
        let done = run.latencies_ns.len() as u64;
        bar.set_position(done);
        teller.iter().for_each(|teller| teller.tell("timing", done, done.max(args.queries as u64)));
    }
    run.metered = meter.map(Meter::finish);
    bar.finish_and_clear();
    Ok(run)
}

fn measure_one(loaded: &mut Loaded, query: &Query, run: &mut Run) -> anyhow::Result<()> {
    let started = Moment::now();
    match query {
        Query::Window(window) => {
            let answer = pipeline::answer(&mut loaded.model, window, Duration::ZERO)?;
            run.latencies_ns.push(nanoseconds(Moment::now().since(started)));
            let times = answer.times;
            run.stages.push([times.preprocess, times.inference, times.postprocess].map(nanoseconds));
            run.spoken.record(&answer);
            run.period.record(&answer);
        }
        Query::Tensors(tensors) => {
            let processor = crate::probe::cpu::thread_time();
            loaded.model.infer(tensors)?;
            let inference = nanoseconds(Moment::now().since(started));
            run.period.inference_processor_time += crate::probe::cpu::thread_time().saturating_sub(processor);
            run.latencies_ns.push(inference);
            run.stages.push([0, inference, 0]);
        }
    }
    Ok(())
}

fn output(
    args: &Args,
    loaded: Loaded,
    run: &Run,
    input: &'static str,
    start_up: StartUp,
    memory: Memory,
    observed: Observed,
) -> Output {
    let inspection = loaded.model.inspect();
    let latencies_us = to_us(&run.latencies_ns);
    let estimate = |percentile| wire::Reading::from(early_stopping_estimate(&latencies_us, percentile)).into();
    let stage = |index: usize| summary(&run.stages.iter().map(|stages| stages[index]).collect::<Vec<_>>());
    Output {
        schema: 1,
        engine: loaded.identity.engine.name(),
        model: loaded.identity,
        threads: args.threads,
        scenario: "single_stream",
        queries: run.latencies_ns.len(),
        input,
        latency_us: summary(&run.latencies_ns),
        early_stopping_us: EarlyStopping { p90: estimate(0.90), p99: estimate(0.99) },
        throughput_per_s: run.latencies_ns.len() as f64 / run.elapsed.as_secs_f64(),
        energy: energy(run),
        stages_us: Stages { preprocess: stage(0), inference: stage(1), postprocess: stage(2) },
        generation: run.spoken.figures(),
        start_up,
        memory,
        integer_share_of_macs: wire::Reading::or_reason(inspection.integer_share_of_macs, measurement::NO_MACS).into(),
        board: observed.board,
        overhead: observed.cost,
        validity: validity(&observed.validity, run),
    }
}

/// The board's reasons and the run's own.
fn validity(board: &wire::Validity, run: &Run) -> wire::Validity {
    let few = (run.latencies_ns.len() < MINIMUM_QUERIES)
        .then_some(("too_few_queries", "fewer than 64 queries: ask for more with --queries"));
    let short = (run.elapsed < MINIMUM_DURATION)
        .then_some(("too_short", "shorter than one second: ask for more with --duration"));
    let reasons = board.reasons.iter().map(|reason| (reason.code.as_str(), reason.text.as_str()));
    wire::Validity::of(few.into_iter().chain(short).chain(reasons))
}

fn summary(nanoseconds: &[u64]) -> LatencySummary {
    LatencySummary::of(&to_us(nanoseconds)).unwrap_or_default()
}

fn to_us(nanoseconds: &[u64]) -> Vec<f64> {
    nanoseconds.iter().map(|&time| time as f64 / 1e3).collect()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn whole_us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn print(args: &Args, output: &Output) -> anyhow::Result<()> {
    if args.json {
        println!("{}", serde_json::to_string_pretty(output)?);
        return Ok(());
    }
    terminal::print_heading(&title(output));
    let mut table = terminal::table(&["", "p50", "p90", "p99", "p99.9", "max"]);
    let stages = &output.stages_us;
    for (name, times) in [
        ("preprocess", &stages.preprocess),
        ("inference", &stages.inference),
        ("postprocess", &stages.postprocess),
        ("whole query", &output.latency_us),
    ] {
        let cells = [times.p50, times.p90, times.p99, times.p999, times.max].map(terminal::microseconds);
        table.add_row([vec![name.to_owned()], cells.to_vec()].concat());
    }
    terminal::align_numbers(&mut table);
    println!("{table}");
    println!("{}", terminal::facts(facts(output)));
    terminal::print_validity(&output.validity);
    Ok(())
}

fn title(output: &Output) -> String {
    let precision = output.model.precision.map_or_else(String::new, |precision| format!(" {precision}"));
    format!(
        "{}{precision}, {} queries, {} thread(s), {}",
        output.model.name, output.queries, output.threads, output.input
    )
}

fn facts(output: &Output) -> Vec<(&'static str, String)> {
    let memory = &output.memory;
    let bytes = |number: &Number<u64>| number.words(|value| terminal::bytes(*value));
    let mut facts = match &output.generation {
        Number::Value(figures) => figures.facts(),
        Number::Absent { .. } => Vec::new(),
    };
    facts.extend([
        ("throughput", format!("{:.0} a second", output.throughput_per_s)),
        ("p90 at 99 % confidence", output.early_stopping_us.p90.words(|value| terminal::microseconds(*value))),
        ("p99 at 99 % confidence", output.early_stopping_us.p99.words(|value| terminal::microseconds(*value))),
        ("model load", terminal::microseconds(output.start_up.model_load_us as f64)),
        ("first inference", terminal::microseconds(output.start_up.first_inference_us as f64)),
        ("model on disk", terminal::bytes(memory.model_bytes)),
        (
            "memory (PSS) before, after load",
            format!("{}, {}", bytes(&memory.pss_before_bytes), bytes(&memory.pss_after_load_bytes)),
        ),
        ("memory (RSS) peak", bytes(&memory.rss_peak_bytes)),
        (
            "runs on integers",
            output.integer_share_of_macs.words(|share| format!("{:.0} % of multiply-accumulates", share * 100.0)),
        ),
        ("energy, all of it", energy_words(&output.energy, &output.energy.figures.gross_mj)),
        ("energy, net of idle", energy_words(&output.energy, &output.energy.figures.net_mj)),
        ("governor, frequency", clocks(&output.board)),
        ("temperature", terminal::reading(&output.board.temperature_c, |celsius| format!("{celsius:.1} °C"))),
    ]);
    facts
}

fn energy_words(energy: &EnergyFigures, figure: &Measured) -> String {
    let source = energy.source.as_deref().unwrap_or("no source");
    match figure {
        Measured::Figure(Figure { value, low, high, .. }) => {
            format!("{value:.3} mJ a query ({low:.3} to {high:.3}), {} by {source}", energy.quality)
        }
        Measured::NotMeasured { reason } => format!("not measured: {reason}"),
    }
}

fn clocks(board: &wire::BoardState) -> String {
    let megahertz = |khz: &u64| format!("{:.0} MHz", *khz as f64 / 1e3);
    match (board.governor.value(), board.cpu_frequency_khz.value(), board.cpu_frequency_maximum_khz.value()) {
        (Some(governor), Some(now), Some(most)) => format!("{governor}, {} of {}", megahertz(now), megahertz(most)),
        _ => terminal::reading(&board.governor, ToString::to_string),
    }
}
