//! What commands come to: the words for a process of its own, and a model that the sender names.

use std::path::{Path, PathBuf};

use edgeval_models::{Bundle, Precision};
use edgeval_wire::{BenchCommand, EvaluateCommand, IntervalCommand, ModelCommand, Name};

use super::gate::Refusal;
use super::link::Prepared;
use crate::config::{self, Config};
use crate::measurement;

/// The most that a bench may be asked for.
const MAX_QUERIES: u32 = 1_000_000;
const MAX_DURATION_S: u32 = 3600;
/// The longest that an evaluation may be asked to take.
pub const MAX_BUDGET_S: u32 = 86_400;

/// The words of `edgeval bench` for the active model.
///
/// # Errors
/// When there is no model, or too much is asked for.
pub fn bench_words(config: &Config, command: &BenchCommand) -> Result<Vec<String>, Refusal> {
    within("queries", command.queries, 1, MAX_QUERIES)?;
    within("duration_s", command.duration_s, 0, MAX_DURATION_S)?;
    let mut words = vec!["bench".to_owned()];
    words.extend(model_words(config)?);
    words.extend([format!("--queries={}", command.queries), format!("--duration={}", command.duration_s)]);
    Ok(words)
}

/// The words of `edgeval evaluate` for the active model; what is done is kept in `journal`.
///
/// # Errors
/// When there is no model or no such set, or too much is asked for.
pub fn evaluate_words(config: &Config, command: &EvaluateCommand, journal: &Path) -> Result<Vec<String>, Refusal> {
    let budget_s = command.budget_s.unwrap_or(config.evaluation.budget_s);
    within("budget_s", budget_s, 1, MAX_BUDGET_S)?;
    let mut words = vec!["evaluate".to_owned()];
    words.extend(model_words(config)?);
    let usual = if command.set.is_some() { "test" } else { &config.evaluation.split };
    let split = command.split.as_deref().unwrap_or(usual);
    words.extend([format!("--set={}", set(config, command)?.display()), format!("--split={split}")]);
    words.extend([format!("--budget={budget_s}s"), format!("--journal={}", journal.display())]);
    // One job: the other cores are for live windows.
    words.extend(["--jobs=1", "--resume"].map(str::to_owned));
    words.extend(command.quick.then(|| "--quick".to_owned()));
    Ok(words)
}

fn model_words(config: &Config) -> Result<Vec<String>, Refusal> {
    let none = || Refusal::new("no_model", "no model is at work: set one in [model], or send `model`");
    let model = config.model.as_ref().ok_or_else(none)?;
    Ok(vec![
        model.path.display().to_string(),
        format!("--precision={}", model.precision),
        format!("--engine={}", model.engine),
        format!("--threads={}", model.threads),
    ])
}

fn set(config: &Config, command: &EvaluateCommand) -> Result<PathBuf, Refusal> {
    let none = || Refusal::new("no_set", "name a set, or set one in [evaluation]");
    match &command.set {
        Some(name) => inside(&config.commands.set_directory, name, "no_set"),
        None => config.evaluation.set.clone().ok_or_else(none),
    }
}

/// A folder right inside of another one: a name from outside leads nowhere else.
fn inside(folder: &Path, name: &str, code: &'static str) -> Result<PathBuf, Refusal> {
    let is_name = Name::new(name).is_ok() && !name.starts_with('.');
    let path = folder.join(name);
    if is_name && path.is_dir() {
        return Ok(path);
    }
    Err(Refusal::new(code, format!("there is no folder of that name in {}", folder.display())))
}

/// Loads the bundle that is named, if it is the one that is meant.
///
/// # Errors
/// When there is no such bundle, it is another one, or it can't be loaded.
pub fn prepare(config: &Config, command: &ModelCommand) -> Result<(Config, Prepared), Refusal> {
    let path = inside(&config.commands.model_directory, &command.bundle, "no_bundle")?;
    let failed = |error: &dyn std::fmt::Display| Refusal::new("bad_bundle", error.to_string());
    let differs = |found: &str| Refusal::new("identity_differs", format!("the bundle of that name is {found}"));
    // Before anything of it is loaded.
    let found = Bundle::open(&path).map_err(|error| failed(&error))?.identity().to_owned();
    if found != command.identity.as_str() {
        return Err(differs(&found));
    }
    let mut model = config.model.clone().unwrap_or_else(|| config::Model::at(path.clone()));
    model.path = path;
    if let Some(precision) = &command.precision {
        model.precision = precision.parse::<Precision>().map_err(|error| failed(&error))?;
    }
    let prepared = load(&model).map_err(|error| failed(&format!("{error:#}")))?;
    if prepared.loaded.identity.sha256 != found {
        return Err(differs(&prepared.loaded.identity.sha256));
    }
    Ok((Config { model: Some(model), ..config.clone() }, prepared))
}

/// Loads a model as the configuration has it.
///
/// # Errors
/// When it can't be loaded.
pub fn load(model: &config::Model) -> anyhow::Result<Prepared> {
    let (bundle, loaded) = measurement::load_bundle(&model.path, model.precision, model.execution())?;
    Ok(Prepared { bundle, loaded })
}

/// The configuration with other intervals.
///
/// # Errors
/// When one is out of range.
pub fn with_intervals(config: &Config, command: &IntervalCommand) -> Result<Config, Refusal> {
    let mut changed = config.clone();
    let IntervalCommand { live_interval_ms, field_interval_s } = command;
    changed.report.live_interval_ms = live_interval_ms.unwrap_or(changed.report.live_interval_ms);
    changed.report.field_interval_s = field_interval_s.unwrap_or(changed.report.field_interval_s);
    config::check(&changed).map_err(|error| Refusal::new("out_of_range", error.to_string()))?;
    Ok(changed)
}

fn within(name: &str, value: u32, low: u32, high: u32) -> Result<(), Refusal> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Refusal::new("out_of_range", format!("{name} is {value}; it must be from {low} to {high}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("good")).unwrap();
        let mut config = Config { model: Some(config::Model::at("/m".into())), ..Config::default() };
        config.commands.set_directory = folder.path().into();
        config.commands.model_directory = folder.path().into();
        (folder, config)
    }

    #[test]
    fn a_set_is_a_folder_of_the_configured_one_and_nothing_else() {
        let (_folder, config) = config();
        let of = |name: &str| EvaluateCommand { set: Some(edgeval_wire::text(name)), ..EvaluateCommand::default() };
        let words = evaluate_words(&config, &of("good"), Path::new("/j")).unwrap();
        assert!(words.contains(&"--resume".to_owned()) && words.contains(&"--jobs=1".to_owned()), "{words:?}");
        for name in ["..", ".", "../good", "good/../good", "", "missing", "-x"] {
            assert_eq!(evaluate_words(&config, &of(name), Path::new("/j")).unwrap_err().code, "no_set", "{name}");
        }
        let none = evaluate_words(&config, &EvaluateCommand::default(), Path::new("/j"));
        assert_eq!(none.unwrap_err().code, "no_set");
    }

    #[test]
    fn too_much_is_refused_and_so_is_nothing_to_measure() {
        let (_folder, config) = config();
        let many = BenchCommand { queries: MAX_QUERIES + 1, ..BenchCommand::default() };
        assert_eq!(bench_words(&config, &many).unwrap_err().code, "out_of_range");
        let idle = Config { model: None, ..config.clone() };
        assert_eq!(bench_words(&idle, &BenchCommand::default()).unwrap_err().code, "no_model");
        let fast = IntervalCommand { live_interval_ms: Some(1), ..IntervalCommand::default() };
        assert_eq!(with_intervals(&config, &fast).unwrap_err().code, "out_of_range");
    }

    #[test]
    fn only_the_bundle_that_is_named_is_loaded() {
        let (_folder, mut config) = config();
        config.commands.model_directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo");
        let command = |bundle: &str, identity: &str| ModelCommand {
            bundle: edgeval_wire::text(bundle),
            identity: edgeval_wire::text(identity),
            precision: None,
        };
        let error = prepare(&config, &command("av-digits", "00")).unwrap_err();
        assert_eq!(error.code, "identity_differs");
        let identity = error.text.rsplit(' ').next().unwrap().to_owned();
        let (changed, prepared) = prepare(&config, &command("av-digits", &identity)).unwrap();
        assert_eq!(prepared.loaded.identity.sha256, identity);
        assert!(changed.model.unwrap().path.ends_with("av-digits"));
        assert_eq!(prepare(&config, &command("../zoo/av-digits", &identity)).unwrap_err().code, "no_bundle");
    }
}
