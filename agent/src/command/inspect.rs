//! `edgeval inspect`: a model's inputs, outputs, operators and cost.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use edgeval_models::{Engine, Execution, Inspection, Model, Precision, TensorFacts};
use serde::Serialize;

use crate::measurement::{self, Loaded, ModelFacts};
use crate::terminal::{self, say};

/// Arguments of `edgeval inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval inspect models/zoo/av-digits
  edgeval inspect models/zoo/av-digits --precision fp32 --json
  edgeval inspect model.onnx
  edgeval inspect text-encoder.onnx --dim sequence=64")]
pub struct Args {
    /// Model bundle (a folder with model.toml) or a bare .onnx file
    model: PathBuf,
    /// Variant of a bundle
    #[arg(long, default_value_t = Precision::Int8, value_name = "PRECISION")]
    precision: Precision,
    /// What runs it: `tract` leaves the quantized parts to tract, too
    #[arg(long, default_value_t = Engine::Int8, value_name = "ENGINE")]
    engine: Engine,
    /// Length of a dimension that a bare .onnx file leaves open (repeatable); otherwise 1 for a batch, 128 for token ids
    #[arg(long = "dim", value_name = "NAME=N", value_parser = measurement::parse_dimension)]
    dimensions: Vec<(String, usize)>,
    /// JSON for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Output {
    schema: u32,
    model: ModelFacts,
    engine: &'static str,
    #[serde(flatten)]
    inspection: Inspection,
}

/// Prints what the model is.
///
/// # Errors
/// When it can't be loaded.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let execution = Execution { engine: args.engine, ..Execution::default() };
    let loaded = measurement::load(&args.model, args.precision, execution, &args.dimensions)?;
    let Loaded { model, identity, .. } = loaded;
    let output = Output { schema: 1, model: identity, engine: model.engine().name(), inspection: model.inspect() };
    if args.json {
        terminal::print_json(&output)?;
    } else {
        print(&output)?;
        print_warning(&model)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(output: &Output) -> io::Result<()> {
    let Output { model, inspection, .. } = output;
    let version = model.version.as_deref().unwrap_or("");
    let precision = model.precision.map(|precision| precision.to_string()).unwrap_or_default();
    terminal::print_heading(format!("{} {version} {precision}", model.name).trim_end())?;
    say!("{}", terminal::facts(facts(output)))?;
    print_tensors("Inputs", &inspection.inputs)?;
    print_tensors("Outputs", &inspection.outputs)?;
    if let Some(decoder) = &inspection.decoder {
        print_tensors("Inputs of the decoder, once a token", &decoder.inputs)?;
        print_tensors("Outputs of the decoder", &decoder.outputs)?;
    }
    print_operators(inspection)?;
    print_in_float(inspection)
}

fn facts(output: &Output) -> Vec<(&'static str, String)> {
    let Output { model, inspection, .. } = output;
    let share = match inspection.integer_share_of_macs {
        Some(share) => format!("{:.0} % of multiply-accumulates", share * 100.0),
        None => "not measured: the graph has no multiply-accumulates".to_owned(),
    };
    let mut facts = vec![
        ("identity", model.sha256.clone()),
        ("engine", output.engine.to_owned()),
        ("multiply-accumulates", terminal::count(inspection.macs)),
        ("parameters", terminal::count(inspection.parameters)),
        ("bytes moved", measurement::bytes_moved(&inspection.bytes_moved)),
        ("on disk", terminal::bytes(inspection.model_bytes)),
        ("runs on integers", share),
    ];
    if let Some(task) = inspection.task {
        facts.insert(1, ("task", task.to_string()));
    }
    if let Some(decoder) = &inspection.decoder {
        facts.push(("of them once a token", terminal::count(decoder.macs)));
        facts.push(("can be asked for", decoder.asks.join(", ")));
        facts.push(("longest answer", format!("{} tokens", decoder.longest)));
    }
    let assumed = inspection.assumed_dimensions.iter();
    let assumed: Vec<String> = assumed.map(|dimension| format!("{} = {}", dimension.name, dimension.length)).collect();
    if !assumed.is_empty() {
        facts.push(("assumed lengths", assumed.join(", ")));
    }
    facts
}

fn print_tensors(title: &str, tensors: &[TensorFacts]) -> io::Result<()> {
    terminal::print_heading(title)?;
    let mut table = terminal::table(&["name", "type", "shape", "meaning"]);
    for tensor in tensors {
        let shape = tensor.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
        table.add_row([&tensor.name, &tensor.data_type, &shape, &tensor.meaning]);
    }
    say!("{table}")
}

fn print_operators(inspection: &Inspection) -> io::Result<()> {
    terminal::print_heading("Operators: in the file, and as they run")?;
    let names: std::collections::BTreeSet<&String> =
        inspection.operators_in_file.keys().chain(inspection.operators_run.keys()).collect();
    let mut table = terminal::table(&["operator", "in the file", "run"]);
    for name in names {
        let cell = |counts: &std::collections::BTreeMap<String, usize>| {
            counts.get(name).map_or(String::new(), ToString::to_string)
        };
        table.add_row([name.clone(), cell(&inspection.operators_in_file), cell(&inspection.operators_run)]);
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}

/// What of a quantized model isn't run on integers, the largest first.
fn print_in_float(inspection: &Inspection) -> io::Result<()> {
    let mut operators: Vec<_> = inspection.in_float.iter().collect();
    if operators.is_empty() || !inspection.quantized {
        return Ok(());
    }
    operators.sort_by_key(|operator| std::cmp::Reverse(operator.macs));
    terminal::print_heading("Runs in float, though the model is quantized")?;
    let mut table = terminal::table(&["operator", "name", "of all multiply-accumulates", "because"]);
    for operator in operators {
        let share = 100.0 * operator.macs as f64 / inspection.macs.max(1) as f64;
        table.add_row([&operator.operator, &operator.name, &format!("{share:.1} %"), &operator.reason]);
    }
    say!("{table}")
}

/// Says so when a quantized model runs in float.
pub fn print_warning(model: &Model) -> io::Result<()> {
    if let Some(warning) = measurement::warning_of_float(model) {
        terminal::print_verdict(&terminal::Word::Doubtful("note:"), &warning)?;
    }
    Ok(())
}
