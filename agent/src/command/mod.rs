//! The verbs of the command line: each file owns its arguments and its `run`.

mod bench;
#[allow(clippy::module_inception, reason = "a file has its verb's name")]
mod command;
mod compare;
mod completions;
mod decode;
mod devices;
mod doctor;
mod evaluate;
mod exit;
mod inspect;
mod manual;
mod run;
mod set;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Parser, Subcommand};

pub use self::exit::ExitError;
use crate::clock::Moment;

/// What was asked for.
#[derive(Debug, Parser)]
#[command(name = "edgeval", version, about, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit status: 0 done, 1 failed, 2 wrong words on the command line, 3 measured but invalid, 130 stopped by Ctrl-C.\n\
    Logs go to standard error; EDGEVAL_LOG=debug shows more."
)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the daemon: capture, infer, measure, publish
    Run(run::Args),
    /// Measure latency, throughput, memory and energy of a model on this board
    Bench(bench::Args),
    /// Score a model on a reference set
    Evaluate(evaluate::Args),
    /// Tell whether one report or model is better or worse than another
    Compare(compare::Args),
    /// Show a model's inputs, outputs, operators and cost
    Inspect(inspect::Args),
    /// Look after reference sets
    Set(set::Args),
    /// List cameras, microphones and probes, and why one can't be used
    Devices(devices::Args),
    /// Ask a board over MQTT to do something: status, bench, evaluate, interval, model, cancel
    Command(command::Args),
    /// Tell whether this board is fit to measure on, and what to change
    Doctor(doctor::Args),
    /// Turn a message that was published (JSON or postcard) into readable JSON
    Decode(decode::Args),
    /// Print a shell's completion script
    Completions(completions::Args),
    /// Write the manual pages
    #[command(hide = true)]
    Manual(manual::Args),
}

/// Does what was asked for. `started` is when the process began.
///
/// # Errors
/// With the failed verb's own words.
pub fn run(arguments: Arguments, started: Moment) -> anyhow::Result<ExitCode> {
    if !matches!(arguments.verb, Verb::Run(_)) {
        end_quietly_with_the_reader()?;
    }
    match arguments.verb {
        Verb::Run(args) => run::run(args, started),
        Verb::Bench(args) => bench::run(args, started),
        Verb::Evaluate(args) => evaluate::run(args),
        Verb::Compare(args) => compare::run(args),
        Verb::Inspect(args) => inspect::run(args),
        Verb::Set(args) => set::run(args),
        Verb::Devices(args) => devices::run(args),
        Verb::Command(args) => command::run(args),
        Verb::Doctor(args) => doctor::run(args),
        Verb::Decode(args) => decode::run(args),
        Verb::Completions(args) => completions::run(args),
        Verb::Manual(args) => manual::run(args),
    }
}

/// `edgeval … | head` is not a failure: when the reader goes, the verb ends. The daemon has no such reader.
fn end_quietly_with_the_reader() -> std::io::Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGPIPE, 0, always).map(drop)
}
