//! What a model is made of, for people and programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dimensions::AssumedDimension;
use crate::manifest::Task;

/// What a model is made of. Of one that generates, figures are of both its graphs, each run once.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// What it does; a bare graph doesn't say.
    pub task: Option<Task>,
    /// What goes in; of a model that generates, into its encoder.
    pub inputs: Vec<TensorFacts>,
    /// What comes out; of a model that generates, of its encoder.
    pub outputs: Vec<TensorFacts>,
    /// What is run once a token; none of other models.
    pub decoder: Option<DecoderFacts>,
    /// Dimensions that the file leaves open, and the length that each got because nobody said one.
    pub assumed_dimensions: Vec<AssumedDimension>,
    /// Operators of the file, counted.
    pub operators_in_file: BTreeMap<String, usize>,
    /// Operators as they run after optimisation, counted.
    pub operators_run: BTreeMap<String, usize>,
    /// Multiply-accumulates of one inference; of a model that generates with one token.
    pub macs: u64,
    /// Bytes that one inference moves; of a model that generates with one token.
    pub bytes_moved: BytesMoved,
    /// Numbers in the weights.
    pub parameters: u64,
    /// Size of the graphs' files.
    pub model_bytes: u64,
    /// Whether the file holds quantization operators.
    pub quantized: bool,
    /// Operators of a quantized file that multiply and accumulate in float, and why.
    pub in_float: Vec<FloatOperator>,
    /// Share of the multiply-accumulates that runs on integers, 0 to 1; none without any.
    pub integer_share_of_macs: Option<f64>,
}

/// Bytes that one inference moves between operators and memory: every constant read once, every other tensor written once by the
/// operator that makes it and read once by each that takes it, in the types that the model runs with (a quantized element is a
/// byte). Inputs are read, not written: whoever prepares them did that. Another shape of the same elements moves nothing; what
/// picks elements (`Gather`, `Slice`) reads those alone. It is counted from shapes, not measured: caches and operators that are
/// joined while running save a part of it, and a tensor that is packed first costs more. Over a time it is the bandwidth that the
/// model would need at most of a memory without caches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum BytesMoved {
    /// In bytes.
    Known {
        /// All of it.
        total: u64,
        /// Constants.
        weights: u64,
        /// Everything else.
        activations: u64,
    },
    /// A size isn't known before the model runs.
    Unknown {
        /// Which, in words.
        not_measured: String,
    },
}

impl BytesMoved {
    pub(crate) const fn new(weights: u64, activations: u64) -> Self {
        Self::Known { total: weights.saturating_add(activations), weights, activations }
    }

    /// Of two graphs that are run once each.
    pub(crate) fn and(self, other: &Self) -> Self {
        match (&self, other) {
            (
                Self::Known { weights, activations, .. },
                Self::Known { weights: more_weights, activations: more_activations, .. },
            ) => Self::new(weights.saturating_add(*more_weights), activations.saturating_add(*more_activations)),
            (Self::Unknown { .. }, _) => self,
            _ => other.clone(),
        }
    }
}

impl Default for BytesMoved {
    fn default() -> Self {
        Self::Unknown { not_measured: "nothing was counted".to_owned() }
    }
}

/// The graph that is run once a token.
#[derive(Clone, Debug, Serialize)]
pub struct DecoderFacts {
    /// What goes in.
    pub inputs: Vec<TensorFacts>,
    /// What comes out.
    pub outputs: Vec<TensorFacts>,
    /// Multiply-accumulates of one token.
    pub macs: u64,
    /// Bytes that one token moves.
    pub bytes_moved: BytesMoved,
    /// What can be asked, the default first.
    pub asks: Vec<String>,
    /// Tokens of an answer at most.
    pub longest: usize,
}

/// An operator of a quantized file that runs in float.
#[derive(Clone, Debug, Serialize)]
pub struct FloatOperator {
    /// Its name in the file.
    pub name: String,
    /// Its operator, such as `Conv`.
    pub operator: String,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Why it isn't run on integers.
    pub reason: String,
}

/// An input or output.
#[derive(Clone, Debug, Serialize)]
pub struct TensorFacts {
    /// The graph's name for it.
    pub name: String,
    /// Its type, such as `f32`.
    pub data_type: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// What the manifest says of it; empty for a bare graph.
    pub meaning: String,
}
