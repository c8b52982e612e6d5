//! What an evaluation has done so far, on disk: a line of JSON for each sample, so that a stop loses one sample at most.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use edgeval_models::Prediction;
use serde::{Deserialize, Serialize};

use crate::{SetError, Trial};

/// No line is longer: a sample takes tens of kilobytes.
const MAXIMUM_LINE_BYTES: u64 = 16 << 20;
/// Lines are forced to the disk no oftener: a flash card wears out by writes, and waits for them. A loss of power loses what took so long.
const BETWEEN_SYNCS: Duration = Duration::from_secs(2);

/// What was done before.
#[derive(Debug, Default)]
pub struct Kept {
    /// By the sample's place: what the model said of it as it is.
    pub clean: BTreeMap<usize, Prediction>,
    /// By the sample's place: its trial.
    pub trials: BTreeMap<usize, Trial>,
}

/// Where what is done is kept.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// None keeps nothing.
    file: Option<File>,
    /// When lines were forced to the disk last.
    synced: Instant,
    /// Whether there are lines since.
    is_behind: bool,
}

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first: which evaluation this is.
    Evaluation(String),
    Clean {
        place: usize,
        prediction: Box<Prediction>,
    },
    Trial(Box<Trial>),
}

impl Journal {
    fn at(path: PathBuf, file: Option<File>) -> Self {
        Self { path, file, synced: Instant::now(), is_behind: false }
    }

    /// Keeps nothing.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::at(PathBuf::new(), None)
    }

    /// Begins anew at `path`. `evaluation` says all that a result depends on: model, set, options.
    ///
    /// # Errors
    /// When the file can't be written, or holds something else: that isn't emptied.
    pub fn create(path: &Path, evaluation: &str) -> Result<Self, SetError> {
        // Only what is locked may be emptied.
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|reason| wrong(path, &reason))?;
        lock(&file, path)?;
        if file.metadata().map_err(|reason| wrong(path, &reason))?.len() > 0 {
            read(path, evaluation)?;
        }
        file.set_len(0).map_err(|reason| wrong(path, &reason))?;
        let mut journal = Self::at(path.to_owned(), Some(file));
        journal.append(&Line::Evaluation(evaluation.to_owned()))?;
        Ok(journal)
    }

    /// Goes on with what is at `path`; begins anew when there is nothing. A line that was cut short by a loss of power is dropped.
    ///
    /// # Errors
    /// When the file can't be read, or belongs to another evaluation.
    pub fn resume(path: &Path, evaluation: &str) -> Result<(Self, Kept), SetError> {
        if !path.exists() {
            return Ok((Self::create(path, evaluation)?, Kept::default()));
        }
        let file = OpenOptions::new().append(true).open(path).map_err(|reason| wrong(path, &reason))?;
        lock(&file, path)?;
        let (kept, whole_bytes) = read(path, evaluation)?;
        file.set_len(whole_bytes).map_err(|reason| wrong(path, &reason))?;
        Ok((Self::at(path.to_owned(), Some(file)), kept))
    }

    /// Keeps what the model said of a sample as it is. What isn't finite, such as the logit of a class that is ruled out, has no form in JSON: the
    /// sample is asked about again.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep_clean(&mut self, place: usize, prediction: &Prediction) -> Result<(), SetError> {
        if !is_finite(prediction) {
            return Ok(());
        }
        self.append(&Line::Clean { place, prediction: Box::new(prediction.clone()) })
    }

    /// Keeps a trial.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep_trial(&mut self, trial: &Trial) -> Result<(), SetError> {
        self.append(&Line::Trial(Box::new(trial.clone())))
    }

    /// Forces everything to the disk.
    ///
    /// # Errors
    /// When that fails.
    pub fn sync(&mut self) -> Result<(), SetError> {
        let Some(file) = self.file.as_ref().filter(|_| self.is_behind) else { return Ok(()) };
        file.sync_data().map_err(|reason| wrong(&self.path, &reason))?;
        (self.synced, self.is_behind) = (Instant::now(), false);
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<(), SetError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut bytes = serde_json::to_vec(line).map_err(|reason| wrong(&self.path, &reason))?;
        bytes.push(b'\n');
        file.write_all(&bytes).map_err(|reason| wrong(&self.path, &reason))?;
        self.is_behind = true;
        if self.synced.elapsed() >= BETWEEN_SYNCS { self.sync() } else { Ok(()) }
    }
}

fn is_finite(prediction: &Prediction) -> bool {
    let Prediction { class: _, confidence, probabilities, logits, generated, embeddings, attention } = prediction;
    let of_words = generated.iter().flat_map(|generated| &generated.probabilities);
    let of_modalities =
        embeddings.iter().flat_map(|(_, values)| values).chain(attention.iter().map(|(_, weight)| weight));
    let mut all = [confidence].into_iter().chain(probabilities).chain(logits).chain(of_words).chain(of_modalities);
    all.all(|value| value.is_finite())
}

/// Keeps a second evaluation from writing into the same file.
fn lock(file: &File, path: &Path) -> Result<(), SetError> {
    let taken = "another evaluation is writing it: wait for it, or name another file with --journal";
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => wrong(path, &taken),
        TryLockError::Error(reason) => wrong(path, &reason),
    })
}

/// What whole lines say, and how many bytes they are.
fn read(path: &Path, evaluation: &str) -> Result<(Kept, u64), SetError> {
    let file = File::open(path).map_err(|reason| wrong(path, &reason))?;
    let (mut reader, mut kept, mut whole_bytes) = (BufReader::new(file), Kept::default(), 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut reader)
            .take(MAXIMUM_LINE_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(|reason| wrong(path, &reason))?;
        if length == 0 || line.last() != Some(&b'\n') {
            break;
        }
        match serde_json::from_slice(&line) {
            Ok(Line::Evaluation(other)) if other != evaluation => {
                let reason =
                    "it was begun with another model, set or options: give another file, or none to begin anew";
                return Err(SetError::Journal { path: path.to_owned(), reason: reason.to_owned() });
            }
            Ok(Line::Evaluation(_)) => {}
            _ if whole_bytes == 0 => {
                let reason = "it isn't a journal of an evaluation: give another file";
                return Err(SetError::Journal { path: path.to_owned(), reason: reason.to_owned() });
            }
            Ok(Line::Clean { place, prediction }) => drop(kept.clean.insert(place, *prediction)),
            Ok(Line::Trial(trial)) => drop(kept.trials.insert(trial.place, *trial)),
            // A damaged line is done again, and so is what follows it.
            Err(_) => break,
        }
        whole_bytes += length as u64;
    }
    if whole_bytes == 0 {
        let reason = "it isn't a journal of an evaluation: give another file".to_owned();
        return Err(SetError::Journal { path: path.to_owned(), reason });
    }
    Ok((kept, whole_bytes))
}

fn wrong(path: &Path, reason: &dyn std::fmt::Display) -> SetError {
    SetError::Journal { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(place: usize) -> Trial {
        Trial { place, score: 0.5, ..Trial::default() }
    }

    #[test]
    fn a_line_that_was_cut_short_is_dropped_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, "this").unwrap();
        journal.keep_clean(3, &Prediction::default()).unwrap();
        journal.keep_trial(&trial(3)).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..20 {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let (mut journal, kept) = Journal::resume(&path, "this").unwrap();
            assert_eq!((kept.clean.len(), kept.trials.len()), (1, 0), "cut by {cut}");
            journal.keep_trial(&trial(4)).unwrap();
            drop(journal);
            let (_, kept) = Journal::resume(&path, "this").unwrap();
            assert_eq!(kept.trials.into_values().collect::<Vec<_>>(), [trial(4)], "cut by {cut}");
        }
    }

    #[test]
    fn two_evaluations_don_t_write_into_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, "this").unwrap();
        journal.keep_trial(&trial(3)).unwrap();
        for error in [Journal::create(&path, "this").unwrap_err(), Journal::resume(&path, "this").unwrap_err()] {
            assert!(error.to_string().contains("another evaluation is writing"), "{error}");
        }
        drop(journal);
        assert_eq!(Journal::resume(&path, "this").unwrap().1.trials.len(), 1);
    }

    #[test]
    fn another_evaluation_s_journal_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        Journal::create(&path, "that").unwrap();
        let error = Journal::resume(&path, "this").unwrap_err().to_string();
        assert!(error.contains("another model"), "{error}");
        for text in ["", "notes\n", "{\"trial\":1}\n"] {
            std::fs::write(&path, text).unwrap();
            let error = Journal::resume(&path, "this").unwrap_err().to_string();
            assert!(error.contains("isn't a journal"), "{text}: {error}");
        }
    }

    #[test]
    fn what_else_a_file_holds_isn_t_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thesis.txt");
        std::fs::write(&path, "the only copy\n").unwrap();
        assert!(Journal::create(&path, "this").unwrap_err().to_string().contains("isn't a journal"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the only copy\n");
        std::fs::remove_file(&path).unwrap();
        Journal::create(&path, "that").unwrap();
        assert!(Journal::create(&path, "this").unwrap_err().to_string().contains("another model"));
        Journal::create(&path, "that").unwrap();
    }

    #[test]
    fn an_answer_that_json_can_t_say_loses_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, "this").unwrap();
        journal.keep_clean(1, &Prediction { logits: vec![f32::NEG_INFINITY], ..Prediction::default() }).unwrap();
        journal.keep_clean(2, &Prediction::default()).unwrap();
        drop(journal);
        let (_, kept) = Journal::resume(&path, "this").unwrap();
        assert_eq!(kept.clean.into_keys().collect::<Vec<_>>(), [2]);
    }
}
