//! What a board can be asked to do, and what it answers. Commands come from people and their programs: always as JSON, and what
//! isn't known is refused, since an option that is ignored does something else than was asked for.

use std::fmt;
use std::str::FromStr;

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{ModelIdentity, Name, Quantity, Reading, Refusals, Schema, Text, TopicError};

/// The largest body of a command, in bytes.
pub const MAX_COMMAND_BYTES: usize = 4096;
/// Commands that wait while one runs, at most.
pub const MAX_QUEUED: usize = 8;

/// A command's id: 1 to 64 letters, digits, `.`, `_`, `-`. The same id is the same command.
pub type CommandId = Text<64>;

/// The commands, by their words in a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandName {
    /// How the board is.
    Status,
    /// Measure the active model's speed.
    Bench,
    /// Score the active model on a reference set.
    Evaluate,
    /// Speak more or less often.
    Interval,
    /// Run another model.
    Model,
    /// Don't do, or stop doing, what another command asked for.
    Cancel,
}

/// A command with its body.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// [`CommandName::Status`]
    Status(Nothing),
    /// [`CommandName::Bench`]
    Bench(BenchCommand),
    /// [`CommandName::Evaluate`]
    Evaluate(EvaluateCommand),
    /// [`CommandName::Interval`]
    Interval(IntervalCommand),
    /// [`CommandName::Model`]
    Model(ModelCommand),
    /// [`CommandName::Cancel`]
    Cancel(CancelCommand),
}

/// No options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// How to bench.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BenchCommand {
    /// Timed queries, at least: 1 to 1,000,000.
    pub queries: u32,
    /// Seconds of timed queries, at least: up to 3600.
    pub duration_s: u32,
}

impl Default for BenchCommand {
    fn default() -> Self {
        Self { queries: 200, duration_s: 1 }
    }
}

/// How to evaluate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateCommand {
    /// A folder's name in the configured folder of reference sets; without it, the set that is evaluated at night.
    pub set: Option<Text<64>>,
    /// The set's split; `test` where none is given.
    pub split: Option<Text<64>>,
    /// Samples as they are alone.
    pub quick: bool,
    /// Seconds that it may take, 1 to 86,400.
    pub budget_s: Option<u32>,
}

/// How often to speak. What isn't given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IntervalCommand {
    /// Milliseconds between `live` messages.
    pub live_interval_ms: Option<u64>,
    /// Seconds between field reports.
    pub field_interval_s: Option<u64>,
}

/// Which model to run. Both name it: nothing runs that the sender didn't mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCommand {
    /// A folder's name in the configured folder of bundles.
    pub bundle: Text<64>,
    /// The bundle's identity, in hexadecimal.
    pub identity: Text<64>,
    /// `int8` or `fp32`; as it is where none is given.
    #[serde(default)]
    pub precision: Option<Text<16>>,
}

/// What not to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelCommand {
    /// The other command's id.
    pub id: CommandId,
}

/// Why a body isn't one of its command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// More bytes than any command has.
    #[error("{0} bytes are more than any command has ({MAX_COMMAND_BYTES})")]
    TooLarge(usize),
    /// It has no names.
    #[error("the body must be a JSON object, such as {{\"quick\": true}}")]
    NoObject,
    /// It isn't JSON, or another command's.
    #[error("the body isn't one of this command: {0}")]
    Json(#[from] serde_json::Error),
}

impl Command {
    /// Reads a body, from anybody. Nothing at all stands for no options.
    ///
    /// # Errors
    /// When it is too large, isn't JSON, or has a field that the command hasn't.
    pub fn parse(name: CommandName, body: &[u8]) -> Result<Self, CommandError> {
        if body.len() > MAX_COMMAND_BYTES {
            return Err(CommandError::TooLarge(body.len()));
        }
        let body = if body.trim_ascii().is_empty() { b"{}" } else { body.trim_ascii() };
        // A list would be taken for the options in their order.
        if !body.starts_with(b"{") {
            return Err(CommandError::NoObject);
        }
        Ok(match name {
            CommandName::Status => Self::Status(serde_json::from_slice(body)?),
            CommandName::Bench => Self::Bench(serde_json::from_slice(body)?),
            CommandName::Evaluate => Self::Evaluate(serde_json::from_slice(body)?),
            CommandName::Interval => Self::Interval(serde_json::from_slice(body)?),
            CommandName::Model => Self::Model(serde_json::from_slice(body)?),
            CommandName::Cancel => Self::Cancel(serde_json::from_slice(body)?),
        })
    }

    /// Which one it is.
    #[must_use]
    pub const fn name(&self) -> CommandName {
        match self {
            Self::Status(_) => CommandName::Status,
            Self::Bench(_) => CommandName::Bench,
            Self::Evaluate(_) => CommandName::Evaluate,
            Self::Interval(_) => CommandName::Interval,
            Self::Model(_) => CommandName::Model,
            Self::Cancel(_) => CommandName::Cancel,
        }
    }
}

impl CommandName {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Status, Self::Bench, Self::Evaluate, Self::Interval, Self::Model, Self::Cancel];

    /// Its word in a topic.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Bench => "bench",
            Self::Evaluate => "evaluate",
            Self::Interval => "interval",
            Self::Model => "model",
            Self::Cancel => "cancel",
        }
    }

    /// The name as a level of a topic.
    ///
    /// # Errors
    /// Never: all words can be in a topic.
    pub fn level(self) -> Result<Name, TopicError> {
        Name::new(self.as_str())
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for CommandName {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|name| name.as_str() == word);
        found.ok_or_else(|| format!("there is no such command; there are {}", known()))
    }
}

/// What became of a command so far. The last four are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandState {
    /// It was taken and waits for its turn.
    Queued,
    /// It is at work.
    Running,
    /// It did what was asked for.
    Done,
    /// It was taken and couldn't be done.
    Failed,
    /// It was stopped because another command asked for that.
    Cancelled,
    /// It was never taken.
    Refused,
}

impl CommandState {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// An answer to a command: several come while it is at work, the last one is final.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandResult {
    /// Schema number.
    pub schema: Schema,
    /// The command's id; empty where it had none that could be read.
    pub id: CommandId,
    /// Which command, as its topic had it.
    pub command: Text<32>,
    /// What became of it.
    pub state: CommandState,
    /// Why not, where it was refused, failed or cancelled.
    pub reason: Option<CommandReason>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// The id of the report that it made.
    pub report_id: Option<Text<36>>,
    /// How the board is, where that was asked for.
    pub status: Option<Box<Status>>,
}

/// Why a command wasn't done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReason {
    /// For programs: lower case with underscores, never reused for anything else.
    pub code: Text<32>,
    /// For people: what is wrong and what to do.
    pub text: Text<240>,
}

/// How far work is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub stage: Text<32>,
    /// How many are done.
    pub done: u64,
    /// Of how many.
    pub of: u64,
}

/// How a board is, as far as commands are concerned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// edgeval's version.
    pub agent_version: Text<32>,
    /// Time since the board started.
    pub uptime_ms: u64,
    /// Wall time, in milliseconds since 1970.
    pub time_unix_ms: u64,
    /// Whether the wall time is synchronised: without that, commands that can expire are refused.
    pub clock_synchronized: Reading<bool>,
    /// The active model.
    pub model: Reading<ModelIdentity>,
    /// Milliseconds between `live` messages.
    pub live_interval_ms: u64,
    /// Seconds between field reports.
    pub field_interval_s: u64,
    /// Commands that may be sent.
    pub allowed: Vec<CommandName, 6>,
    /// Whether they must be signed.
    pub signed: bool,
    /// What is at work.
    pub running: Option<Running>,
    /// The ids of commands that wait.
    pub queued: Vec<CommandId, MAX_QUEUED>,
    /// When the next evaluation by the clock is, in milliseconds since 1970.
    pub next_evaluation_unix_ms: Reading<u64>,
    /// Commands refused since the agent started, by reason.
    pub refused: Vec<Refusals, 24>,
}

/// What is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The command's id.
    pub id: CommandId,
    /// Which command.
    pub command: CommandName,
    /// How far it is.
    pub progress: Option<Progress>,
    /// Whether it was stopped for a while because live windows were dropped.
    pub paused: bool,
}

impl Quantity for ModelIdentity {}
