//! What an evaluation has done so far, on disk: a line for each sample, so that a stop loses one sample at most. A line is a CRC-32 in eight
//! hexadecimal digits, a space, and JSON: what a failing card or a person changed is done again.

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

impl Kept {
    fn insert(&mut self, line: Line) {
        match line {
            Line::Clean { place, prediction } => drop(self.clean.insert(place, *prediction)),
            Line::Trial(trial) => drop(self.trials.insert(trial.place, *trial)),
            Line::Evaluation(_) => {}
        }
    }
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

impl Line {
    fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let json = serde_json::to_string(self)?;
        Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes())
    }

    /// `None` when the line isn't as it was written.
    fn decode(line: &[u8]) -> Option<Self> {
        let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(9)?;
        (sum == format!("{:08x} ", crc32fast::hash(json)).as_bytes()).then(|| serde_json::from_slice(json).ok())?
    }
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
        Self::begun(path, file, evaluation)
    }

    fn begun(path: &Path, file: File, evaluation: &str) -> Result<Self, SetError> {
        file.set_len(0).map_err(|reason| wrong(path, &reason))?;
        let mut journal = Self::at(path.to_owned(), Some(file));
        journal.append(&Line::Evaluation(evaluation.to_owned()))?;
        Ok(journal)
    }

    /// Goes on with what is at `path`; begins anew when there is nothing. A line that isn't as it was written, since power was lost or somebody changed it,
    /// is dropped, and so is what follows.
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
        if whole_bytes == 0 {
            return Ok((Self::begun(path, file, evaluation)?, kept));
        }
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
        let bytes = line.encode().map_err(|reason| wrong(&self.path, &reason))?;
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

/// What whole lines say, and how many bytes they are: none when it ends in its first line.
fn read(path: &Path, evaluation: &str) -> Result<(Kept, u64), SetError> {
    let file = File::open(path).map_err(|reason| wrong(path, &reason))?;
    let (mut reader, mut kept, mut whole_bytes) = (BufReader::new(file), Kept::default(), 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limited = (&mut reader).take(MAXIMUM_LINE_BYTES).read_until(b'\n', &mut line);
        let length = limited.map_err(|reason| wrong(path, &reason))?;
        match Line::decode(&line) {
            Some(Line::Evaluation(same)) if same == evaluation => {}
            Some(Line::Evaluation(_)) => {
                let other = "it was begun with another model, set or options: give another file, or none to begin anew";
                return Err(wrong(path, &other));
            }
            Some(line) if whole_bytes > 0 => kept.insert(line),
            None if whole_bytes > 0 || is_beginning(&line, evaluation) => break,
            _ => return Err(wrong(path, &"it isn't a journal of an evaluation: give another file")),
        }
        whole_bytes += length as u64;
    }
    Ok((kept, whole_bytes))
}

/// Whether power was lost while the first line was written.
fn is_beginning(line: &[u8], evaluation: &str) -> bool {
    Line::Evaluation(evaluation.to_owned()).encode().is_ok_and(|whole| whole.starts_with(line))
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
    fn a_line_that_was_changed_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, "this").unwrap();
        (3..6).for_each(|place| journal.keep_trial(&trial(place)).unwrap());
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"place\":4,\"score\":0.5", "\"place\":4,\"score\":1.0")).unwrap();
        assert_eq!(Journal::resume(&path, "this").unwrap().1.trials.into_keys().collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn one_that_ends_in_its_first_line_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        Journal::create(&path, "this").unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, kept) = Journal::resume(&path, "this").unwrap();
            assert!(kept.trials.is_empty());
            journal.keep_trial(&trial(3)).unwrap();
            drop(journal);
            assert_eq!(Journal::resume(&path, "this").unwrap().1.trials.len(), 1, "{length}");
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
        for text in ["notes", "notes\n", "{\"trial\":1}\n"] {
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
