//! A measurement that the daemon has made by a process of its own: it tells how far it is, leaves its summary in a file, and ends when
//! the daemon does, however that ends.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use edgeval_wire as wire;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::clock::Moment;
use crate::probe::Roots;
use crate::report::conditions::Observed;
use crate::report::header::Origin;
use crate::terminal;

/// The environment's variable with the daemon's process id.
pub const DAEMON: &str = "EDGEVAL_DAEMON";
/// What a line of progress begins with.
pub const PROGRESS: &str = "progress ";
/// Lines of progress aren't closer than this.
const BETWEEN_LINES: Duration = Duration::from_millis(500);

/// How the daemon calls a verb.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Background {
    /// Work for the daemon: progress as lines on standard error, the report that it sends into this file
    #[arg(long = "background", hide = true, value_name = "FILE")]
    summary: Option<PathBuf>,
}

impl Background {
    /// Ends with the daemon from now on, where it was the daemon that called.
    ///
    /// # Errors
    /// When the system refuses, or the daemon has ended already.
    pub fn enter(&self) -> std::io::Result<()> {
        if self.summary.is_none() {
            return Ok(());
        }
        // What it has done is kept, and the signal reaches a process that is stopped.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have ended before it could be asked for.
        let daemon = std::env::var(DAEMON).ok().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        if daemon == getppid() { Ok(()) } else { Err(std::io::Error::other("the daemon has ended")) }
    }

    /// A teller of progress, where the daemon listens.
    #[must_use]
    pub fn teller(&self) -> Option<Teller> {
        self.summary.is_some().then(Teller::default)
    }

    /// Leaves the report for the daemon, who gives it its number and sends it.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn leave(
        &self,
        body: wire::Body,
        model: wire::ModelIdentity,
        set: Option<wire::SetIdentity>,
        observed: &Observed,
    ) -> anyhow::Result<()> {
        let Some(path) = &self.summary else { return Ok(()) };
        let nobody = wire::DeviceName { group: wire::Text::new(), name: wire::Text::new() };
        let origin = Origin { roots: Roots::default(), device: nobody, model };
        let header = origin.header(0, set, observed, None);
        let report = wire::Report { schema: wire::Schema, header, body };
        let bytes = wire::Message::Report(Box::new(report)).encode(wire::Encoding::Json)?;
        std::fs::write(path, bytes).with_context(|| format!("can't write {}", path.display()))
    }
}

/// Tells how far a measurement is, not too often.
#[derive(Debug, Default)]
pub struct Teller {
    last: Mutex<Option<(&'static str, Moment)>>,
}

impl Teller {
    /// So many are done of a stage.
    pub fn tell(&self, stage: &'static str, done: u64, of: u64) {
        let now = Moment::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = last.is_some_and(|(told, at)| told == stage && now.since(at) < BETWEEN_LINES);
        if !is_early {
            *last = Some((stage, now));
            terminal::print_note(format_args!("{PROGRESS}{stage} {done} {of}"));
        }
    }
}

/// Reads a line of progress.
#[must_use]
pub fn progress(line: &str) -> Option<wire::Progress> {
    let mut words = line.strip_prefix(PROGRESS)?.split(' ');
    let stage = wire::text(words.next()?);
    Some(wire::Progress { stage, done: words.next()?.parse().ok()?, of: words.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_progress_is_read_and_others_are_not() {
        let read = progress("progress scoring 7 400").unwrap();
        assert_eq!((read.stage.as_str(), read.done, read.of), ("scoring", 7, 400));
        for line in ["error: no such file", "progress", "progress scoring x 4", "progress scoring 4"] {
            assert_eq!(progress(line), None, "{line}");
        }
    }
}
