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

impl Step {
    /// The step, and where its output has another shape, one that says so.
    pub fn shaped(self, shape: Vec<usize>) -> Vec<Self> {
        if self.shape == shape {
            return vec![self];
        }
        let reshape = Self { operation: Operation::Reshape, inputs: vec![Tensor::Made(0)], shape, kind: self.kind };
        vec![self, reshape]
    }

    /// Operations that take what the one before made, the first of them `input`; each with the shape that it makes.
    pub fn chain(input: &Tensor, operations: Vec<(Operation, Vec<usize>)>, kind: Kind) -> Vec<Self> {
        let from = |at: usize| at.checked_sub(1).map_or_else(|| input.clone(), Tensor::Made);
        let operations = operations.into_iter().enumerate();
        operations.map(|(at, (operation, shape))| Self { operation, inputs: vec![from(at)], shape, kind }).collect()
    }
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
