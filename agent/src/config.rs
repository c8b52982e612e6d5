//! The daemon's configuration: commented TOML, `EDGEVAL_…` from the environment on top, flags on top of that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use edgeval_models::{Engine, Execution, Precision};
use serde::Deserialize;
use toml::{Table, Value};

use crate::{capture, commands, publish};

/// Where the package puts the file.
const DEFAULT_PATH: &str = "/etc/edgeval/agent.toml";
const ENVIRONMENT_PREFIX: &str = "EDGEVAL_";

/// Everything that `edgeval run` can be told. `systemd/agent.toml` explains each key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who this board is.
    pub device: Device,
    /// Where reports go.
    pub broker: publish::Options,
    /// How reports are kept until they have arrived.
    pub outbox: publish::OutboxOptions,
    /// What is measured. Without it the agent only says that it is there.
    pub model: Option<Model>,
    /// Where windows come from.
    pub capture: capture::Options,
    /// How often the agent speaks.
    pub report: Reporting,
    /// Whether the board sees what it used to see.
    pub drift: Drift,
    /// What may be asked over MQTT.
    pub commands: commands::Options,
    /// The evaluation by the clock.
    pub evaluation: commands::Evaluation,
}

/// Who this board is.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Device {
    /// The board's name in topics; the host's name where none is given.
    pub name: Option<String>,
    /// The fleet's part that it belongs to.
    pub group: String,
    /// Where local reports are kept, and the outbox where it has no path of its own.
    pub state_directory: Option<PathBuf>,
}

impl Default for Device {
    fn default() -> Self {
        Self { name: None, group: "default".to_owned(), state_directory: None }
    }
}

/// The model that is measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// A bundle's folder.
    pub path: PathBuf,
    /// `int8` or `fp32`.
    #[serde(default = "default_precision")]
    pub precision: Precision,
    /// What runs it.
    #[serde(default)]
    pub engine: Engine,
    /// Threads that one inference may use.
    #[serde(default = "default_threads")]
    pub threads: usize,
}

impl Model {
    /// A bundle's folder, with the rest as it is where nothing is said.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path, precision: default_precision(), engine: Engine::default(), threads: default_threads() }
    }

    /// How it is run.
    pub const fn execution(&self) -> Execution {
        Execution { engine: self.engine, threads: self.threads }
    }
}

const fn default_precision() -> Precision {
    Precision::Int8
}

const fn default_threads() -> usize {
    1
}

/// How often the agent speaks.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reporting {
    /// Milliseconds between `live` messages, 100 to 3,600,000.
    pub live_interval_ms: u64,
    /// Seconds between field reports, 1 to 604,800.
    pub field_interval_s: u64,
}

impl Default for Reporting {
    fn default() -> Self {
        Self { live_interval_ms: 1000, field_interval_s: 60 }
    }
}

/// When drift is watched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// While sensors are captured.
    #[default]
    Live,
    /// In a replay, too.
    Always,
    /// Never.
    Off,
}

/// Drift without labels.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drift {
    /// When it is watched for.
    pub when: When,
    /// The first windows on this board make the baseline.
    pub baseline_windows: usize,
    /// So many later ones are held against it at a time.
    pub windows: usize,
    /// Windows that are dealt together: more than neighbours share.
    pub block_windows: usize,
    /// Share of periods that may be called drifted although nothing changed.
    pub false_alarm_rate: f64,
}

impl Default for Drift {
    fn default() -> Self {
        let when = When::default();
        Self { when, baseline_windows: 1200, windows: 240, block_windows: 8, false_alarm_rate: 0.01 }
    }
}

impl Reporting {
    /// Time between `live` messages.
    #[must_use]
    pub fn live_interval(&self) -> Duration {
        Duration::from_millis(self.live_interval_ms)
    }

    /// Time between field reports.
    #[must_use]
    pub fn field_interval(&self) -> Duration {
        Duration::from_secs(self.field_interval_s)
    }
}

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("configuration {path} can't be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file isn't TOML.
    #[error("configuration {path} isn't valid TOML: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why; never the line itself, which may hold a password.
        reason: String,
    },
    /// A key is unknown or a value doesn't fit.
    #[error("configuration: {0}")]
    Invalid(String),
}

/// The file that was named, or the package's where it exists.
#[must_use]
pub fn file(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| Some(PathBuf::from(DEFAULT_PATH)).filter(|path| path.exists()))
}

/// Reads the file (none: defaults alone), lays the environment and then `flags` over it, and checks the result.
///
/// # Errors
/// When the file can't be read, or a key or value isn't known; the message names the nearest known key.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: Table,
) -> Result<Config, ConfigError> {
    let mut table = file.map_or_else(|| Ok(Table::new()), read)?;
    for (path, value) in environment.filter_map(|(name, text)| Some((key_path(&name)?, parse_value(&text)))) {
        set(&mut table, &path, value);
    }
    merge(&mut table, flags);
    let config: Config =
        table.try_into().map_err(|error: toml::de::Error| ConfigError::Invalid(edgeval_models::explain(&error)))?;
    check(&config)?;
    Ok(config)
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason })?;
    text.parse().map_err(|error| ConfigError::Syntax { path: path.to_owned(), reason: edgeval_models::explain(&error) })
}

/// `EDGEVAL_BROKER__URL` is `broker.url`. Names without `__` belong to other uses of the prefix.
fn key_path(name: &str) -> Option<Vec<String>> {
    let rest = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    rest.contains("__").then(|| rest.split("__").map(str::to_lowercase).collect())
}

/// A value as TOML has it; text that isn't TOML is a string, so that nobody has to quote in a shell.
fn parse_value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Sets a value at a path of keys, making tables on the way.
pub fn set(table: &mut Table, path: &[impl AsRef<str>], value: Value) {
    let [key, rest @ ..] = path else { return };
    let key = key.as_ref().to_owned();
    if rest.is_empty() {
        table.insert(key, value);
        return;
    }
    let entry = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    if !entry.is_table() {
        *entry = Value::Table(Table::new());
    }
    if let Value::Table(inner) = entry {
        set(inner, rest, value);
    }
}

fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(other)) => merge(inner, other),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Whether every value is in its range.
///
/// # Errors
/// With the key and its range.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    in_range("report.live_interval_ms", config.report.live_interval_ms, 100, 3_600_000)?;
    in_range("report.field_interval_s", config.report.field_interval_s, 1, 604_800)?;
    check_drift(&config.drift)?;
    check_evaluation(&config.evaluation)?;
    match &config.model {
        Some(model) => in_range("model.threads", model.threads as u64, 1, 256),
        None => Ok(()),
    }
}

fn check_drift(drift: &Drift) -> Result<(), ConfigError> {
    in_range("drift.baseline_windows", drift.baseline_windows as u64, 16, 100_000)?;
    in_range("drift.windows", drift.windows as u64, 8, 100_000)?;
    in_range("drift.block_windows", drift.block_windows as u64, 1, 10_000)?;
    let rate = drift.false_alarm_rate;
    if (0.001..=0.5).contains(&rate) {
        return Ok(());
    }
    Err(ConfigError::Invalid(format!("`drift.false_alarm_rate` is {rate}; it must be from 0.001 to 0.5")))
}

fn check_evaluation(evaluation: &commands::Evaluation) -> Result<(), ConfigError> {
    in_range("evaluation.budget_s", evaluation.budget_s.into(), 1, 86_400)?;
    if evaluation.daily_at.is_some() && evaluation.set.is_none() {
        return Err(ConfigError::Invalid(
            "`evaluation.daily_at` is set but `evaluation.set` isn't: name a set".to_owned(),
        ));
    }
    Ok(())
}

fn in_range(key: &str, value: u64, low: u64, high: u64) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Invalid(format!("`{key}` is {value}; it must be from {low} to {high}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(Some(file.path()), environment, Table::new())
    }

    #[test]
    fn nothing_at_all_is_a_configuration() {
        let config = load(None, std::iter::empty(), Table::new()).unwrap();
        assert_eq!(config.device.group, "default");
        assert!(config.model.is_none());
    }

    #[test]
    fn the_environment_beats_the_file_and_flags_beat_both() {
        let config = load_text("[device]\ngroup = \"a\"", &[("EDGEVAL_DEVICE__GROUP", "b")]).unwrap();
        assert_eq!(config.device.group, "b");
        let mut flags = Table::new();
        set(&mut flags, &["device", "group"], "c".into());
        let environment = [("EDGEVAL_DEVICE__GROUP".to_owned(), "b".to_owned())];
        assert_eq!(load(None, environment.into_iter(), flags).unwrap().device.group, "c");
    }

    #[test]
    fn numbers_in_the_environment_are_numbers() {
        let config = load_text("", &[("EDGEVAL_REPORT__LIVE_INTERVAL_MS", "250")]).unwrap();
        assert_eq!(config.report.live_interval_ms, 250);
    }

    #[test]
    fn a_typo_names_the_nearest_key() {
        let error = load_text("[report]\nlive_intervall_ms = 5", &[]).unwrap_err().to_string();
        assert!(error.contains("did you mean `live_interval_ms`?"), "{error}");
        let error = load_text("[brokr]\n", &[]).unwrap_err().to_string();
        assert!(error.contains("did you mean `broker`?"), "{error}");
    }

    #[test]
    fn a_password_in_the_wrong_place_is_not_repeated() {
        for text in ["[broker]\npassword = \"swordfish\"", "[broker]\npassword = swordfish"] {
            let error = load_text(text, &[]).unwrap_err().to_string();
            assert!(error.contains("line 2") || error.contains("password_file"), "{error}");
            assert!(!error.contains("swordfish"), "{error}");
        }
        let error = load_text("", &[("EDGEVAL_BROKER__PASSWORD", "swordfish")]).unwrap_err().to_string();
        assert!(error.contains("password_file") && !error.contains("swordfish"), "{error}");
    }

    #[test]
    fn the_outbox_has_its_keys() {
        let text = "[outbox]\nmaximum_bytes = 8388608\nwhen_full = \"keep_newest_of_each_kind\"\n";
        assert_eq!(load_text(text, &[]).unwrap().outbox.maximum_bytes, 8 * 1024 * 1024);
        let error = load_text("[outbox]\nmaximum_byte = 1", &[]).unwrap_err().to_string();
        assert!(error.contains("did you mean `maximum_bytes`?"), "{error}");
        let error = load_text("[outbox]\nwhen_full = \"panic\"", &[]).unwrap_err().to_string();
        assert!(error.contains("thin_out"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_names_the_range() {
        let error = load_text("[report]\nlive_interval_ms = 5", &[]).unwrap_err().to_string();
        assert!(error.contains("from 100 to 3600000"), "{error}");
    }

    #[test]
    fn the_shipped_file_shows_the_defaults() {
        let shipped = load_text(include_str!("../../systemd/agent.toml"), &[]).unwrap();
        assert_eq!(format!("{shipped:?}"), format!("{:?}", load_text("", &[]).unwrap()));
    }

    #[test]
    fn every_key_that_the_shipped_file_comments_out_is_known() {
        let text = include_str!("../../systemd/agent.toml");
        let uncommented: Vec<&str> =
            text.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_key(rest)).unwrap_or(line)).collect();
        load_text(&uncommented.join("\n"), &[]).unwrap();
    }

    /// A commented key is a word and an equals sign; a commented section is in brackets.
    fn is_key(text: &str) -> bool {
        let word = text.split([' ', ']']).next().unwrap_or("");
        text.starts_with('[') || text[word.len()..].starts_with(" = ")
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = load(Some(Path::new("/nowhere/agent.toml")), std::iter::empty(), Table::new()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/agent.toml"), "{error}");
    }
}
