//! `edgeval bench`: latency, throughput, memory and energy of a model on this board.

mod generation;
mod offline;
mod output;
mod plan;
mod print;
mod progress;
mod query;
mod run;
mod single_stream;
mod soak;
mod start_up;
mod summary;
mod tensors;
mod validity;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use edgeval_models::{Engine, Execution, Model, Precision};
use edgeval_wire as wire;

use self::output::{Memory, Output};
use self::plan::Scenario;
use self::progress::Progress;
use self::query::Query;
use self::run::{Energy, Run, Task};
use self::start_up::StartUp;
use crate::background::Background;
use crate::clock::Moment;
use crate::command::exit::{EXIT_INVALID, ExitError};
use crate::measurement::{self, Loaded};
use crate::probe::memory::ProcessMemory;
use crate::probe::{Probed, Roots, memory};
use crate::report::conditions::{Observed, Watch};
use crate::report::energy::{Meter, Metered};
use crate::report::wording;
use crate::stop::Stop;
use crate::terminal;

/// Raw times are kept: a bound for what is asked.
const MAXIMUM_QUERIES: u64 = 10_000_000;

/// Arguments of `edgeval bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval bench models/zoo/av-digits
  edgeval bench models/zoo/av-digits --profile mlperf                600 seconds, to publish
  edgeval bench models/zoo/av-digits --scenario offline              throughput with all cores
  edgeval bench models/zoo/av-digits --scenario soak --duration 1800 latency while the board warms
  edgeval bench models/zoo/av-digits --precision fp32 --duration 10 --json
  edgeval bench models/zoo/av-digits --duration 60                   with energy from a power sensor
  edgeval bench model.onnx --input image=picture.npy --save-tensors out/
  edgeval bench text-encoder.onnx --dim batch=1 --dim sequence=64

Scenarios are MLPerf's. single-stream: the next query begins when the last is answered. offline: all are there at once,
one model a core works on them, and throughput alone is told. soak: a single stream, told by the minute, that ends when
the temperatures of five minutes lie within 2 degrees, or at --duration. A query runs from decoded input in memory to
prediction, of a model that generates to the end of its answer; a bare .onnx has no pre- and postprocessing. A run ends
when both --queries and --duration are reached; Ctrl-C ends it early and keeps what was measured. Energy is of the same
run: energy counters (RAPL) tell it of any run, power sensors after 60 seconds. `edgeval devices` lists what this board
has. Exit status 3: measured, but not valid; the reasons are printed.")]
pub struct Args {
    /// Model bundle (a folder with model.toml) or a bare .onnx file
    model: PathBuf,
    #[command(flatten)]
    asked: plan::Asked,
    /// Variant of a bundle
    #[arg(long, default_value_t = Precision::Int8, value_name = "PRECISION")]
    precision: Precision,
    /// What runs it: `tract` leaves the quantized parts to tract, too
    #[arg(long, default_value_t = Engine::Int8, value_name = "ENGINE")]
    engine: Engine,
    /// Threads that one inference may use
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Queries before the first that is timed, of each model, besides the very first
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    warm_up: u32,
    /// Seconds of idling before, where the board has a power source: energy is told net of it, too (0: not)
    #[arg(long, default_value = "2", value_name = "SECONDS", value_parser = parse_duration)]
    idle: Duration,
    /// Seed of the random input
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of a dimension that a bare .onnx file leaves open (repeatable); otherwise 1 for a batch, 128 for token ids
    #[arg(long = "dim", value_name = "NAME=N", value_parser = measurement::parse_dimension)]
    dimensions: Vec<(String, usize)>,
    /// Feed this array to an input: NAME=FILE.npy (repeatable); the others get random values
    #[arg(long, value_name = "NAME=FILE")]
    input: Vec<String>,
    /// Write what went in and what came out as .npy files into this folder
    #[arg(long, value_name = "FOLDER")]
    save_tensors: Option<PathBuf>,
    /// Write every raw latency of a single stream, in nanoseconds, one a line
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
    /// JSON for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    background: Background,
}

impl Args {
    /// Refuses words that don't go together.
    fn check(&self) -> Result<(), ExitError> {
        self.asked.check()?;
        if self.raw.is_some() && self.asked.scenario != Scenario::SingleStream {
            return Err(ExitError::usage("--raw is for --scenario single-stream: the others keep no raw times"));
        }
        Ok(())
    }
}

fn parse_queries(text: &str) -> Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| "not a whole number".to_owned())?;
    if (1..=MAXIMUM_QUERIES).contains(&number) { Ok(number) } else { Err(format!("from 1 to {MAXIMUM_QUERIES}")) }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=86_400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("from 0 to 86400".to_owned())
    }
}

/// A model that answered once, and how it came to that.
struct Started {
    loaded: Loaded,
    query: Query,
    /// What is asked, in words.
    input: &'static str,
    /// What the board took while nothing was asked.
    idle: Option<Metered>,
    before: Probed<ProcessMemory>,
    after: Probed<ProcessMemory>,
    start_up: StartUp,
}

/// Measures and prints. `started` is when the process began.
///
/// # Errors
/// When words don't go together, or the model or an input can't be used.
pub fn run(args: Args, started: Moment) -> anyhow::Result<ExitCode> {
    args.background.enter()?;
    args.check()?;
    let roots = Roots::default();
    let mut start = start(&args, &roots, started)?;
    let (run, energy, observed) = measure(&args, &roots, &mut start)?;
    save(&args, &mut start, &run)?;
    let (memory, threads) = (memory_of(&start, &run), (args.asked.scenario, args.threads));
    let around = (&start.before, &start.after);
    let body = summary::body(&run, threads, &memory, around, &start.start_up, &energy.figures(run.queries));
    let output = Output::of(&args, &start, (run, &energy), memory, observed.clone());
    let observed = Observed { validity: output.validity.clone(), ..observed };
    args.background.leave(body, output.model.to_wire(), None, &observed)?;
    if args.json {
        terminal::print_json(&output)?;
    } else {
        print::print(&output)?;
    }
    Ok(if output.validity.valid { ExitCode::SUCCESS } else { ExitCode::from(EXIT_INVALID) })
}

/// Idles, loads, and asks once.
fn start(args: &Args, roots: &Roots, started: Moment) -> anyhow::Result<Started> {
    let begin = Moment::now();
    let idle = idle(args, roots);
    let idled = Moment::now().since(begin);
    let before = memory::of_this_process(roots);
    let mut loaded = load(args)?;
    let until_ready = Moment::now().since(started);
    let after = memory::of_this_process(roots);
    let (query, input) = Query::of(args, &loaded.model)?;
    let first = query.ask(&mut loaded.model)?.latency;
    let start_up = StartUp::of(loaded.load, first, until_ready, idled);
    Ok(Started { loaded, query, input, idle, before, after, start_up })
}

fn load(args: &Args) -> anyhow::Result<Loaded> {
    let execution = Execution { engine: args.engine, threads: args.threads.into() };
    measurement::load(&args.model, args.precision, execution, &args.dimensions)
}

/// What the board takes while nothing is asked of it; nothing is waited for where that can't be read.
fn idle(args: &Args, roots: &Roots) -> Option<Metered> {
    let meter = Meter::start(roots, true).ok().filter(|_| !args.idle.is_zero())?;
    std::thread::sleep(args.idle);
    Some(meter.finish())
}

/// Warms up, and runs the scenario with the board watched.
fn measure(args: &Args, roots: &Roots, start: &mut Started) -> anyhow::Result<(Run, Energy, Observed)> {
    let (model, query) = (&mut start.loaded.model, &start.query);
    let mut others = others(args, model)?;
    offline::warm_up(model, &mut others, query, args.warm_up as usize)?;
    let stop = Stop::listen().context("can't listen for Ctrl-C")?;
    let progress = Progress::start("timing", &args.background);
    let watch = Watch::start(roots, Moment::now());
    let task = Task { query, goal: args.asked.goal(), roots, stop: &stop, progress: &progress };
    let (run, busy) = run::run(args.asked.scenario, model, &mut others, &task)?;
    let observed = watch.finish(Moment::now(), run.period.inference_processor_time);
    Ok((run, Energy { busy, idle: start.idle.take() }, observed))
}

/// Models that work side by side with the first. They share its weights; models of several threads don't, because they would share
/// those, too.
fn others(args: &Args, first: &Model) -> anyhow::Result<Vec<Model>> {
    let shares = args.threads == 1;
    let other = |_| -> anyhow::Result<Model> { if shares { Ok(first.clone()) } else { Ok(load(args)?.model) } };
    (1..args.asked.jobs(args.threads)).map(other).collect()
}

/// Writes the files that were asked for.
fn save(args: &Args, start: &mut Started, run: &Run) -> anyhow::Result<()> {
    if let Some(folder) = &args.save_tensors {
        tensors::save(folder, &mut start.loaded.model, &start.query)?;
    }
    if let (Some(path), Some(times)) = (&args.raw, &run.times) {
        let lines: Vec<String> = times.latencies_ns.iter().map(ToString::to_string).collect();
        std::fs::write(path, lines.join("\n") + "\n").with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

fn memory_of(start: &Started, run: &Run) -> Memory {
    let (before, after) = (wording::memory(&start.before), wording::memory(&start.after));
    Memory {
        model_bytes: start.loaded.model.inspect().model_bytes,
        pss_before_bytes: before.pss_bytes.into(),
        rss_before_bytes: before.rss_bytes.into(),
        pss_after_load_bytes: after.pss_bytes.into(),
        rss_after_load_bytes: after.rss_bytes.into(),
        rss_peak_bytes: wire::Reading::from(run.rss_peak_bytes.clone()).into(),
    }
}
