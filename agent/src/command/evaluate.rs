//! `edgeval evaluate`: a model scored on a reference set.

mod generation;

use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use edgeval_calibration::{Accuracy, Consistency, Generation, ReferenceSet, Scored, ScoredTexts};
use edgeval_measure::Measured;
use edgeval_models::{Engine, Execution, Manifest, ModelError, Precision, Task, Window};
use edgeval_wire as wire;
use serde::Serialize;

use crate::clock::Moment;
use crate::measurement::{self, Loaded, ModelFacts};
use crate::pipeline::{self, Period};
use crate::probe::Roots;
use crate::report::conditions::{Observed, Watch};
use crate::report::wording;
use crate::terminal;

/// Arguments of `edgeval evaluate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits --without image
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits --json --predictions rows.jsonl")]
pub struct Args {
    /// Model bundle: a folder with model.toml
    model: PathBuf,
    /// Reference set: a folder with set.toml or metadata.jsonl
    #[arg(long, value_name = "FOLDER")]
    set: PathBuf,
    /// Split of the set
    #[arg(long, default_value = "test")]
    split: String,
    /// Variant of the model
    #[arg(long, default_value_t = Precision::Int8, value_name = "PRECISION")]
    precision: Precision,
    /// What runs it: `tract` leaves the quantized parts to tract, too
    #[arg(long, default_value_t = Engine::Int8, value_name = "ENGINE")]
    engine: Engine,
    /// Threads that one inference may use
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Leave one modality out: the model gets a black picture, silence or no words
    #[arg(long, value_name = "MODALITY", value_parser = ["image", "audio", "text"])]
    without: Option<String>,
    /// Write each sample's prediction as a line of JSON
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// JSON for programs
    #[arg(long)]
    json: bool,
}

/// The JSON of `edgeval evaluate`, and what the tables are made of.
#[derive(Debug, Serialize)]
struct Output {
    schema: u32,
    model: ModelFacts,
    engine: &'static str,
    set: SetFacts,
    without: Option<String>,
    accuracy: AccuracyFigures,
    consistency: Dimension<Consistency>,
    efficiency: Efficiency,
    robustness: Measured,
    fairness: Measured,
    interpretability: Measured,
    generation: Dimension<Generation>,
    scorecard: Measured,
    board: wire::BoardState,
    overhead: wire::AgentCost,
    validity: wire::Validity,
}

/// A dimension's figures, or why there are none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Dimension<T> {
    Figures(Box<T>),
    Absent(Measured),
}

impl<T> Dimension<T> {
    fn absent(reason: &str) -> Self {
        Self::Absent(Measured::not_measured(reason))
    }
}

/// How often the model is right: each task has figures of its own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum AccuracyFigures {
    Classes(Box<Accuracy>),
    Texts { exact_match: Measured },
    Absent(Measured),
}

#[derive(Debug, Serialize)]
struct SetFacts {
    name: String,
    version: String,
    sha256: String,
    split: String,
    samples: usize,
}

#[derive(Debug, Serialize)]
struct Efficiency {
    latency_us: wire::Reading<wire::Latency>,
    stages_us: wire::Stages,
}

/// Scores and prints.
///
/// # Errors
/// When the model or the set can't be used, or a sample can't be read.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let execution = Execution { engine: args.engine, threads: args.threads.into() };
    let (bundle, mut loaded) = measurement::load_bundle(&args.model, args.precision, execution)?;
    refuse_unscored(bundle.manifest().task)?;
    let set = ReferenceSet::open(&args.set)?;
    let watch = Watch::start(&Roots::default(), Moment::now());
    let (answers, period) = score(&args, &mut loaded, &set, bundle.manifest())?;
    let observed = watch.finish(Moment::now(), period.inference_processor_time);
    if let Some(path) = &args.predictions {
        let file = std::fs::File::create(path).with_context(|| format!("can't write {}", path.display()))?;
        answers.write_predictions(BufWriter::new(file)).with_context(|| format!("can't write {}", path.display()))?;
    }
    let output = output(&args, loaded.identity, &set, &answers, &period, observed);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&output)?);
    } else {
        print(&output);
    }
    Ok(ExitCode::SUCCESS)
}

/// Models for retrieval can't be scored yet.
fn refuse_unscored(task: Task) -> anyhow::Result<()> {
    if task == Task::Retrieval {
        bail!("the model's task is {task}: this version can't score that yet; `edgeval bench` times it");
    }
    Ok(())
}

/// A split's answers, of either task.
enum Answers {
    Classes(Scored),
    Texts(ScoredTexts),
}

impl Answers {
    fn samples(&self) -> usize {
        match self {
            Self::Classes(scored) => scored.rows().len(),
            Self::Texts(scored) => scored.rows().len(),
        }
    }

    fn write_predictions(&self, writer: impl std::io::Write) -> std::io::Result<()> {
        match self {
            Self::Classes(scored) => scored.write_predictions(writer),
            Self::Texts(scored) => scored.write_predictions(writer),
        }
    }

    /// Accuracy, consistency and generation.
    fn figures(&self) -> (AccuracyFigures, Dimension<Consistency>, Dimension<Generation>) {
        match self {
            Self::Classes(scored) => (
                AccuracyFigures::Classes(Box::new(scored.accuracy())),
                Dimension::Figures(Box::new(scored.consistency())),
                Dimension::absent("the model classifies; it generates nothing"),
            ),
            Self::Texts(scored) => {
                let generation = scored.generation();
                let accuracy = match &generation.exact_match {
                    Measured::Figure(_) => AccuracyFigures::Texts { exact_match: generation.exact_match.clone() },
                    absent => AccuracyFigures::Absent(absent.clone()),
                };
                let consistency = "this version of edgeval doesn't measure it yet of a model that generates";
                (accuracy, Dimension::absent(consistency), Dimension::Figures(Box::new(generation)))
            }
        }
    }
}

fn score(
    args: &Args,
    loaded: &mut Loaded,
    set: &ReferenceSet,
    manifest: &Manifest,
) -> anyhow::Result<(Answers, Period)> {
    if loaded.model.inspect().inputs.is_empty() {
        bail!("the model has no inputs to score");
    }
    let mut period = Period::new();
    let samples = set.positions(&args.split)?.len();
    let bar = terminal::progress(samples as u64, "scoring");
    let predict = |window: &Window| {
        let mut window = window.clone();
        match args.without.as_deref() {
            Some("image") => window.image = None,
            Some("audio") => window.audio = None,
            Some("text") => (window.text, window.turns) = (None, Vec::new()),
            _ => {}
        }
        let answer = pipeline::answer(&mut loaded.model, &window, Duration::ZERO)?;
        period.record(&answer);
        bar.inc(1);
        Ok::<_, ModelError>(answer.prediction)
    };
    let answers = if let Some(decode) = &manifest.decode {
        let asks: Vec<String> = decode.begin.0.iter().map(|(ask, _)| ask.clone()).collect();
        Answers::Texts(edgeval_calibration::score_texts(set, &args.split, &asks, predict)?)
    } else {
        Answers::Classes(edgeval_calibration::score(set, &args.split, &manifest.labels, predict)?)
    };
    bar.finish_and_clear();
    Ok((answers, period))
}

fn output(
    args: &Args,
    model: ModelFacts,
    set: &ReferenceSet,
    answers: &Answers,
    period: &Period,
    observed: Observed,
) -> Output {
    let (accuracy, consistency, generation) = answers.figures();
    Output {
        schema: 1,
        engine: model.engine.name(),
        model,
        set: SetFacts {
            name: set.name().to_owned(),
            version: set.version().to_owned(),
            sha256: set.identity().to_owned(),
            split: args.split.clone(),
            samples: answers.samples(),
        },
        without: args.without.clone(),
        accuracy,
        consistency,
        efficiency: Efficiency {
            latency_us: wording::total_latency(&period.stages),
            stages_us: wording::stage_latencies(&period.stages, None),
        },
        robustness: later(),
        fairness: later(),
        interpretability: later(),
        generation,
        scorecard: Measured::not_measured("it needs every dimension, and not all were measured"),
        board: observed.board,
        overhead: observed.cost,
        validity: observed.validity,
    }
}

/// A dimension of the standard that this version can't measure.
fn later() -> Measured {
    Measured::not_measured("this version of edgeval doesn't measure it yet")
}

fn print(output: &Output) {
    let Output { model, set, .. } = output;
    let precision = model.precision.map(|precision| precision.to_string()).unwrap_or_default();
    let without = output.without.as_ref().map_or_else(String::new, |modality| format!(", without {modality}"));
    terminal::print_heading(&format!("{} {precision} on {} ({} samples{without})", model.name, set.name, set.samples));
    if let (AccuracyFigures::Classes(accuracy), Dimension::Figures(consistency)) =
        (&output.accuracy, &output.consistency)
    {
        print_figures(accuracy, consistency);
        print_classes(accuracy);
        print_confusion(accuracy);
    }
    if let Dimension::Figures(figures) = &output.generation {
        generation::print(figures);
    }
    terminal::print_validity(&output.validity);
}

fn print_figures(accuracy: &Accuracy, consistency: &Consistency) {
    print_table(&[
        ("top-1", &accuracy.top1),
        ("precision, macro", &accuracy.precision_macro),
        ("recall, macro", &accuracy.recall_macro),
        ("F1, macro", &accuracy.f1_macro),
        ("calibration error (ECE)", &accuracy.ece),
        ("embedding distance, belonging", &consistency.belonging_distance),
        ("embedding distance, shuffled", &consistency.shuffled_distance),
        ("belonging against shuffled (AUC)", &consistency.auc),
    ]);
}

/// Figures, a row each.
fn print_table(figures: &[(&str, &Measured)]) {
    let mut table = terminal::table(&["figure", "value", "95 % interval", "n"]);
    for (name, figure) in figures {
        table.add_row([vec![(*name).to_owned()], cells(figure)].concat());
    }
    terminal::align_numbers(&mut table);
    println!("{table}");
}

fn cells(figure: &Measured) -> Vec<String> {
    match figure {
        Measured::Figure(figure) => vec![
            format!("{:.4}", figure.value),
            format!("{:.4} to {:.4}", figure.low, figure.high),
            figure.n.to_string(),
        ],
        Measured::NotMeasured { reason } => vec!["–".to_owned(), reason.clone(), String::new()],
    }
}

fn print_classes(accuracy: &Accuracy) {
    terminal::print_heading("By class");
    let mut table = terminal::table(&["class", "precision", "recall", "F1", "samples"]);
    for class in &accuracy.per_class {
        let value = |figure: &Measured| cells(figure).swap_remove(0);
        table.add_row([
            class.label.clone(),
            value(&class.precision),
            value(&class.recall),
            value(&class.f1),
            class.support.to_string(),
        ]);
    }
    terminal::align_numbers(&mut table);
    println!("{table}");
}

/// Which classes were taken for which; nothing when all were right.
fn print_confusion(accuracy: &Accuracy) {
    let mut mistakes: Vec<(u64, &str, &str)> = Vec::new();
    for (truth, row) in accuracy.confusion.iter().enumerate() {
        for (said, &count) in row.iter().enumerate().filter(|(said, count)| *said != truth && **count > 0) {
            mistakes.push((count, &accuracy.per_class[truth].label, &accuracy.per_class[said].label));
        }
    }
    mistakes.sort_by(|a, b| b.cmp(a));
    if mistakes.is_empty() {
        return;
    }
    terminal::print_heading("Mistakes, most frequent first");
    let mut table = terminal::table(&["was", "said", "times"]);
    for (count, truth, said) in mistakes.iter().take(8) {
        table.add_row([truth, said, count.to_string().as_str()]);
    }
    terminal::align_numbers(&mut table);
    println!("{table}");
}
