//! `edgeval compare`: is the second better or worse than the first, or can nobody tell?

mod line;
mod models;
mod print;
mod reports;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use edgeval_calibration::Disagreements;
use edgeval_models::{Engine, Precision};
use serde::Serialize;

use self::line::Line;
use crate::terminal;

/// Arguments of `edgeval compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits --json >before.json
  edgeval compare before.json after.json
  edgeval compare before.json after.json --tolerance 0.01 --json
  edgeval compare models/zoo/av-digits my-model --set calibration/sets/av-digits
  edgeval compare models/zoo/av-digits models/zoo/av-digits --set calibration/sets/av-digits --precision-of-b fp32

Two reports are compared by their intervals alone. Two models are asked about the same samples: that is a paired test, and tells
smaller differences.

Exit status: 0 no regression, 1 a regression or an error, 2 wrong words. A regression is a figure that is worse by more than the
tolerance over all of its difference's interval. What depends on the board (latency, memory, energy, and so the
efficiency and the total) is shown and not judged.")]
pub struct Args {
    /// What was before: a report of `evaluate --json`; with --set a model bundle
    #[arg(value_name = "A")]
    first: PathBuf,
    /// What came after: another
    #[arg(value_name = "B")]
    second: PathBuf,
    /// Ask both models about this reference set
    #[arg(long, value_name = "FOLDER")]
    set: Option<PathBuf>,
    /// Split of the set
    #[arg(long, default_value = "test", requires = "set")]
    split: String,
    /// Variant of both models
    #[arg(long, default_value_t = Precision::Int8, value_name = "PRECISION", requires = "set")]
    precision: Precision,
    /// Variant of the second model, where it is another
    #[arg(long, value_name = "PRECISION", requires = "set")]
    precision_of_b: Option<Precision>,
    /// What runs them
    #[arg(long, default_value_t = Engine::Int8, value_name = "ENGINE", requires = "set")]
    engine: Engine,
    /// What a figure may lose and be no regression, in its own unit
    #[arg(long, default_value_t = 0.0, value_name = "AMOUNT", value_parser = parse_tolerance)]
    tolerance: f64,
    /// JSON for programs
    #[arg(long)]
    json: bool,
}

fn parse_tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(amount) if amount >= 0.0 && amount.is_finite() => Ok(amount),
        _ => Err("it must be a number of 0 or more".to_owned()),
    }
}

/// What a comparison says.
#[derive(Debug, Serialize)]
struct Compared {
    schema: u32,
    first: Side,
    second: Side,
    /// The set, its version and the split.
    set: String,
    /// Whether both were asked about the same samples, pair by pair.
    paired: bool,
    /// What the intervals are made of.
    method: &'static str,
    tolerance: f64,
    figures: Vec<Line>,
    disagreements: Option<Disagreements>,
    regression: bool,
}

/// One side of a comparison.
#[derive(Debug, Serialize)]
struct Side {
    model: String,
    sha256: String,
    /// Samples that it was asked about.
    samples: u64,
}

/// Compares and prints.
///
/// # Errors
/// When a report, a model or the set can't be used, or the two can't be compared.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let compared = match &args.set {
        Some(set) => models::compare(&args, set)?,
        None => reports::compare(&args)?,
    };
    if compared.figures.is_empty() {
        bail!("there is nothing to compare: neither has a figure");
    }
    if args.json {
        terminal::print_json(&compared)?;
    } else {
        print::print(&compared)?;
    }
    Ok(if compared.regression { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
