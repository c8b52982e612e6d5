//! A measurement in a process of its own: the daemon stays small, a kill cancels it, and live windows come first.
//!
//! The thread that starts it runs at the lowest priority, which it inherits. Where live windows are dropped all the same, it is stopped
//! for a while.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use edgeval_wire::{Encoding, Message, MessageKind, Progress, Report};
use rustix::process::{Pid, Signal, kill_process};

use crate::background;
use crate::clock::Moment;

/// The largest full report that is kept.
const MAX_REPORT_BYTES: u64 = 64 << 20;
/// The longest line that is looked at.
const MAX_LINE_BYTES: u64 = 4096;
/// How long it is stopped when live windows were dropped.
const PAUSE: Duration = Duration::from_secs(5);

/// What came out.
#[derive(Debug)]
pub struct Made {
    /// The report, without its number.
    pub report: Box<Report>,
    /// The full report, as the verb prints it.
    pub full: Vec<u8>,
}

/// What the process says, as it comes.
#[derive(Debug, Default)]
struct Said {
    progress: Option<Progress>,
    last_line: String,
}

/// A running measurement. Dropping it ends it.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    said: Arc<Mutex<Said>>,
    summary: PathBuf,
    full: PathBuf,
    dropped: u64,
    paused_until: Option<Moment>,
    listener: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts a verb of this very program, with its files in `folder`. `dropped` is the number of live windows dropped so far.
    ///
    /// # Errors
    /// When the process can't be started.
    pub fn start(words: &[String], folder: &Path, dropped: u64) -> std::io::Result<Self> {
        let (summary, full) = (folder.join("summary.json"), folder.join("full.json"));
        // One that an earlier run left says nothing of this one.
        let _ = std::fs::remove_file(&summary);
        // The program may have been replaced by a newer one under its name.
        let mut process = Command::new("/proc/self/exe")
            .arg0("edgeval")
            .args(words)
            .arg("--json")
            .arg("--background")
            .arg(&summary)
            .env("EDGEVAL_LOG", "warn")
            .env(background::DAEMON, std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(File::create(&full)?)
            .stderr(Stdio::piped())
            .spawn()?;
        let said = Arc::new(Mutex::new(Said::default()));
        let (lines, listening) = (process.stderr.take(), Arc::clone(&said));
        let thread = std::thread::Builder::new().name("measurement".to_owned());
        let listener = lines.map(|lines| thread.spawn(move || listen(lines, &listening))).transpose();
        let mut child = Self { process, said, summary, full, dropped, paused_until: None, listener: None };
        // Without a thread the child is ended here.
        child.listener = listener?;
        Ok(child)
    }

    /// How far it is.
    pub fn progress(&self) -> Option<Progress> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).progress.clone()
    }

    /// Whether it is stopped for a while.
    pub const fn is_paused(&self) -> bool {
        self.paused_until.is_some()
    }

    /// What came out, once it ended.
    pub fn poll(&mut self) -> Option<Result<Made, String>> {
        match self.process.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => {
                // Its last words are heard to their end.
                let _ = self.listener.take().map(JoinHandle::join);
                Some(self.read().map_err(|error| self.why(&format!("{status}: {error}"))))
            }
            Err(error) => Some(Err(error.to_string())),
        }
    }

    /// Stops it for a while when live windows were dropped since it was last looked at.
    pub fn yield_to_live(&mut self, dropped: u64, now: Moment) {
        if dropped > self.dropped {
            self.signal(Signal::STOP);
            self.paused_until = Some(now.shifted(i64::try_from(PAUSE.as_nanos()).unwrap_or(i64::MAX)));
        } else if self.paused_until.is_some_and(|until| now >= until) {
            self.signal(Signal::CONT);
            self.paused_until = None;
        }
        self.dropped = dropped;
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // It may have ended already.
            let _ = kill_process(id, signal);
        }
    }

    fn read(&self) -> Result<Made, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let summary = edgeval_models::read_bounded(&self.summary, MAX_REPORT_BYTES).map_err(|error| words(&error))?;
        let message = Message::decode(MessageKind::Report, Encoding::Json, &summary).map_err(|error| words(&error))?;
        let Message::Report(report) = message else { return Err("it left no report".to_owned()) };
        let full = edgeval_models::read_bounded(&self.full, MAX_REPORT_BYTES).map_err(|error| words(&error))?;
        Ok(Made { report, full })
    }

    /// What it said last explains more than its missing file.
    fn why(&self, otherwise: &str) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.last_line.is_empty() { otherwise.to_owned() } else { said.last_line.clone() }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already; one that is stopped ends just the same.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Notes what the process says until it ends.
fn listen(lines: ChildStderr, said: &Mutex<Said>) {
    let mut lines = BufReader::new(lines);
    let mut line = Vec::new();
    while (&mut lines).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        match background::progress(&text) {
            Some(progress) => said.progress = Some(progress),
            None if text.is_empty() => {}
            None => {
                tracing::debug!("measurement: {text}");
                said.last_line = text;
            }
        }
        drop(said);
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn child(script: &str) -> Child {
        let mut process =
            Command::new("sh").args(["-c", script]).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Said::default()));
        let (lines, listening) = (process.stderr.take().unwrap(), Arc::clone(&said));
        let listener = Some(std::thread::spawn(move || listen(lines, &listening)));
        let (summary, full) = (PathBuf::from("/nowhere"), PathBuf::from("/nowhere"));
        Child { process, said, summary, full, dropped: 0, paused_until: None, listener }
    }

    fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_so() {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The kernel's letter for what a process does: the third field, after the name in brackets.
    fn state(id: u32) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit(") ").next()?.chars().next()
    }

    #[test]
    fn it_pauses_while_live_windows_are_dropped_and_ends_when_it_is_dropped() {
        let mut child = child("exec sleep 60");
        let id = child.process.id();
        let seconds = |seconds: i64| Moment::from_nanoseconds(seconds * 1_000_000_000);
        child.yield_to_live(0, seconds(1));
        assert!(!child.is_paused());
        child.yield_to_live(1, seconds(2));
        wait_until("it is stopped", || state(id) == Some('T'));
        child.yield_to_live(1, seconds(6));
        assert!(child.is_paused() && child.poll().is_none());
        child.yield_to_live(1, seconds(7));
        wait_until("it goes on", || state(id) == Some('S'));
        child.yield_to_live(2, seconds(8));
        drop(child);
        assert_eq!(state(id), None, "one that is stopped ends, too");
    }

    #[test]
    fn what_it_says_last_is_why_it_failed() {
        let mut child = child("echo progress scoring 3 9 >&2; echo error: no such model >&2; exit 1");
        let mut ended = None;
        wait_until("its end", || {
            ended = child.poll();
            ended.is_some()
        });
        assert_eq!(ended.unwrap().unwrap_err(), "error: no such model");
        assert_eq!(child.progress().unwrap().done, 3);
    }
}
