//! `edgeval run`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use toml::{Table, Value};

use crate::clock::Moment;
use crate::config::{self, Config};
use crate::daemon;

/// Arguments of `edgeval run`. Each flag stands for a key of the configuration and goes over it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval run --model models/zoo/av-digits --broker mqtt://localhost
  edgeval run --config /etc/edgeval/agent.toml
  edgeval run --model models/zoo/av-digits --replay calibration/sets/av-digits --speed fastest
Watch it:
  mosquitto_sub -h localhost -t 'edgeval/#' -v")]
pub struct Args {
    /// Configuration file [default: /etc/edgeval/agent.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Model bundle: a folder with model.toml
    #[arg(long, value_name = "FOLDER")]
    model: Option<String>,
    /// Variant of the model: int8 or fp32
    #[arg(long, value_name = "PRECISION")]
    precision: Option<String>,
    /// What runs it: int8, or tract for the quantized parts, too
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
    /// Broker's address, such as mqtt://localhost:1883
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Play this reference set instead of capturing
    #[arg(long, value_name = "SET")]
    replay: Option<String>,
    /// How fast to play: 1 is real time, `fastest` as fast as it goes
    #[arg(long, value_name = "TIMES", requires = "replay")]
    speed: Option<String>,
    /// How often to play it; 0 is without end [default: 1]
    #[arg(long, value_name = "N", requires = "replay")]
    passes: Option<u32>,
}

/// Runs until it is told to stop, or a replay has ended. `started` is when the process began.
///
/// # Errors
/// When the configuration, the model or the reference set can't be used. Devices and brokers that are away are waited for.
pub fn run(args: Args, started: Moment) -> anyhow::Result<ExitCode> {
    let config = load(&args).context("edgeval can't start")?;
    daemon::run(&config, Box::new(move || load(&args)), started)?;
    Ok(ExitCode::SUCCESS)
}

fn load(args: &Args) -> anyhow::Result<Config> {
    let file = config::file(args.config.clone());
    Ok(config::load(file.as_deref(), std::env::vars(), flags(args))?)
}

/// The flags as the keys of the configuration that they stand for.
fn flags(args: &Args) -> Table {
    let mut table = Table::new();
    let text = |value: &Option<String>| value.clone().map(Value::String);
    let speed =
        args.speed.as_ref().map(|speed| speed.parse().map_or_else(|_| Value::String(speed.clone()), Value::Float));
    let keys: [(&[&str], Option<Value>); 8] = [
        (&["model", "path"], text(&args.model)),
        (&["model", "precision"], text(&args.precision)),
        (&["model", "engine"], text(&args.engine)),
        (&["broker", "url"], text(&args.broker)),
        (&["capture", "source"], args.replay.as_ref().map(|_| Value::String("replay".to_owned()))),
        (&["capture", "replay", "set"], text(&args.replay)),
        (&["capture", "replay", "speed"], speed),
        (&["capture", "replay", "passes"], args.passes.map(|passes| Value::Integer(passes.into()))),
    ];
    for (path, value) in keys {
        if let Some(value) = value {
            config::set(&mut table, path, value);
        }
    }
    table
}
