//! `edgeval evaluate`: the evaluation standard.

mod efficiency;
mod files;
mod kept;
pub(super) mod observer;
mod output;
mod page;
mod print;
mod scorecard;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use edgeval_calibration::{Evaluated, Evaluation, ReferenceSet, SoundAttack, SquareAttack, TrialOptions, Worker};
use edgeval_models::{Bundle, Engine, Execution, Manifest, Modality, Model, Precision, Task};

use self::efficiency::{Budgets, Timed};
use self::observer::Watcher;
use self::output::Output;
use crate::background::Background;
use crate::command::exit::{EXIT_INTERRUPTED, EXIT_INVALID};
use crate::measurement::{self, Loaded};
use crate::probe::cpu;
use crate::stop::Stop;
use crate::terminal;

/// Arguments of `edgeval evaluate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits --quick
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits --budget 5m
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits --resume
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits --without image --quick --json
  edgeval evaluate models/zoo/av-digits --set calibration/sets/av-digits --html report.html

The page of --html is one file that opens anywhere, without a network. It holds samples of the set: pictures, sounds as
spectrograms, and words. It stays where it is written; who gets the file sees them.

What is done is kept: after Ctrl-C or a loss of power the same words with --resume go on.")]
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
    /// Models that work side by side, each on its own samples; intervals take as many cores [default: one a core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Leave one modality out: the model gets a black picture, silence or no words
    #[arg(long, value_name = "MODALITY", value_parser = ["image", "audio", "text"])]
    without: Option<String>,
    /// Ask about samples as they are alone: diversity, accuracy, consistency, generation and efficiency
    #[arg(long)]
    quick: bool,
    /// Take no longer than this, such as 90s, 5m or 1h: a fair part of the samples is tried, and intervals say what that leaves
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    budget: Option<Duration>,
    /// Stop trying samples when the interval of what corruptions leave of the score is this narrow, such as 0.05
    #[arg(long, value_name = "WIDTH", value_parser = parse_share)]
    enough: Option<f64>,
    /// Samples that are attacked and explained, which takes hundreds of queries each
    #[arg(long, default_value_t = 100, value_name = "SAMPLES")]
    examine: usize,
    /// How often an attack may ask the model about a sample's picture, and about its sound
    #[arg(long, default_value_t = 100, value_name = "QUERIES", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    attack_queries: u32,
    /// How far an attack may change a byte of the picture (L∞)
    #[arg(long, default_value_t = 8, value_name = "STEPS")]
    attack_epsilon: u8,
    /// How far an attack may move a sample of the sound, full scale being 1 (L∞)
    #[arg(long, default_value_t = 0.01, value_name = "SHARE", value_parser = parse_share)]
    attack_sound_epsilon: f64,
    /// All randomness starts from it: the same seed gives the same figures, if as many samples were tried
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    budgets: Budgets,
    /// What a dimension counts in the total, such as accuracy=2; others count 1
    #[arg(long = "weight", value_name = "DIMENSION=WEIGHT", value_parser = scorecard::parse_weight)]
    weights: Vec<(String, f64)>,
    /// Go on with what an interrupted run of the same evaluation has done
    #[arg(long)]
    resume: bool,
    /// Where what is done is kept [default: in the user's state folder, by model, set and options]
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Write everything as one page for a browser; it holds samples of the set
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write each sample's prediction as a line of JSON
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// Write the model's errors under corruption as a set's reference-errors.json, which others' are held against
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "budget", "enough", "without"])]
    write_reference_errors: Option<PathBuf>,
    /// JSON for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    background: Background,
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("it must lie between 0 and 1".to_owned()),
    }
}

impl Args {
    fn execution(&self) -> Execution {
        Execution { engine: self.engine, threads: self.threads.into() }
    }

    /// Models that work side by side.
    fn jobs(&self) -> usize {
        self.jobs.map_or(cpu::cores() / usize::from(self.threads).max(1), usize::from).max(1)
    }

    fn without(&self) -> Option<Modality> {
        self.without.as_deref().and_then(|word| word.parse().ok())
    }

    fn options(&self) -> TrialOptions {
        // The share that the first square covers is the paper's for ImageNet and CIFAR-10.
        let queries = self.attack_queries as usize;
        let attack = SquareAttack { epsilon: self.attack_epsilon, queries, share: 0.05 };
        let sound_attack = SoundAttack { epsilon: self.attack_sound_epsilon, queries, share: 0.3 };
        TrialOptions { seed: self.seed, attack, sound_attack, examined: self.examine }
    }
}

/// Evaluates and prints.
///
/// # Errors
/// When the model or the set can't be used, or a sample can't be read.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.background.enter()?;
    share_cores(args.jobs())?;
    let (bundle, mut loaded) = measurement::load_bundle(&args.model, args.precision, args.execution())?;
    if loaded.model.inspect().inputs.is_empty() {
        bail!("the model has no inputs to score");
    }
    let set = ReferenceSet::open(&args.set)?;
    files::check(&args, &set)?;
    let evaluation = Evaluation {
        set: &set,
        split: &args.split,
        manifest: bundle.manifest(),
        precision: args.precision,
        without: args.without(),
        options: args.options(),
        trials: !args.quick,
        wrong_explained: if args.html.is_some() { page::SHOWN } else { 0 },
        enough: args.enough,
    };
    evaluation.check()?;
    for modality in evaluation.lacking()? {
        tracing::warn!("no sample of the split `{}` has any {modality}: the model gets none", args.split);
    }
    refuse_without(&args, bundle.manifest(), &loaded.model)?;
    let stop = Stop::listen().context("can't listen for Ctrl-C")?;
    let watcher = Watcher::new(stop, args.budget, args.background.teller());
    let mut timed = Timed::measure(&mut loaded.model, &evaluation, &args.budgets, &watcher)?;
    let Loaded { model, identity, .. } = loaded;
    let mut workers = workers(&args, &bundle, model)?;
    let (mut journal, mut kept, path) = kept::open(&args, &identity.sha256, &set)?;
    kept.clean.append(&mut timed.said);
    let evaluated = evaluation.run(&mut workers, &mut journal, kept, &watcher)?;
    watcher.clear();
    if watcher.interrupted() {
        return Ok(say_stopped(&evaluated, path.as_deref()));
    }
    let observed = timed.observed.clone();
    let output = Output::new(&args, identity, &set, &evaluated, timed, scorecard::weights(&args.weights));
    args.background.leave(output.body(), output.model.to_wire(), Some(output.set_identity()), &observed)?;
    let told = tell(&args, &output).and_then(|()| files::write(&args, &output, &evaluated, &set, &mut workers));
    told.map_err(|error| anyhow!("{}; {}", terminal::chain(&error), kept_words(path.as_deref())))?;
    if let Some(path) = path.filter(|_| evaluated.complete) {
        let _ = std::fs::remove_file(path);
    }
    Ok(if output.validity.valid { ExitCode::SUCCESS } else { ExitCode::from(EXIT_INVALID) })
}

/// Intervals and reading take as many cores as the models do. This thread is one of several, since it would only wait for the others; it can't be
/// the only one, since it waits for models that look at intervals.
fn share_cores(jobs: usize) -> anyhow::Result<()> {
    let jobs = jobs.min(cpu::cores());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs);
    let pool = if jobs > 1 { pool.use_current_thread() } else { pool };
    pool.build_global().with_context(|| format!("can't start {jobs} threads"))
}

/// A modality can be left out of a model that takes it, and needn't have it to give any answer.
fn refuse_without(args: &Args, manifest: &Manifest, model: &Model) -> anyhow::Result<()> {
    let Some(modality) = args.without() else { return Ok(()) };
    if !model.modalities().contains(&modality) {
        bail!("--without {modality}: the model takes none");
    }
    if manifest.task == Task::Retrieval {
        bail!("--without {modality}: a model for retrieval is held against pairs, which need both");
    }
    Ok(())
}

/// As many models as work side by side, each with its other arithmetic where the bundle has one. They share weights; models of several threads
/// don't, because they would share those, too.
fn workers(args: &Args, bundle: &Bundle, first: Model) -> anyhow::Result<Vec<Worker>> {
    let other = match args.precision {
        Precision::Int8 => Precision::Fp32,
        Precision::Fp32 => Precision::Int8,
    };
    let has_other = bundle.manifest().variants.contains_key(&other) && !args.quick;
    let load = |precision| Model::load(bundle, precision, args.execution());
    let worker = |model| anyhow::Ok(Worker { model, other: has_other.then(|| load(other)).transpose()? });
    let mut workers = vec![worker(first)?];
    for _ in 1..args.jobs() {
        workers.push(match workers.first() {
            Some(first) if args.threads == 1 => first.clone(),
            _ => worker(load(args.precision)?)?,
        });
    }
    Ok(workers)
}

/// Prints what was found. It comes before the files, which may fail on their own.
fn tell(args: &Args, output: &Output) -> anyhow::Result<()> {
    Ok(if args.json { terminal::print_json(output) } else { print::print(output) }?)
}

/// How to go on with what is done.
fn kept_words(path: Option<&Path>) -> String {
    match path {
        Some(path) => format!("the same words with --resume go on ({})", path.display()),
        None => "nothing could be kept".to_owned(),
    }
}

/// Somebody stopped it: what is done is kept.
fn say_stopped(evaluated: &Evaluated, path: Option<&Path>) -> ExitCode {
    let (asked, of, tried) = (evaluated.answers.count(), evaluated.samples, evaluated.trials.len());
    let kept = kept_words(path);
    terminal::print_note(format_args!("stopped: {asked} of {of} samples were asked about, {tried} tried; {kept}"));
    ExitCode::from(EXIT_INTERRUPTED)
}
