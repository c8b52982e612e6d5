//! What operators become: steps of a region.

use std::sync::Arc;

use crate::graph::{Kind, Operation};
use crate::onnx::file::Quantized;
use crate::quantization::Quantization;

/// Operations that make quantized tensors from quantized tensors.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Name of the operator that it stands for.
    pub name: String,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// The quantized tensor that comes out.
    pub output: Quantized,
}

/// One operation of a unit.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub operation: Operation,
    /// What it takes.
    pub inputs: Vec<Tensor>,
    /// What comes out.
    pub shape: Vec<usize>,
    /// What its elements are.
    pub kind: Kind,
}

/// What a step takes.
#[derive(Clone, Debug)]
pub enum Tensor {
    /// A quantized tensor of the file, and its shape.
    Named(Quantized, Vec<usize>),
    /// What an earlier step of the unit made.
    Made(usize),
    /// Bytes that never change.
    Constant(Arc<[u8]>, Vec<usize>, Quantization),
    /// A tensor of the file that isn't quantized, the kind of its elements, and its shape.
    Raw(String, Kind, Vec<usize>),
    /// Floats that never change.
    Floats(Arc<[f32]>, Vec<usize>),
}
