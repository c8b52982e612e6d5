//! Is a reference set fit for use? What a careful person would look for.

mod answers;

use std::collections::{BTreeMap, BTreeSet};

use edgeval_measure::RANKED_SAMPLES;
use edgeval_models::{FileError, Window, sha256};
use serde::Serialize;

use crate::{ReferenceSet, Sample, SetError};

/// Sample ids that a finding names at most.
const NAMED_SAMPLES: usize = 5;
/// A sound whose loudest sample is under this (−60 dB of full scale) is silent.
const SILENT_PEAK: f32 = 1e-3;
/// A picture whose levels are no further apart is blank.
const BLANK_RANGE: u8 = 2;
/// Stray files that are looked for at most.
const STRAY_FILES: usize = 1000;
/// The largest class may have so many times the samples of the smallest.
const IMBALANCE: usize = 3;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The set can't be used.
    Error,
    /// Its figures may mislead.
    Warning,
    /// Good to know.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// For programs.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub text: String,
    /// Samples that it is about: the first few.
    pub samples: Vec<String>,
    /// How many samples it is about.
    pub count: usize,
}

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// The set's name.
    pub name: String,
    /// The set's version.
    pub version: String,
    /// The set's identity.
    pub sha256: String,
    /// Whether there are no errors.
    pub fit: bool,
    /// The errors, then the warnings, then the notes.
    pub findings: Vec<Finding>,
    /// Samples of each split.
    pub splits: BTreeMap<String, usize>,
    /// Samples that have each modality.
    pub modalities: BTreeMap<&'static str, usize>,
    /// Samples of each class.
    pub classes: BTreeMap<String, usize>,
    /// Samples of each group of each slice key.
    pub slices: BTreeMap<String, BTreeMap<String, usize>>,
}

/// Looks at every sample and every file. `progress` is told each sample that was looked at.
#[must_use]
pub fn check(set: &ReferenceSet, mut progress: impl FnMut()) -> CheckReport {
    let mut checker = Checker { set, found: BTreeMap::new(), contents: BTreeMap::new(), files: BTreeMap::new() };
    checker.check_lists();
    for sample in set.samples() {
        checker.check_sample(sample);
        progress();
    }
    checker.check_duplicates();
    checker.check_shared_files();
    checker.check_files();
    checker.check_answers();
    checker.check_reference_errors();
    checker.check_balance();
    checker.check_coverage();
    checker.report()
}

/// Collects what is found, by severity and code.
struct Checker<'a> {
    set: &'a ReferenceSet,
    found: BTreeMap<(Severity, &'static str), (String, Vec<String>)>,
    /// Samples by what they consist of.
    contents: BTreeMap<String, Vec<&'a Sample>>,
    /// Samples by the digest of each picture and sound that they have.
    files: BTreeMap<String, Vec<&'a Sample>>,
}

impl<'a> Checker<'a> {
    fn add(&mut self, severity: Severity, code: &'static str, text: impl Into<String>, sample: impl Into<String>) {
        self.found.entry((severity, code)).or_insert_with(|| (text.into(), Vec::new())).1.push(sample.into());
    }

    fn check_lists(&mut self) {
        if self.set.samples().is_empty() {
            self.add(Severity::Error, "no_samples", "the set has no samples", "");
        }
        if !self.set.has_checksums() {
            let text = "the set has no checksums (a metadata.jsonl folder): a changed file won't be noticed";
            self.add(Severity::Note, "no_checksums", text, "");
        }
        let mut seen = BTreeSet::new();
        for sample in self.set.samples() {
            if !seen.insert(&sample.id) {
                self.add(Severity::Error, "duplicate_id", "ids must be unique: rename one", &sample.id);
            }
        }
        for (split, declared) in self.set.declared_splits() {
            let actual = self.set.samples().iter().filter(|sample| sample.split == *split).count() as u64;
            if actual != *declared {
                let text = format!("set.toml says split {split} has {declared} samples, samples.jsonl has {actual}");
                self.add(Severity::Error, "split_size", text, "");
            }
        }
    }

    fn check_sample(&mut self, sample: &'a Sample) {
        self.check_answer(sample);
        let has_words = sample.text.as_ref().is_some_and(|text| !text.trim().is_empty());
        if sample.files().next().is_none() && !has_words {
            self.add(
                Severity::Error,
                "empty_sample",
                "samples without picture, sound or text: take them out",
                &sample.id,
            );
            return;
        }
        match self.set.window(sample) {
            Ok(window) => {
                self.check_content(sample, &window);
                self.keep_content(sample);
            }
            Err(error) => self.add(Severity::Error, code_of(&error), error.to_string(), &sample.id),
        }
    }

    fn check_content(&mut self, sample: &Sample, window: &Window) {
        if let Some(picture) = &window.image {
            let (low, high) = picture.data.iter().fold((255, 0), |(low, high), &v| (v.min(low), v.max(high)));
            if high < low || high - low <= BLANK_RANGE {
                self.add(Severity::Warning, "blank_image", "pictures with nothing to see", &sample.id);
            }
            let (width, height) = (picture.width as f64, picture.height as f64);
            if sample.regions.iter().any(|region| region.x + region.width > width || region.y + region.height > height)
            {
                let text = "regions that reach past their picture: give pixels of the picture as viewers show it, turned as its EXIF says";
                self.add(Severity::Error, "region_outside", text, &sample.id);
            }
        }
        if let Some(sound) = &window.audio {
            let peak = sound.samples.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
            if peak < SILENT_PEAK {
                self.add(Severity::Warning, "silent_audio", "sounds under −60 dB of full scale", &sample.id);
            }
        }
    }

    /// Keeps the digest of everything that a sample consists of, and of each of its files.
    fn keep_content(&mut self, sample: &'a Sample) {
        let mut parts = Vec::new();
        for file in sample.files() {
            match self.set.read(file) {
                Ok(bytes) => parts.push(sha256(&bytes)),
                Err(error) => return self.add(Severity::Error, code_of(&error), error.to_string(), &sample.id),
            }
        }
        for digest in &parts {
            self.files.entry(digest.clone()).or_default().push(sample);
        }
        parts.extend(sample.text.iter().chain(&sample.ask).cloned());
        parts.extend(sample.turns.iter().flat_map(|turn| [turn.text.clone(), turn.answer.clone()]));
        self.contents.entry(parts.join(" ")).or_default().push(sample);
    }

    fn check_duplicates(&mut self) {
        let contents = std::mem::take(&mut self.contents);
        for samples in contents.values().filter(|samples| samples.len() > 1) {
            for sample in samples[1..].iter().filter(|sample| sample.split == samples[0].split) {
                let text = "samples with the same content as another: they count twice; take them out";
                self.add(Severity::Warning, "duplicate_sample", text, &sample.id);
            }
        }
    }

    /// A picture or a sound in two splits is too many, whatever it is paired with.
    fn check_shared_files(&mut self) {
        let files = std::mem::take(&mut self.files);
        let mut shared: BTreeSet<&str> = BTreeSet::new();
        for samples in files.values() {
            let others = samples[1..].iter().filter(|sample| sample.split != samples[0].split);
            shared.extend(others.map(|sample| sample.id.as_str()));
        }
        for sample in shared {
            let text =
                "splits share a picture or sound: what a model was calibrated on can't test it; keep it in one split";
            self.add(Severity::Error, "shared_content", text, sample);
        }
    }

    fn check_files(&mut self) {
        let named: BTreeSet<&str> = self.set.samples().iter().flat_map(Sample::files).collect();
        let is_content =
            |file: &str| ["png", "jpg", "jpeg", "wav", "flac"].contains(&crate::sample::ending(file).as_str());
        let set = self.set;
        for file in set.listed_files().filter(|file| !named.contains(file)) {
            if is_content(file) {
                self.add(Severity::Note, "unused_file", "files that no sample names", file);
            }
            if let Err(error) = set.read(file) {
                self.add(Severity::Error, code_of(&error), error.to_string(), file);
            }
        }
        for file in set.unlisted_files(STRAY_FILES) {
            let text = "files that files.sha256 doesn't list, so that nothing holds them: list them or take them away";
            self.add(Severity::Warning, "stray_file", text, file);
        }
    }

    /// Errors that models are held against.
    fn check_reference_errors(&mut self) {
        match self.set.reference_errors() {
            Ok(Ok(_)) => {}
            Ok(Err(reason)) if self.set.stores_reference_errors() => {
                self.add(Severity::Warning, "old_reference_errors", reason, "");
            }
            Ok(Err(_)) => {}
            Err(error) => self.add(Severity::Error, "reference_errors", error.to_string(), ""),
        }
    }

    /// Whether each modality and each group has what figures about it need.
    fn check_coverage(&mut self) {
        let (total, set) = (self.set.samples().len(), self.set);
        let modalities = modalities(set.samples());
        for declared in set.declared_modalities().iter().filter(|name| !modalities.contains_key(name.as_str())) {
            let text = "modalities that set.toml names and no sample has: correct one of the two";
            self.add(Severity::Error, "modality_without_samples", text, declared);
        }
        for (modality, _) in modalities.into_iter().filter(|(_, count)| *count < total) {
            let text = "modalities that some samples lack: a model gets a black picture, silence or no words for them";
            self.add(Severity::Note, "partial_modality", text, modality);
        }
        for (key, groups) in slices(set.samples()) {
            for (value, _) in groups.into_iter().filter(|(_, count)| (*count as u64) < RANKED_SAMPLES) {
                let text = format!("groups of under {RANKED_SAMPLES} samples: they are reported, not ranked");
                self.add(Severity::Note, "small_group", text, format!("{key} {value}"));
            }
        }
    }

    fn check_balance(&mut self) {
        let classes = self.classes();
        let counts = classes.values().copied();
        if let (Some(least), Some(most)) = (counts.clone().min(), counts.max())
            && most > IMBALANCE * least
        {
            let text = format!("the largest class has {most} samples, the smallest {least}: look at macro averages");
            self.add(Severity::Warning, "imbalance", text, "");
        }
        let unseen: Vec<String> =
            self.set.labels().iter().filter(|label| !classes.contains_key(*label)).cloned().collect();
        for label in unseen {
            self.add(Severity::Warning, "class_without_samples", "classes without a sample", label);
        }
    }

    fn classes(&self) -> BTreeMap<String, usize> {
        let mut classes = BTreeMap::new();
        for label in self.set.samples().iter().filter_map(|sample| sample.label.clone()) {
            *classes.entry(label).or_default() += 1;
        }
        classes
    }

    fn report(self) -> CheckReport {
        let samples = self.set.samples();
        let mut splits = BTreeMap::new();
        for sample in samples {
            *splits.entry(sample.split.clone()).or_default() += 1;
        }
        let classes = self.classes();
        let findings: Vec<Finding> = self.found.into_iter().map(finding).collect();
        CheckReport {
            name: self.set.name().to_owned(),
            version: self.set.version().to_owned(),
            sha256: self.set.identity().to_owned(),
            fit: findings.iter().all(|finding| finding.severity != Severity::Error),
            findings,
            splits,
            modalities: modalities(samples),
            classes,
            slices: slices(samples),
        }
    }
}

/// Samples that have each modality; one that none has is left out.
fn modalities(samples: &[Sample]) -> BTreeMap<&'static str, usize> {
    let has = |pick: fn(&Sample) -> bool| samples.iter().filter(|sample| pick(sample)).count();
    let counts = [
        ("image", has(|sample| sample.image.is_some())),
        ("audio", has(|sample| sample.audio.is_some())),
        ("text", has(|sample| sample.text.is_some())),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// Samples of each group of each slice key.
fn slices(samples: &[Sample]) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut slices = BTreeMap::<String, BTreeMap<String, usize>>::new();
    for (key, value) in samples.iter().flat_map(|sample| &sample.slices) {
        *slices.entry(key.clone()).or_default().entry(value.clone()).or_default() += 1;
    }
    slices
}

fn finding(((severity, code), (text, mut samples)): ((Severity, &'static str), (String, Vec<String>))) -> Finding {
    let count = samples.len();
    samples.retain(|sample| !sample.is_empty());
    samples.truncate(NAMED_SAMPLES);
    Finding { severity, code, text, samples, count }
}

const fn code_of(error: &SetError) -> &'static str {
    match error {
        SetError::File(FileError::Unreadable { .. }) => "missing_or_unreadable",
        SetError::Digest { .. } => "changed_file",
        SetError::Unlisted(_) => "unlisted_file",
        SetError::Undecodable { .. } => "undecodable",
        SetError::File(FileError::TooLarge { .. }) => "too_large",
        SetError::Outside(_) => "outside_the_folder",
        SetError::NotAFile(_) => "not_a_file",
        _ => "unusable",
    }
}
