//! Runs one model on one engine, as it is told, line by line, on its standard input:
//!
//! | command | answer |
//! |---|---|
//! | `load MODEL.onnx THREADS` | `ok MICROSECONDS` |
//! | `feed FILE` | `ok`: the inputs of the runs to come |
//! | `run COUNT` | `ok NANOSECONDS …`, one for each run |
//! | `save FILE` | `ok`: the outputs of the last run |
//! | `memory` | `ok RESIDENT_BYTES HIGHEST_RESIDENT_BYTES` |
//!
//! What fails is answered by `error REASON`, and the next command is read. A path has no line break in it.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};

mod engine;
mod memory;
mod onnx_runtime;
mod rten_engine;
mod tensor;
mod tract_engine;

use engine::{Engine, Load};

/// Which engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// tract with edgeval's integer execution.
    Int8,
    /// tract as it is.
    Tract,
    /// ONNX Runtime as it is.
    OnnxRuntime,
    /// ONNX Runtime, told to multiply exactly where the processor lacks VNNI.
    OnnxRuntimeExact,
    /// rten.
    Rten,
}

/// Runs one model on one engine, as it is told on its standard input.
#[derive(Parser)]
struct Args {
    /// The engine.
    #[arg(long)]
    engine: Kind,
    /// ONNX Runtime's library.
    #[arg(long)]
    library: Option<PathBuf>,
}

/// The process: an engine, and the model that is loaded.
struct Worker {
    kind: Kind,
    environment: Option<ort::environment::Environment>,
    model: Option<Box<dyn Engine>>,
}

fn main() -> Result<()> {
    let worker = &mut Worker::new(&Args::parse())?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match worker.obey(&line) {
            Ok(answer) => writeln!(out, "ok {answer}")?,
            Err(error) => writeln!(out, "error {}", format!("{error:#}").replace('\n', " "))?,
        }
        out.flush()?;
    }
    Ok(())
}

impl Worker {
    fn new(args: &Args) -> Result<Self> {
        let wants_library = matches!(args.engine, Kind::OnnxRuntime | Kind::OnnxRuntimeExact);
        let library = args.library.as_deref().filter(|_| wants_library);
        if wants_library && library.is_none() {
            bail!("--library is wanted: where ONNX Runtime's shared library lies");
        }
        Ok(Self { kind: args.engine, environment: library.map(onnx_runtime::open).transpose()?, model: None })
    }

    fn obey(&mut self, line: &str) -> Result<String> {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "load" => self.load(rest),
            "feed" => self.loaded()?.feed(&tensor::read(Path::new(rest))?).map(|()| String::new()),
            "run" => run(self.loaded()?, rest.parse()?),
            "save" => tensor::write(Path::new(rest), &self.loaded()?.outputs()?).map(|()| String::new()),
            "memory" => memory::resident_bytes().map(|(now, highest)| format!("{now} {highest}")),
            _ => bail!("`{command}` isn't a command"),
        }
    }

    fn loaded(&mut self) -> Result<&mut dyn Engine> {
        Ok(self.model.as_mut().context("no model is loaded")?.as_mut())
    }

    /// Loads a model in the place of the one before, and says how long that took.
    fn load(&mut self, words: &str) -> Result<String> {
        let (path, threads) = words.rsplit_once(' ').context("usage: load MODEL.onnx THREADS")?;
        let load = Load { path: Path::new(path), threads: threads.parse()? };
        self.model = None;
        let start = Instant::now();
        self.model = Some(self.open(&load)?);
        Ok(start.elapsed().as_micros().to_string())
    }

    fn open(&self, load: &Load) -> Result<Box<dyn Engine>> {
        Ok(match (self.kind, &self.environment) {
            (Kind::Int8, _) => Box::new(tract_engine::Tract::load_int8(load)?),
            (Kind::Tract, _) => Box::new(tract_engine::Tract::load_plain(load)?),
            (Kind::Rten, _) => Box::new(rten_engine::Rten::load(load)?),
            (kind, Some(environment)) => {
                Box::new(onnx_runtime::OnnxRuntime::load(environment, load, kind == Kind::OnnxRuntimeExact)?)
            }
            (_, None) => bail!("ONNX Runtime's library isn't open"),
        })
    }
}

/// Times `count` runs, each on its own.
fn run(model: &mut dyn Engine, count: usize) -> Result<String> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        model.run()?;
        times.push(start.elapsed().as_nanos());
    }
    Ok(times.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
}
