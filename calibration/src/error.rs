//! What can be wrong with a reference set.

use std::path::PathBuf;

use edgeval_models::FileError;

use crate::corruption::CorruptionError;

/// Why a reference set can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// A file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A sample names a file of somebody else's.
    #[error("{0} lies outside the set's folder")]
    Outside(PathBuf),
    /// A sample names what isn't a file.
    #[error("{0} isn't a regular file: put a file there, or take it out of the list")]
    NotAFile(PathBuf),
    /// The set is larger than anything sensible.
    #[error("{path} has more than {limit} samples: split the set")]
    TooManySamples {
        /// The list.
        path: PathBuf,
        /// The bound.
        limit: usize,
    },
    /// The folder has neither of the two descriptions.
    #[error("{0} has neither set.toml nor metadata.jsonl: it isn't a reference set")]
    NoSet(PathBuf),
    /// The description says something that can't be.
    #[error("{path}: {reason}")]
    Description {
        /// The description.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A line of the samples can't be read.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A file isn't the one that was recorded.
    #[error("{path} isn't the file that {recorded_in} recorded: it was changed or cut short; fetch the set again")]
    Digest {
        /// The file.
        path: PathBuf,
        /// Where its SHA-256 stands.
        recorded_in: &'static str,
    },
    /// A file was never recorded.
    #[error("{0} isn't listed in files.sha256: add it there, or take it out of samples.jsonl")]
    Unlisted(PathBuf),
    /// A picture or sound can't be decoded.
    #[error("{path} can't be decoded: {reason}")]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// The set has no samples in a split.
    #[error("{set} has no sample of the split `{wanted}`; {known}")]
    Split {
        /// The set's folder.
        set: PathBuf,
        /// What was asked for.
        wanted: String,
        /// What there is, in words.
        known: String,
    },
    /// A sample's label isn't one of the model's.
    #[error("sample {sample} is labelled `{label}`, which the model doesn't know; it knows {known}")]
    Label {
        /// Which sample.
        sample: String,
        /// Its label.
        label: String,
        /// The model's labels.
        known: String,
    },
    /// A sample asks for what the model can't be asked for.
    #[error("sample {sample} asks for `{ask}`, which the model can't be asked for; it knows {known}")]
    Ask {
        /// Which sample.
        sample: String,
        /// What it asks for.
        ask: String,
        /// What the model can be asked for.
        known: String,
    },
    /// Two samples have one name.
    #[error("the set has two samples `{0}`: ids must be unique; rename one")]
    DoubleId(String),
    /// A sample has nothing for the model.
    #[error("sample {sample} has none of what the model takes ({takes}): name its files, or take it out")]
    Nothing {
        /// Which sample.
        sample: String,
        /// What would do.
        takes: String,
    },
    /// A sample for retrieval isn't a pair.
    #[error("sample {sample} has no {lacks}: a model for retrieval is held against pairs")]
    NoPair {
        /// Which sample.
        sample: String,
        /// What it lacks.
        lacks: String,
    },
    /// A sample can't be corrupted.
    #[error("sample {sample}: {reason}")]
    Corruption {
        /// Which sample.
        sample: String,
        /// Why.
        reason: CorruptionError,
    },
    /// What was kept of an evaluation can't be read or written.
    #[error("{path}: {reason}")]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Somebody stopped a trial, or its time was up.
    #[error("sample {0}: its trial was stopped")]
    Stopped(String),
    /// A sample has no label to be scored against.
    #[error("sample {0} has no label: only labelled samples can be scored")]
    Unlabelled(String),
    /// The predictor's answer can't be scored.
    #[error("sample {sample}: the model answered {reason}")]
    Answer {
        /// Which sample.
        sample: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The predictor failed on a sample.
    #[error("sample {sample}: {reason}")]
    Prediction {
        /// Which sample.
        sample: String,
        /// What it said.
        reason: Box<dyn std::error::Error + Send + Sync>,
    },
}
