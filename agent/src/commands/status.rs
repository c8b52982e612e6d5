//! How the board is, in the words of an answer.

use edgeval_wire as wire;
use wire::{CommandName, CommandResult, CommandState, Reading};

use super::gate::{Refusal, Wall};
use super::ledger::Entry;
use crate::clock::Moment;
use crate::config::Config;
use crate::report::header::AGENT_VERSION;

/// What a status tells beside the configuration.
#[derive(Debug)]
pub struct Facts {
    /// The wall clock.
    pub time: Wall,
    /// Whether it is synchronised.
    pub clock_synchronized: Reading<bool>,
    /// The model at work.
    pub model: Option<wire::ModelIdentity>,
    /// What is at work.
    pub running: Option<wire::Running>,
    /// The ids of commands that wait.
    pub queued: Vec<String>,
    /// When the next evaluation by the clock is, in milliseconds since 1970.
    pub next_evaluation_unix_ms: Option<u64>,
    /// Refusals, by reason.
    pub refused: Vec<(&'static str, u64)>,
}

/// Words a status.
#[must_use]
pub fn status(config: &Config, facts: Facts) -> wire::Status {
    let refused = facts.refused.iter().map(|(code, count)| wire::Refusals { reason: wire::text(code), count: *count });
    wire::Status {
        agent_version: wire::text(AGENT_VERSION),
        uptime_ms: Moment::now().milliseconds(),
        time_unix_ms: facts.time.unix_ms,
        clock_synchronized: facts.clock_synchronized,
        model: Reading::or_reason(facts.model, "no model is at work"),
        live_interval_ms: config.report.live_interval_ms,
        field_interval_s: config.report.field_interval_s,
        allowed: config.commands.allow.iter().copied().take(CommandName::ALL.len()).collect(),
        signed: config.commands.public_key_file.is_some(),
        running: facts.running,
        queued: facts.queued.iter().take(wire::MAX_QUEUED).map(|id| wire::text(id)).collect(),
        next_evaluation_unix_ms: Reading::or_reason(facts.next_evaluation_unix_ms, "no time is set in [evaluation]"),
        refused: refused.take(24).collect(),
    }
}

/// An answer that says no more than this.
#[must_use]
pub fn answer(id: &str, command: &str, state: CommandState, reason: Option<&Refusal>) -> CommandResult {
    let reason =
        reason.map(|Refusal { code, text }| wire::CommandReason { code: wire::text(code), text: wire::text(text) });
    CommandResult {
        schema: wire::Schema,
        id: wire::text(id),
        command: wire::text(command),
        state,
        reason,
        progress: None,
        report_id: None,
        status: None,
    }
}

/// What became of a command that came before.
#[must_use]
pub fn known(entry: &Entry) -> CommandResult {
    let reason = entry.reason.as_ref();
    let reason = reason.map(|(code, text)| wire::CommandReason { code: wire::text(code), text: wire::text(text) });
    let report_id = entry.report_id.as_deref().map(wire::text);
    CommandResult { reason, report_id, ..answer(&entry.id, entry.name.as_str(), entry.state, None) }
}
