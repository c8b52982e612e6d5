//! `model.toml`: what a bundle says of itself. `docs/model-bundle.md` shows it to people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod audio;
mod check;
mod image;
mod text;

pub use self::audio::{AudioInput, Axes, Features, LogKind, LogMel, MelNorm, MelScale, PadMode, WindowShape};
pub(crate) use self::check::check;
pub use self::image::{ChannelOrder, Filter, Fit, ImageInput, Layout};
pub use self::text::{Begins, Carried, Decode, TextInput};

/// The schema number that this program reads.
pub const SCHEMA: u32 = 1;

/// A variant's arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Quantized to 8-bit integers.
    Int8,
    /// 32-bit floats.
    Fp32,
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Int8 => "int8",
            Self::Fp32 => "fp32",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "int8" => Ok(Self::Int8),
            "fp32" => Ok(Self::Fp32),
            _ => Err(format!("`{word}` isn't a precision: int8 or fp32")),
        }
    }
}

/// What a window can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// Words.
    Text,
}

impl fmt::Display for Modality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Text => "text",
        })
    }
}

impl FromStr for Modality {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "image" => Ok(Self::Image),
            "audio" => Ok(Self::Audio),
            "text" => Ok(Self::Text),
            _ => Err(format!("`{word}` isn't a modality: image, audio or text")),
        }
    }
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Task {
    /// It tells which of its labels a window is.
    Classification,
    /// It gives windows a place, so that those that belong together can be found: two or more embeddings.
    Retrieval,
    /// It answers in words.
    Generation,
}

impl fmt::Display for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Classification => "classification",
            Self::Retrieval => "retrieval",
            Self::Generation => "generation",
        })
    }
}

impl TryFrom<String> for Task {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "classification" => Ok(Self::Classification),
            "retrieval" => Ok(Self::Retrieval),
            "generation" => Ok(Self::Generation),
            _ => Err(format!("`task` is {word}; this version knows classification, retrieval and generation")),
        }
    }
}

/// The whole manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Schema number: 1.
    pub schema: u32,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// What it does.
    pub task: Task,
    /// The licence of the weights (SPDX).
    pub licence: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// A classifier's classes, in the order of the logits.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The graphs, by their arithmetic.
    #[serde(rename = "variant")]
    pub variants: BTreeMap<Precision, Variant>,
    /// What goes in.
    #[serde(rename = "input")]
    pub inputs: Vec<Input>,
    /// What comes out.
    #[serde(rename = "output")]
    pub outputs: Vec<Output>,
    /// How a model that generates makes its words.
    pub decode: Option<Decode>,
}

impl Manifest {
    /// What the model takes.
    #[must_use]
    pub fn modalities(&self) -> BTreeSet<Modality> {
        self.inputs.iter().map(Input::modality).collect()
    }

    /// The tokenizers that it names, sorted, each once.
    #[must_use]
    pub fn tokenizers(&self) -> BTreeSet<&str> {
        let of_inputs = self.inputs.iter().filter_map(|input| match input {
            Input::Text(text) => Some(text.tokenizer.as_str()),
            Input::Image(_) | Input::Audio(_) => None,
        });
        of_inputs.chain(self.decode.iter().map(|decode| decode.tokenizer.as_str())).collect()
    }
}

/// One graph, or two: what is run once a window, and what is run once a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The ONNX file, beside the manifest.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Said again for readers of the file; must agree with the variant's key.
    pub precision: Option<Precision>,
    /// The graph that is run once a token, of a model that generates.
    pub decoder: Option<GraphFile>,
}

/// A file with a graph.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphFile {
    /// The ONNX file, beside the manifest.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// One input of the graph.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "modality", rename_all = "lowercase")]
pub enum Input {
    /// A picture.
    Image(ImageInput),
    /// Sound.
    Audio(AudioInput),
    /// Words.
    Text(TextInput),
}

impl Input {
    /// The graph's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Image(image) => &image.name,
            Self::Audio(audio) => &audio.name,
            Self::Text(text) => &text.name,
        }
    }

    /// What it is made of.
    #[must_use]
    pub const fn modality(&self) -> Modality {
        match self {
            Self::Image(_) => Modality::Image,
            Self::Audio(_) => Modality::Audio,
            Self::Text(_) => Modality::Text,
        }
    }

    /// The graph's names for all that is made of it, its own first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let further = match self {
            Self::Image(_) | Self::Audio(_) => [None, None],
            Self::Text(text) => [text.mask.as_deref(), text.segments.as_deref()],
        };
        std::iter::once(self.name()).chain(further.into_iter().flatten())
    }
}

/// One output of the graph.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Output {
    /// One number a class, before softmax.
    Logits {
        /// The graph's name for it.
        name: String,
    },
    /// A modality's place in the shared space.
    Embedding {
        /// The graph's name for it.
        name: String,
        /// Whose.
        modality: Modality,
    },
    /// How much each modality counted: weights that add up to 1.
    Attention {
        /// The graph's name for it.
        name: String,
        /// Whose weights, in order.
        modalities: Vec<Modality>,
    },
    /// What the decoder takes, as an input of the same name or as a state's first value.
    State {
        /// The graph's name for it.
        name: String,
    },
}

impl Output {
    /// The graph's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Logits { name }
            | Self::Embedding { name, .. }
            | Self::Attention { name, .. }
            | Self::State { name } => name,
        }
    }
}
