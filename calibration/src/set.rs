//! A reference set on disk: opened, its samples listed, each read and verified when it is wanted.

use std::path::{Path, PathBuf};

use edgeval_models::{FileError, Modality, Sound, Task, Window, read_bounded, sha256, stays_inside};
use serde::Deserialize;

use crate::checksums::{self, CHECKSUMS_FILE, Checksums};
use crate::sample::Sample;
use crate::{SetError, decode};

const DESCRIPTION_FILE: &str = "set.toml";
const SAMPLES_FILE: &str = "samples.jsonl";
const HUGGING_FACE_FILE: &str = "metadata.jsonl";
const MAXIMUM_TEXT_BYTES: u64 = 256 << 20;
/// No picture or sound file is larger.
const MAXIMUM_FILE_BYTES: u64 = 64 << 20;
/// No line of a list is longer: a sample takes hundreds of bytes.
const MAXIMUM_LINE_BYTES: usize = 1 << 20;
/// No set has more samples.
const MAXIMUM_SAMPLES: usize = 1_000_000;

/// `set.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "keys that people read are checked for being there")]
struct Description {
    schema: u32,
    name: String,
    version: String,
    task: Task,
    licence: String,
    source: String,
    #[serde(default)]
    description: String,
    modalities: Vec<String>,
    #[serde(default)]
    labels: Vec<String>,
    /// What the samples ask for, of a set for models that generate.
    #[serde(default)]
    asks: Vec<String>,
    #[serde(default)]
    splits: std::collections::BTreeMap<String, u64>,
    files_sha256: String,
}

/// A reference set. Opening it reads the lists; pictures and sounds are read, and held against their SHA-256, one by one.
#[derive(Clone, Debug)]
pub struct ReferenceSet {
    directory: PathBuf,
    /// The same without symbolic links: no file may lie outside it.
    root: PathBuf,
    name: String,
    version: String,
    identity: String,
    task: Task,
    labels: Vec<String>,
    declared_asks: Vec<String>,
    declared_splits: std::collections::BTreeMap<String, u64>,
    declared_modalities: Vec<String>,
    samples: Vec<Sample>,
    /// `None` for a Hugging Face folder, which has none.
    checksums: Option<Checksums>,
}

impl ReferenceSet {
    /// Opens a folder with `set.toml`, or a Hugging Face folder with `metadata.jsonl`, which has no checksums.
    ///
    /// # Errors
    /// When a list can't be read, contradicts its recorded SHA-256, or names what can't be.
    pub fn open(directory: &Path) -> Result<Self, SetError> {
        let unreadable = |reason| FileError::Unreadable { path: directory.to_owned(), reason };
        std::fs::read_dir(directory).map_err(unreadable)?;
        if directory.join(DESCRIPTION_FILE).is_file() {
            return Self::open_own(directory);
        }
        if directory.join(HUGGING_FACE_FILE).is_file() {
            return Self::open_hugging_face(directory);
        }
        Err(SetError::NoSet(directory.to_owned()))
    }

    fn open_own(directory: &Path) -> Result<Self, SetError> {
        let (path, text) = read_text(directory, DESCRIPTION_FILE)?;
        let wrong = |reason: String| SetError::Description { path: path.clone(), reason };
        let description: Description = toml::from_str(&text).map_err(|error| wrong(edgeval_models::explain(&error)))?;
        if description.schema != 1 {
            return Err(wrong(format!("`schema` is {}; this program reads schema 1", description.schema)));
        }
        let names = [&description.name, &description.version].into_iter().chain(&description.labels);
        if let Some(name) = names.into_iter().find(|name| name.contains(char::is_control)) {
            return Err(wrong(format!("{name:?} has a character that isn't to be seen")));
        }
        let (list_path, list) = read_text(directory, CHECKSUMS_FILE)?;
        if sha256(list.as_bytes()) != description.files_sha256.to_lowercase() {
            return Err(SetError::Digest { path: list_path, recorded_in: DESCRIPTION_FILE });
        }
        let checksums = checksums::parse(&list_path, &list)?;
        let (samples_path, lines) = read_text(directory, SAMPLES_FILE)?;
        verify(&checksums, SAMPLES_FILE, lines.as_bytes(), &samples_path)?;
        Ok(Self {
            directory: directory.to_owned(),
            root: canonical(directory),
            name: description.name,
            version: description.version,
            identity: sha256(text.as_bytes()),
            task: description.task,
            labels: description.labels,
            declared_asks: description.asks,
            declared_splits: description.splits,
            declared_modalities: description.modalities,
            samples: samples(&samples_path, &lines)?,
            checksums: Some(checksums),
        })
    }

    fn open_hugging_face(directory: &Path) -> Result<Self, SetError> {
        let (path, lines) = read_text(directory, HUGGING_FACE_FILE)?;
        let samples = samples(&path, &lines)?;
        let labels: std::collections::BTreeSet<String> =
            samples.iter().filter_map(|sample| sample.label.clone()).collect();
        let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self {
            directory: directory.to_owned(),
            root: canonical(directory),
            name,
            version: "unversioned".to_owned(),
            identity: sha256(lines.as_bytes()),
            task: likely_task(&samples),
            labels: labels.into_iter().collect(),
            declared_asks: Vec::new(),
            declared_splits: std::collections::BTreeMap::new(),
            declared_modalities: Vec::new(),
            samples,
            checksums: None,
        })
    }

    /// The set's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The set's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256, in hexadecimal, of `set.toml`; that names the SHA-256 of `files.sha256`, which names every other file's. Of a Hugging Face
    /// folder it covers the list alone.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The set's folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What models the set is for. A Hugging Face folder doesn't say: with references it is for those that generate, with labels for
    /// classifiers, with texts alone for retrieval.
    #[must_use]
    pub const fn task(&self) -> Task {
        self.task
    }

    /// What the set says that its samples ask for; nothing when it doesn't say.
    #[must_use]
    pub fn declared_asks(&self) -> &[String] {
        &self.declared_asks
    }

    /// The labels that the set declares, or that its samples have.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How many samples the set says each split has.
    #[must_use]
    pub const fn declared_splits(&self) -> &std::collections::BTreeMap<String, u64> {
        &self.declared_splits
    }

    /// The modalities that the set says its samples have.
    #[must_use]
    pub fn declared_modalities(&self) -> &[String] {
        &self.declared_modalities
    }

    /// All samples, in order.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Whether every file has a recorded SHA-256; a Hugging Face folder has none.
    #[must_use]
    pub const fn has_checksums(&self) -> bool {
        self.checksums.is_some()
    }

    /// The files that have a recorded SHA-256.
    pub fn listed_files(&self) -> impl Iterator<Item = &str> {
        self.checksums.iter().flatten().map(|(file, _)| file.as_str())
    }

    /// Whether a file of the folder belongs to the set.
    #[must_use]
    pub fn has_file(&self, file: &Path) -> bool {
        let own = [DESCRIPTION_FILE, CHECKSUMS_FILE, SAMPLES_FILE, HUGGING_FACE_FILE].into_iter();
        let mut all = own.chain(self.listed_files()).chain(self.samples.iter().flat_map(Sample::files));
        all.any(|known| Path::new(known) == file)
    }

    /// Places in [`ReferenceSet::samples`] of a split's samples.
    ///
    /// # Errors
    /// When there are none.
    pub fn positions(&self, split: &str) -> Result<Vec<usize>, SetError> {
        let found: Vec<usize> = self
            .samples
            .iter()
            .enumerate()
            .filter(|(_, sample)| sample.split == split)
            .map(|(place, _)| place)
            .collect();
        if found.is_empty() {
            let known: std::collections::BTreeSet<&str> = self.samples.iter().map(|s| s.split.as_str()).collect();
            let known = match Vec::from_iter(known).join(", ") {
                none if none.is_empty() => "it has no samples at all".to_owned(),
                known => format!("it has {known}: name one with --split"),
            };
            return Err(SetError::Split { set: self.directory.clone(), wanted: split.to_owned(), known });
        }
        Ok(found)
    }

    /// A file of the set, verified.
    ///
    /// # Errors
    /// When it leaves the folder, can't be read, is too large, isn't listed, or isn't the file that was recorded.
    pub fn read(&self, file: &str) -> Result<Vec<u8>, SetError> {
        let path = locate(&self.directory, &self.root, file)?;
        let bytes = read_bounded(&path, MAXIMUM_FILE_BYTES)?;
        if let Some(checksums) = &self.checksums {
            verify(checksums, file, &bytes, &path)?;
        }
        Ok(bytes)
    }

    /// Files that lie in the folder and aren't listed: the set's identity doesn't cover them. Nothing without checksums, and at most
    /// `limit`.
    #[must_use]
    pub fn unlisted_files(&self, limit: usize) -> Vec<String> {
        let Some(checksums) = &self.checksums else { return Vec::new() };
        let own = |file: &String| [DESCRIPTION_FILE, CHECKSUMS_FILE].contains(&file.as_str());
        let mut files = checksums::files_in(&self.directory, checksums.len() + 2 + limit);
        files.retain(|file| !own(file) && !checksums.contains_key(file));
        files.truncate(limit);
        files
    }

    /// A sample's picture and sound, decoded, with its words.
    ///
    /// # Errors
    /// As [`ReferenceSet::read`], or when a file can't be decoded.
    pub fn window(&self, sample: &Sample) -> Result<Window, SetError> {
        let image = sample.image.as_deref().map(|file| self.decoded(file, decode::picture)).transpose()?;
        let audio = sample.audio.as_deref().map(|file| self.decoded(file, decode::sound)).transpose()?;
        let Sample { text, ask, turns, .. } = sample;
        Ok(Window { image, audio, text: text.clone(), ask: ask.clone(), turns: turns.clone() })
    }

    /// The same, less a modality that is left out.
    ///
    /// # Errors
    /// As [`ReferenceSet::window`].
    pub fn window_without(&self, sample: &Sample, left_out: Option<Modality>) -> Result<Window, SetError> {
        let mut window = self.window(sample)?;
        if let Some(modality) = left_out {
            window.remove(modality);
        }
        Ok(window)
    }

    /// A sample's picture, sound or words alone: others aren't read.
    ///
    /// # Errors
    /// As [`ReferenceSet::window`].
    pub fn window_of(&self, sample: &Sample, modality: Modality) -> Result<Window, SetError> {
        let Sample { id, ask, image, audio, text, turns, .. } = sample.clone();
        let part = Sample { id, ask, ..Sample::default() };
        self.window(&match modality {
            Modality::Image => Sample { image, ..part },
            Modality::Audio => Sample { audio, ..part },
            Modality::Text => Sample { text, turns, ..part },
        })
    }

    /// The longer sound around a sample's, with its own in the middle; `None` when it names none.
    ///
    /// # Errors
    /// As [`ReferenceSet::window`].
    pub fn context(&self, sample: &Sample) -> Result<Option<Sound>, SetError> {
        sample.context.as_deref().map(|file| self.decoded(file, decode::sound)).transpose()
    }

    fn decoded<T>(&self, file: &str, decode: fn(&[u8]) -> Result<T, String>) -> Result<T, SetError> {
        let undecodable = |reason| SetError::Undecodable { path: self.directory.join(file), reason };
        decode(&self.read(file)?).map_err(undecodable)
    }
}

/// What a folder without a description is for.
fn likely_task(samples: &[Sample]) -> Task {
    let any = |has: fn(&Sample) -> bool| samples.iter().any(has);
    if any(|sample| !sample.references.is_empty()) {
        Task::Generation
    } else if any(|sample| sample.text.is_some()) && !any(|sample| sample.label.is_some()) {
        Task::Retrieval
    } else {
        Task::Classification
    }
}

/// A picture or sound is what its folder's list says.
fn verify(checksums: &Checksums, file: &str, bytes: &[u8], path: &Path) -> Result<(), SetError> {
    match checksums.get(file) {
        None => Err(SetError::Unlisted(path.to_owned())),
        Some(recorded) if *recorded == sha256(bytes) => Ok(()),
        Some(_) => Err(SetError::Digest { path: path.to_owned(), recorded_in: CHECKSUMS_FILE }),
    }
}

fn samples(path: &Path, text: &str) -> Result<Vec<Sample>, SetError> {
    let sample = |(index, line): (usize, &str)| {
        let wrong = |reason| SetError::Line { path: path.to_owned(), line: index + 1, reason };
        if line.len() > MAXIMUM_LINE_BYTES {
            return Err(wrong(format!("it has {} bytes; at most {MAXIMUM_LINE_BYTES} are read", line.len())));
        }
        Sample::from_line(line, index + 1).map_err(wrong)
    };
    // Windows' editors begin with a mark of the byte order.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = || text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    if lines().nth(MAXIMUM_SAMPLES).is_some() {
        return Err(SetError::TooManySamples { path: path.to_owned(), limit: MAXIMUM_SAMPLES });
    }
    lines().map(sample).collect()
}

fn read_text(directory: &Path, file: &str) -> Result<(PathBuf, String), SetError> {
    let path = locate(directory, &canonical(directory), file)?;
    let bytes = read_bounded(&path, MAXIMUM_TEXT_BYTES)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok((path, text)),
        Err(_) => Err(SetError::Description { path, reason: "it isn't UTF-8 text".to_owned() }),
    }
}

/// Where a file of the folder lies. A path may not leave the folder, and opening a pipe would wait for ever.
/// `root` is the folder with no symbolic link in it.
fn locate(directory: &Path, root: &Path, file: &str) -> Result<PathBuf, SetError> {
    let path = directory.join(file);
    // What isn't there can't lead out.
    let resolves_inside = || path.canonicalize().map_or(true, |path| path.starts_with(root));
    if !stays_inside(file) || !resolves_inside() {
        return Err(SetError::Outside(path));
    }
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(SetError::NotAFile(path));
    }
    Ok(path)
}

/// A folder by its path without symbolic links; one that isn't there by its own.
fn canonical(directory: &Path) -> PathBuf {
    directory.canonicalize().unwrap_or_else(|_| directory.to_owned())
}
