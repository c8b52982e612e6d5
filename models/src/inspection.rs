//! What a model is made of, for people and programs.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a model is made of.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// What goes in.
    pub inputs: Vec<TensorFacts>,
    /// What comes out.
    pub outputs: Vec<TensorFacts>,
    /// Operators of the file, counted.
    pub operators_in_file: BTreeMap<String, usize>,
    /// Operators as they run after optimisation, counted.
    pub operators_run: BTreeMap<String, usize>,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Numbers in the weights.
    pub parameters: u64,
    /// Size of the graph's file.
    pub model_bytes: u64,
    /// Whether the file holds quantization operators.
    pub quantized: bool,
    /// Operators of a quantized file that multiply and accumulate in float, and why.
    pub in_float: Vec<FloatOperator>,
    /// Share of the multiply-accumulates that runs on integers, 0 to 1; none without any.
    pub integer_share_of_macs: Option<f64>,
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
