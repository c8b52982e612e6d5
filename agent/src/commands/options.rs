//! `[commands]` and `[evaluation]` in the configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use edgeval_wire::CommandName;
use serde::Deserialize;

use super::schedule::LocalTime;

/// What may be asked over MQTT.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Commands that are done; every other one is refused.
    pub allow: BTreeSet<CommandName>,
    /// The public key (PEM) of whoever may ask: with it only signed commands are done.
    pub public_key_file: Option<PathBuf>,
    /// The folder of bundles that the active model may be chosen from.
    pub model_directory: PathBuf,
    /// The folder of reference sets that an evaluation may be asked for.
    pub set_directory: PathBuf,
    /// Whether the clock is right though systemd-timesyncd doesn't say so.
    pub clock_trusted: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow: BTreeSet::from([CommandName::Status]),
            public_key_file: None,
            model_directory: "/usr/share/edgeval/models".into(),
            set_directory: "/usr/share/edgeval/sets".into(),
            clock_trusted: false,
        }
    }
}

/// The evaluation by the clock.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluation {
    /// When it begins each day, in local time, such as `02:30`; never where none is given.
    pub daily_at: Option<LocalTime>,
    /// The reference set's folder.
    pub set: Option<PathBuf>,
    /// The set's split.
    pub split: String,
    /// Samples as they are alone.
    pub quick: bool,
    /// Seconds that it may take, 1 to 86,400.
    pub budget_s: u32,
}

impl Default for Evaluation {
    fn default() -> Self {
        Self { daily_at: None, set: None, split: "test".to_owned(), quick: false, budget_s: 3600 }
    }
}
