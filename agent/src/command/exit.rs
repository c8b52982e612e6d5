//! Exit statuses, and errors that have one of their own.

/// Exit status of wrong words on the command line: clap's own.
const EXIT_USAGE: u8 = 2;
/// Exit status of a measurement that was made but isn't valid.
pub const EXIT_INVALID: u8 = 3;
/// Exit status of work that somebody stopped: what a shell shows for SIGINT.
pub const EXIT_INTERRUPTED: u8 = 130;

/// An error that isn't told by status 1.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct ExitError {
    text: &'static str,
    /// What the process ends with.
    pub status: u8,
}

impl ExitError {
    /// Words on the command line that each make sense and together don't.
    pub const fn usage(text: &'static str) -> Self {
        Self { text, status: EXIT_USAGE }
    }

    /// Somebody stopped it.
    pub const fn interrupted(text: &'static str) -> Self {
        Self { text, status: EXIT_INTERRUPTED }
    }
}
