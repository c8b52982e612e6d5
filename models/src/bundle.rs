//! A bundle on disk: opened, checked, identified.

use std::path::{Path, PathBuf};

use crate::files::{FileError, read_bounded, sha256, sha256_of, stays_inside};
use crate::manifest::{Axes, Features, ImageInput, Input, LogMel, Manifest, Output, Precision, SCHEMA};
use crate::toml_error;

/// The manifest's name in a bundle's folder.
pub const MANIFEST_FILE: &str = "model.toml";
const MAXIMUM_MANIFEST_BYTES: u64 = 1 << 20;
/// ONNX's own bound: protobuf can't hold more.
pub const MAXIMUM_GRAPH_BYTES: u64 = 1 << 31;
/// No tensor of a sensible model has a side longer than this.
const MAXIMUM_SIDE: usize = 1 << 14;

/// Why a bundle can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The manifest isn't TOML, or not a manifest.
    #[error("{path}: {reason}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A field's value can't be.
    #[error("{path}: `{field}` is {value}; {reason}")]
    Field {
        /// The manifest.
        path: PathBuf,
        /// The field.
        field: String,
        /// What it says.
        value: String,
        /// Why that can't be, and what can.
        reason: String,
    },
    /// A file isn't the one that the manifest names.
    #[error(
        "{path} has SHA-256 {actual}, but the manifest says {expected}: the file was changed or cut short; fetch the bundle again"
    )]
    Digest {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        actual: String,
    },
    /// The bundle has no such variant.
    #[error("{path} has no {wanted} variant; it has {known}")]
    Variant {
        /// The manifest.
        path: PathBuf,
        /// What was asked for.
        wanted: Precision,
        /// What there is.
        known: String,
    },
}

/// A bundle whose manifest was checked and whose files are the ones it names.
#[derive(Clone, Debug)]
pub struct Bundle {
    directory: PathBuf,
    manifest: Manifest,
    identity: String,
}

impl Bundle {
    /// Opens a folder with `model.toml`, or that file itself, and checks every file that it names.
    ///
    /// # Errors
    /// When the manifest can't be read, says something that can't be, or a file's SHA-256 differs.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let (directory, file) = if path.is_dir() {
            (path.to_owned(), path.join(MANIFEST_FILE))
        } else {
            (path.parent().unwrap_or(Path::new("")).to_owned(), path.to_owned())
        };
        let bytes = read_bounded(&file, MAXIMUM_MANIFEST_BYTES)?;
        let manifest = parse(&file, &bytes)?;
        Checker { path: &file }.check(&manifest)?;
        let identity = identity(&directory, &bytes, &manifest)?;
        Ok(Self { directory, manifest, identity })
    }

    /// What the bundle says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256, in hexadecimal, over the manifest's bytes and then the SHA-256 of every file it names, variants in
    /// the order of their names. Any change of weights or preprocessing changes it.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The bundle's folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of a variant.
    ///
    /// # Errors
    /// When the bundle has no such variant.
    pub fn graph(&self, precision: Precision) -> Result<PathBuf, BundleError> {
        match self.manifest.variants.get(&precision) {
            Some(variant) => Ok(self.directory.join(&variant.file)),
            None => {
                let known: Vec<String> = self.manifest.variants.keys().map(ToString::to_string).collect();
                let path = self.directory.join(MANIFEST_FILE);
                Err(BundleError::Variant { path, wanted: precision, known: known.join(", ") })
            }
        }
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Manifest, BundleError> {
    let wrong = |reason| BundleError::Manifest { path: path.to_owned(), reason };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it isn't UTF-8 text".to_owned()))?;
    toml::from_str(text).map_err(|error| {
        let later = if error.message().contains("unknown variant `text`") {
            "; text inputs come with a later version"
        } else {
            ""
        };
        wrong(toml_error::explain(&error) + later)
    })
}

fn identity(directory: &Path, manifest_bytes: &[u8], manifest: &Manifest) -> Result<String, BundleError> {
    let mut covered = manifest_bytes.to_vec();
    for variant in manifest.variants.values() {
        let path = directory.join(&variant.file);
        let actual = sha256_of(&path)?;
        if actual != variant.sha256.to_lowercase() {
            return Err(BundleError::Digest { path, expected: variant.sha256.clone(), actual });
        }
        covered.extend_from_slice(actual.as_bytes());
    }
    Ok(sha256(&covered))
}

/// Checks what the manifest's types can't.
struct Checker<'a> {
    path: &'a Path,
}

impl Checker<'_> {
    fn check(&self, manifest: &Manifest) -> Result<(), BundleError> {
        self.demand(manifest.schema == SCHEMA, "schema", manifest.schema, "this program reads schema 1")?;
        self.demand(
            manifest.task == "classification",
            "task",
            &manifest.task,
            "this version knows classification alone",
        )?;
        self.demand(!manifest.labels.is_empty(), "labels", "empty", "a classifier needs at least one")?;
        let double =
            manifest.labels.iter().enumerate().find(|(index, label)| manifest.labels[..*index].contains(label));
        self.demand(
            double.is_none(),
            "labels",
            double.map_or("", |(_, label)| label),
            "each label must be there once",
        )?;
        for (precision, variant) in &manifest.variants {
            let field = format!("variant.{precision}.file");
            self.demand(
                stays_inside(&variant.file),
                &field,
                &variant.file,
                "it must be a file in the bundle's folder",
            )?;
            let agrees = variant.precision.is_none_or(|said| said == *precision);
            self.demand(
                agrees,
                &format!("variant.{precision}.precision"),
                "another",
                "it must agree with the variant's name",
            )?;
        }
        manifest.inputs.iter().try_for_each(|input| self.check_input(input))?;
        let logits = manifest.outputs.iter().filter(|output| matches!(output, Output::Logits { .. })).count();
        self.demand(logits == 1, "output", format!("{logits} of kind logits"), "a classifier has exactly one")
    }

    fn check_input(&self, input: &Input) -> Result<(), BundleError> {
        match input {
            Input::Image(image) => self.check_image(image),
            Input::Audio(audio) => {
                let rate = f64::from(audio.sample_rate_hz);
                self.within(&format!("{}.sample_rate_hz", audio.name), rate, 1000.0, 192_000.0)?;
                self.within(&format!("{}.window_ms", audio.name), audio.window_ms.into(), 10.0, 60_000.0)?;
                match &audio.features {
                    Features::Waveform {} => Ok(()),
                    Features::LogMel(mel) => self.check_log_mel(&audio.name, mel, rate, audio.samples()),
                }
            }
        }
    }

    fn check_image(&self, image: &ImageInput) -> Result<(), BundleError> {
        let name = |field: &str| format!("{}.{field}", image.name);
        self.within(&name("width"), image.width as f64, 1.0, MAXIMUM_SIDE as f64)?;
        self.within(&name("height"), image.height as f64, 1.0, MAXIMUM_SIDE as f64)?;
        let fits = |values: &[f64]| values.len() == 1 || values.len() == image.channels.count();
        let reason = "it must have one value, or one a channel";
        self.demand(fits(&image.mean), &name("mean"), format!("{:?}", image.mean), reason)?;
        self.demand(fits(&image.std), &name("std"), format!("{:?}", image.std), reason)?;
        let finite = image.mean.iter().all(|mean| mean.is_finite());
        self.demand(finite, &name("mean"), format!("{:?}", image.mean), "it must be finite")?;
        let usable = image.scale.is_finite() && image.scale != 0.0;
        self.demand(usable, &name("scale"), image.scale, "it must be finite and not zero")?;
        let divisible = image.std.iter().all(|std| std.is_finite() && *std != 0.0);
        self.demand(divisible, &name("std"), format!("{:?}", image.std), "it must be finite and not zero")
    }

    fn check_log_mel(&self, input: &str, mel: &LogMel, rate: f64, samples: usize) -> Result<(), BundleError> {
        let name = |field: &str| format!("{input}.features.{field}");
        self.within(&name("fft"), mel.fft as f64, 2.0, 65_536.0)?;
        self.within(&name("bands"), mel.bands as f64, 1.0, 1024.0)?;
        for (field, in_samples, in_ms) in
            [("window", mel.window_samples, mel.window_ms), ("hop", mel.hop_samples, mel.hop_ms)]
        {
            let one = in_samples.is_some() != in_ms.is_some();
            self.demand(one, &name(field), "given twice or not at all", "give it in samples or in milliseconds")?;
        }
        self.within(&name("window_samples"), mel.window_length(rate) as f64, 1.0, mel.fft as f64)?;
        self.within(&name("hop_samples"), mel.hop_length(rate) as f64, 1.0, samples as f64)?;
        self.within(&name("low_hz"), mel.low_hz, 0.0, mel.high_hz)?;
        self.within(&name("high_hz"), mel.high_hz, mel.low_hz, rate / 2.0)?;
        let power = mel.power == 1.0 || mel.power == 2.0;
        self.demand(power, &name("power"), mel.power, "it must be 1 or 2")?;
        self.within(&name("floor"), mel.floor, f64::from(f32::MIN_POSITIVE), 1e9)?;
        let frames = mel.frames(samples, rate);
        self.demand(frames > 0, &name("fft"), mel.fft, "the window's sound is shorter than one frame")
    }

    fn within(&self, field: &str, value: f64, low: f64, high: f64) -> Result<(), BundleError> {
        self.demand((low..=high).contains(&value), field, value, &format!("it must be from {low} to {high}"))
    }

    fn demand(&self, holds: bool, field: &str, value: impl ToString, reason: &str) -> Result<(), BundleError> {
        if holds {
            return Ok(());
        }
        let (field, value, reason) = (field.to_owned(), value.to_string(), reason.to_owned());
        Err(BundleError::Field { path: self.path.to_owned(), field, value, reason })
    }
}

impl LogMel {
    /// Samples in the analysis window.
    #[must_use]
    pub fn window_length(&self, sample_rate_hz: f64) -> usize {
        in_samples(self.window_samples, self.window_ms, sample_rate_hz)
    }

    /// Samples from one frame to the next.
    #[must_use]
    pub fn hop_length(&self, sample_rate_hz: f64) -> usize {
        in_samples(self.hop_samples, self.hop_ms, sample_rate_hz)
    }

    /// Dimensions of the features that so many samples make.
    #[must_use]
    pub fn shape(&self, samples: usize, sample_rate_hz: u32) -> [usize; 2] {
        let frames = self.frames(samples, f64::from(sample_rate_hz));
        match self.axes {
            Axes::FramesBands => [frames, self.bands],
            Axes::BandsFrames => [self.bands, frames],
        }
    }

    /// Frames that so many samples make.
    #[must_use]
    pub fn frames(&self, samples: usize, sample_rate_hz: f64) -> usize {
        let padded = if self.center { samples + self.fft / 2 * 2 } else { samples };
        padded.checked_sub(self.fft).map_or(0, |rest| rest / self.hop_length(sample_rate_hz).max(1) + 1)
    }
}

fn in_samples(samples: Option<usize>, milliseconds: Option<f64>, sample_rate_hz: f64) -> usize {
    samples.unwrap_or_else(|| milliseconds.map_or(0, |ms| (ms * sample_rate_hz / 1000.0).round() as usize))
}
