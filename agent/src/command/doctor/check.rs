//! One thing that was looked at.

use serde::Serialize;

use crate::probe::Probed;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Figures may be worse than they could be, or something will fail later.
    Warning,
    /// Figures would be invalid, or the daemon can't do its work.
    Failed,
    /// It can't be told on this board.
    NotKnown,
}

/// One thing that was looked at, what was found, and what mends it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub name: &'static str,
    pub verdict: Verdict,
    pub found: String,
    /// A command, or what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), mend: None }
    }

    pub(super) fn warning(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, found: found.into(), mend: Some(mend.into()) }
    }

    pub(super) fn failed(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Failed, found: found.into(), mend: Some(mend.into()) }
    }

    pub(super) fn not_known(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::NotKnown, found: found.into(), mend: None }
    }

    /// What a reading comes to, or that there is none.
    pub(super) fn of<T>(name: &'static str, reading: Probed<T>, judge: impl FnOnce(T) -> Self) -> Self {
        reading.map_or_else(|error| Self::not_known(name, error.to_string()), judge)
    }
}
