//! Commands that were taken, on disk: a command that comes again, after a kill too, isn't done again.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use edgeval_wire::{CommandName, CommandState};
use serde::{Deserialize, Serialize};

use super::gate::{Refusal, Wall};
use crate::publish::Reply;
use crate::state;

/// Commands that are remembered.
const MAX_ENTRIES: usize = 256;
/// No kept file is larger: that many entries, each with the largest body.
const MAX_BYTES: u64 = 8 << 20;

/// A command that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Which command.
    pub name: CommandName,
    /// SHA-256 of topic and body.
    pub digest: String,
    /// When it could no longer be sent again, in milliseconds since 1970.
    pub expires_unix_ms: Option<u64>,
    /// What became of it.
    pub state: CommandState,
    /// Why not: code and words.
    pub reason: Option<(String, String)>,
    /// The report that it made.
    pub report_id: Option<String>,
    /// What is left to do, until it is done.
    pub work: Option<Work>,
}

/// What it takes to do a command, after a restart too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The command's body.
    pub body: String,
    /// Where its answers go.
    pub reply: Reply,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What became of it.
    pub state: CommandState,
    /// Why not.
    pub reason: Option<Refusal>,
    /// The report that it made.
    pub report_id: Option<String>,
}

/// All commands that were taken, the oldest first.
#[derive(Debug)]
pub struct Ledger {
    path: Option<PathBuf>,
    entries: VecDeque<Entry>,
}

impl Ledger {
    /// Goes on with what was kept in `folder`. A file that can't be read is set aside, and that is said.
    #[must_use]
    pub fn open(folder: Option<&Path>) -> Self {
        let path = folder.map(|folder| folder.join("commands.json"));
        let entries = path.as_deref().and_then(read).unwrap_or_default();
        Self { path, entries }
    }

    /// The command of this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// Commands that a restart left undone, the oldest first.
    #[must_use]
    pub fn undone(&self) -> Vec<Entry> {
        self.entries.iter().filter(|entry| !entry.state.is_final()).cloned().collect()
    }

    /// Remembers a command, before it is done.
    ///
    /// # Errors
    /// When there is no room, or the disk refuses: what can't be remembered could be done twice.
    pub fn take(&mut self, entry: Entry, wall: Wall) -> Result<(), Refusal> {
        self.make_room(wall)?;
        self.entries.push_back(entry);
        let kept = self.keep();
        if kept.is_err() {
            self.entries.pop_back();
        }
        kept.map_err(|reason| {
            Refusal::new("not_kept", format!("its id can't be kept, so it could be done twice: {reason}"))
        })
    }

    /// The command is being done.
    pub fn begin(&mut self, id: &str) {
        self.change(id, |entry| entry.state = CommandState::Running);
    }

    /// The command ended.
    pub fn end(&mut self, id: &str, verdict: &Verdict) {
        self.change(id, |entry| {
            entry.state = verdict.state;
            entry.reason = verdict.reason.as_ref().map(|reason| (reason.code.to_owned(), reason.text.clone()));
            entry.report_id.clone_from(&verdict.report_id);
            entry.work = None;
        });
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else { return };
        change(entry);
        if let Err(reason) = self.keep() {
            tracing::warn!("what became of command {id} isn't kept: {reason}");
        }
    }

    /// What can expire is remembered until then. A clock that can't be believed makes nothing old.
    fn make_room(&mut self, wall: Wall) -> Result<(), Refusal> {
        let is_over = |expires: u64| wall.synchronized && expires < wall.unix_ms;
        while self.entries.len() >= MAX_ENTRIES {
            let may_go = |entry: &Entry| entry.state.is_final() && entry.expires_unix_ms.is_none_or(is_over);
            let words = "too many commands are remembered that haven't expired yet: wait, or let them expire sooner";
            let oldest = self.entries.iter().position(may_go).ok_or_else(|| Refusal::new("too_many", words))?;
            self.entries.remove(oldest);
        }
        Ok(())
    }

    fn keep(&self) -> Result<(), String> {
        let path = self.path.as_deref().ok_or("there is no state folder")?;
        let bytes = serde_json::to_vec(&self.entries).map_err(|error| error.to_string())?;
        state::replace(path, &bytes).map_err(|error| error.to_string())
    }
}

fn read(path: &Path) -> Option<VecDeque<Entry>> {
    if !path.exists() {
        return None;
    }
    let bytes = edgeval_models::read_bounded(path, MAX_BYTES).map_err(|error| error.to_string());
    let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    read.inspect_err(|error| {
        tracing::warn!("{} can't be read and is set aside; commands could be done twice: {error}", path.display());
        let _ = std::fs::rename(path, path.with_extension("damaged"));
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall { unix_ms: 1000, synchronized: true };

    fn entry(id: &str, expires_unix_ms: Option<u64>) -> Entry {
        Entry {
            id: id.to_owned(),
            name: CommandName::Bench,
            digest: "d".to_owned(),
            expires_unix_ms,
            state: CommandState::Queued,
            reason: None,
            report_id: None,
            work: Some(Work { body: "{}".to_owned(), reply: Reply::default() }),
        }
    }

    fn done() -> Verdict {
        Verdict { state: CommandState::Done, reason: None, report_id: Some("r".to_owned()) }
    }

    #[test]
    fn what_was_taken_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(Some(folder.path()));
        ledger.take(entry("a", None), NOW).unwrap();
        ledger.take(entry("b", None), NOW).unwrap();
        ledger.begin("b");
        ledger.end("a", &done());
        let again = Ledger::open(Some(folder.path()));
        assert_eq!(again.find("a").unwrap().report_id.as_deref(), Some("r"));
        let undone: Vec<_> = again.undone().into_iter().map(|entry| (entry.id, entry.state)).collect();
        assert_eq!(undone, [("b".to_owned(), CommandState::Running)]);
    }

    #[test]
    fn what_can_be_sent_again_is_not_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(Some(folder.path()));
        for number in 0..MAX_ENTRIES {
            ledger.take(entry(&number.to_string(), Some(if number == 7 { 500 } else { 5000 })), NOW).unwrap();
            ledger.end(&number.to_string(), &done());
        }
        let doubtful = Wall { synchronized: false, ..NOW };
        assert_eq!(ledger.take(entry("x", None), doubtful).unwrap_err().code, "too_many");
        ledger.take(entry("x", None), NOW).unwrap();
        assert!(ledger.find("7").is_none() && ledger.find("8").is_some());
        assert_eq!(ledger.take(entry("y", None), NOW).unwrap_err().code, "too_many");
    }

    #[test]
    fn what_cannot_be_kept_is_not_taken() {
        let mut ledger = Ledger::open(None);
        assert_eq!(ledger.take(entry("a", None), NOW).unwrap_err().code, "not_kept");
        assert!(ledger.find("a").is_none());
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("commands.json"), "[{").unwrap();
        let mut ledger = Ledger::open(Some(folder.path()));
        ledger.take(entry("a", None), NOW).unwrap();
        assert!(folder.path().join("commands.damaged").exists());
    }
}
