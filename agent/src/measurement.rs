//! What verbs that measure say about the model and themselves: parts of their JSON.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use edgeval_models::{Bundle, BytesMoved, Dimensions, Engine, Execution, Model, Precision};
use edgeval_wire as wire;
use serde::Serialize;

use crate::clock::Moment;
use crate::terminal;

/// A model, loaded, with what a reader needs to know which.
#[derive(Debug)]
pub struct Loaded {
    /// Ready to be asked.
    pub model: Model,
    /// Which one.
    pub identity: ModelFacts,
    /// How long loading took.
    pub load: Duration,
}

/// Which model, in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct ModelFacts {
    /// Its name.
    pub name: String,
    /// Its version; a bare ONNX file has none.
    pub version: Option<String>,
    /// The bundle's identity, or the bare file's SHA-256.
    pub sha256: String,
    /// `int8` or `fp32`; a bare ONNX file doesn't say.
    pub precision: Option<Precision>,
    /// What runs it.
    #[serde(skip)]
    pub engine: Engine,
    /// Share of its multiply-accumulates that runs on integers, 0 to 1; none without any.
    #[serde(skip)]
    pub integer_share_of_macs: Option<f64>,
}

impl ModelFacts {
    /// The same for a message.
    #[must_use]
    pub fn to_wire(&self) -> wire::ModelIdentity {
        wire::ModelIdentity {
            name: wire::text(&self.name),
            version: wire::text(self.version.as_deref().unwrap_or("")),
            identity: wire::text(&self.sha256),
            precision: self.precision.map_or_else(wire::Text::new, |precision| wire::text(&precision.to_string())),
            engine: wire::text(self.engine.name()),
            integer_share_of_macs: wire::Reading::or_reason(self.integer_share_of_macs, NO_MACS),
        }
    }
}

/// Why a model has no share of multiply-accumulates on integers.
pub const NO_MACS: &str = "the graph has no multiply-accumulates";

/// What to say of a model that is quantized, but runs mostly in float: it is slower than it looks.
#[must_use]
pub fn warning_of_float(model: &Model) -> Option<String> {
    let inspection = model.inspect();
    let float = inspection.integer_share_of_macs.is_some_and(|share| share < 0.5);
    let text = || format!("this model is quantized, but {} runs most of it in float", model.engine());
    (inspection.quantized && float).then(text)
}

/// Bytes that a model moves, in a person's words.
#[must_use]
pub fn bytes_moved(moved: &BytesMoved) -> String {
    match moved {
        BytesMoved::Known { total, weights, activations } => {
            let [total, weights, activations] = [total, weights, activations].map(|bytes| terminal::bytes(*bytes));
            format!("{total}: weights {weights}, activations {activations}")
        }
        BytesMoved::Unknown { not_measured } => format!("not measured: {not_measured}"),
    }
}

/// Loads a bundle's variant.
///
/// # Errors
/// When the bundle can't be opened or its graph can't be loaded.
pub fn load_bundle(path: &Path, precision: Precision, execution: Execution) -> anyhow::Result<(Bundle, Loaded)> {
    if is_bare_onnx(path) && path.is_file() {
        bail!(
            "{} is a bare .onnx file, which doesn't say what its inputs mean: name a bundle, a folder with model.toml (docs/model-bundle.md)",
            path.display()
        );
    }
    let started = Moment::now();
    let bundle = Bundle::open(path)?;
    let model = Model::load(&bundle, precision, execution)?;
    let identity = ModelFacts {
        name: bundle.manifest().name.clone(),
        version: Some(bundle.manifest().version.clone()),
        sha256: bundle.identity().to_owned(),
        precision: Some(precision),
        engine: model.engine(),
        integer_share_of_macs: model.inspect().integer_share_of_macs,
    };
    Ok((bundle, Loaded { model, identity, load: Moment::now().since(started) }))
}

/// Loads a bundle's variant or a bare ONNX file, whichever `path` names. `dimensions` are lengths of a bare file's open dimensions, by name.
///
/// # Errors
/// When it can't be loaded, or a dimension is given to a bundle, whose manifest says them.
pub fn load(
    path: &Path,
    precision: Precision,
    execution: Execution,
    dimensions: &[(String, usize)],
) -> anyhow::Result<Loaded> {
    if is_bare_onnx(path) {
        return load_onnx(path, execution, &dimensions.iter().cloned().collect());
    }
    if let Some((name, length)) = dimensions.first() {
        bail!("--dim {name}={length}: a bundle's manifest says how long its inputs are; --dim is for bare .onnx files");
    }
    Ok(load_bundle(path, precision, execution)?.1)
}

/// Reads `sequence=64`.
///
/// # Errors
/// When it isn't a name and a length.
pub fn parse_dimension(text: &str) -> Result<(String, usize), String> {
    let pair = text.split_once('=').and_then(|(name, length)| Some((name.to_owned(), length.parse().ok()?)));
    pair.ok_or_else(|| "write NAME=N, such as sequence=64".to_owned())
}

/// Loads a bare ONNX file.
///
/// # Errors
/// When it can't be read or loaded.
pub fn load_onnx(path: &Path, execution: Execution, dimensions: &Dimensions) -> anyhow::Result<Loaded> {
    let started = Moment::now();
    let model = Model::load_onnx(path, execution, dimensions)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let sha256 = edgeval_models::sha256_of(path)?;
    let identity = ModelFacts {
        name,
        version: None,
        sha256,
        precision: None,
        engine: model.engine(),
        integer_share_of_macs: model.inspect().integer_share_of_macs,
    };
    Ok(Loaded { model, identity, load: Moment::now().since(started) })
}

/// A number, or why there is none: `4.2` or `{"not_measured":"why"}` in JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Number<T> {
    /// It was measured.
    Value(T),
    /// It wasn't.
    Absent {
        /// Why.
        not_measured: String,
    },
}

impl<T> From<wire::Reading<T>> for Number<T> {
    fn from(reading: wire::Reading<T>) -> Self {
        match reading {
            wire::Reading::Value(value) => Self::Value(value),
            wire::Reading::NotMeasured(reason) => Self::Absent { not_measured: reason.to_string() },
        }
    }
}

impl<T> Number<T> {
    /// The number in a person's words, or why there is none.
    pub fn words(&self, words: impl Fn(&T) -> String) -> String {
        match self {
            Self::Value(value) => words(value),
            Self::Absent { not_measured } => format!("not measured: {not_measured}"),
        }
    }
}

/// Whether the path names a bare ONNX file rather than a bundle.
#[must_use]
pub fn is_bare_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}
