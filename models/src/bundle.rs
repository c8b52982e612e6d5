//! A bundle on disk: opened, checked, identified.

use std::path::{Path, PathBuf};

use crate::files::{FileError, read_bounded, sha256, sha256_of};
use crate::manifest::{GraphFile, Manifest, Precision, Variant, check};
use crate::toml_error;

/// The manifest's name in a bundle's folder.
pub const MANIFEST_FILE: &str = "model.toml";
const MAXIMUM_MANIFEST_BYTES: u64 = 1 << 20;
/// Vocabularies of a quarter of a million tokens, in every language, take a quarter of this.
pub const MAXIMUM_TOKENIZER_BYTES: u64 = 64 << 20;
/// ONNX's own bound: protobuf can't hold more.
pub const MAXIMUM_GRAPH_BYTES: u64 = 1 << 31;

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
    #[error("{path} has no {wanted} variant; it has {known}: name that with --precision")]
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
        check(&file, &manifest)?;
        let identity = identity(&directory, &bytes, &manifest)?;
        Ok(Self { directory, manifest, identity })
    }

    /// What the bundle says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256, in hexadecimal, over the manifest's bytes and then the SHA-256 of every file it names: variants in the
    /// order of their names, each with its decoder, and then tokenizers. Any change of weights or preprocessing changes it.
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
        Ok(self.directory.join(&self.variant(precision)?.file))
    }

    /// The file of a variant's decoder; `None` for models that don't generate.
    ///
    /// # Errors
    /// When the bundle has no such variant.
    pub fn decoder(&self, precision: Precision) -> Result<Option<PathBuf>, BundleError> {
        let decoder = self.variant(precision)?.decoder.as_ref();
        Ok(decoder.map(|decoder| self.directory.join(&decoder.file)))
    }

    fn variant(&self, precision: Precision) -> Result<&Variant, BundleError> {
        self.manifest.variants.get(&precision).ok_or_else(|| {
            let known: Vec<String> = self.manifest.variants.keys().map(ToString::to_string).collect();
            let path = self.directory.join(MANIFEST_FILE);
            BundleError::Variant { path, wanted: precision, known: known.join(", ") }
        })
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Manifest, BundleError> {
    let wrong = |reason| BundleError::Manifest { path: path.to_owned(), reason };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it isn't UTF-8 text".to_owned()))?;
    toml::from_str(text).map_err(|error| wrong(toml_error::explain(&error)))
}

fn identity(directory: &Path, manifest_bytes: &[u8], manifest: &Manifest) -> Result<String, BundleError> {
    let mut covered = manifest_bytes.to_vec();
    for variant in manifest.variants.values() {
        covered.extend_from_slice(verified(directory, &variant.file, &variant.sha256)?.as_bytes());
        if let Some(GraphFile { file, sha256 }) = &variant.decoder {
            covered.extend_from_slice(verified(directory, file, sha256)?.as_bytes());
        }
    }
    for tokenizer in manifest.tokenizers() {
        let bytes = read_bounded(&directory.join(tokenizer), MAXIMUM_TOKENIZER_BYTES)?;
        covered.extend_from_slice(sha256(&bytes).as_bytes());
    }
    Ok(sha256(&covered))
}

/// The SHA-256 of a file, which is the one that the manifest names.
fn verified(directory: &Path, file: &str, expected: &str) -> Result<String, BundleError> {
    let path = directory.join(file);
    let actual = sha256_of(&path)?;
    if actual != expected.to_lowercase() {
        return Err(BundleError::Digest { path, expected: expected.to_owned(), actual });
    }
    Ok(actual)
}
