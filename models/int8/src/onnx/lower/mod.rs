//! From float operators between dequantizing and quantizing nodes to operations on bytes.
//!
//! Every `QuantizeLinear` asks how its bytes could be made from other bytes. The answer is a [`Unit`]; where there is
//! none, there is a reason.

mod linear;
mod normalization;
mod pointwise;
mod shape;
mod transposed;
mod windows;

pub use windows::window as convolution_window;

use std::sync::Arc;

use tract_onnx::pb::NodeProto;

use super::file::{File, Quantized};
use super::function::Function;
use crate::graph::Operation;
use crate::quantization::{Bounds, FULL, Quantization};

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
    /// What its bytes mean.
    pub quantization: Quantization,
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
}

/// What a float operator is asked for: its value, quantized.
pub struct Wish<'a> {
    /// The file.
    pub file: &'a File<'a>,
    /// The operator.
    pub node: &'a NodeProto,
    /// Its output's name.
    pub value: &'a str,
    /// What is made of it.
    pub output: Quantized,
    /// Bounds of an activation after it.
    pub bounds: Bounds,
}

/// The operations that make a `QuantizeLinear`'s bytes.
///
/// # Errors
/// In words: why there are none.
pub fn lower(file: &File<'_>, quantize: &NodeProto) -> Result<Unit, String> {
    let name = quantize.output.first().ok_or("no output")?;
    let output = file.parameters(quantize, name).ok_or("its output isn't quantized to 8 bits as a whole")?;
    let value = quantize.input.first().ok_or("no input")?;
    let (value, bounds) = behind_activation(file, value, output.quantization);
    let node = file.maker(value).ok_or_else(|| format!("`{value}` comes from outside"))?;
    let wish = Wish { file, node, value, output, bounds };
    let steps = by_operator(&wish).or_else(|reason| pointwise::function(file, quantize).map_err(|_| reason))?;
    Ok(Unit { name: node.name.clone(), steps, output: wish.output })
}

fn by_operator(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    match wish.node.op_type.as_str() {
        "Conv" => linear::convolution(wish),
        "ConvTranspose" => transposed::transposed_convolution(wish),
        "Gemm" => linear::gemm(wish),
        "MatMul" => linear::matmul(wish),
        "Add" | "Sub" | "Mul" => pointwise::binary(wish),
        "Concat" => shape::concat(wish),
        "MaxPool" | "AveragePool" => windows::pool(wish),
        "GlobalAveragePool" | "ReduceMean" => windows::mean(wish),
        "Softmax" => normalization::softmax(wish),
        "LayerNormalization" => normalization::layer_norm(wish),
        "DequantizeLinear" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Slice" | "Split"
        | "Gather" | "Resize" | "Upsample" | "Pad" | "DepthToSpace" | "Identity" => shape::carried(wish),
        other => Err(format!("{other} isn't lowered")),
    }
}

/// The value behind a `Relu` or a `Clip`, and the bytes that those leave.
fn behind_activation<'a>(file: &'a File<'_>, value: &'a str, output: Quantization) -> (&'a str, Bounds) {
    let plain = (value, FULL);
    let Some(node) = file.maker(value).filter(|node| ["Relu", "Clip"].contains(&node.op_type.as_str())) else {
        return plain;
    };
    let Some(inner) = node.input.first() else { return plain };
    // Something of one quantized tensor is a table: that needs no bounds.
    let makes_sums = file.maker(inner).is_some_and(|node| {
        ["Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "AveragePool"].contains(&node.op_type.as_str())
    });
    match clip_bounds(file, node) {
        Some((low, high)) if makes_sums => (inner, Bounds { low: output.quantize(low), high: output.quantize(high) }),
        _ => plain,
    }
}

/// The least and greatest value that a `Relu` or a `Clip` leaves.
fn clip_bounds(file: &File<'_>, node: &NodeProto) -> Option<(f32, f32)> {
    if node.op_type == "Relu" {
        return Some((0.0, f32::INFINITY));
    }
    let bound = |attribute: &str, place: usize, otherwise: f32| match node.input.get(place) {
        Some(name) if !name.is_empty() => file.scalar(name),
        _ => Some(node.get_attr_opt::<f32>(attribute).ok().flatten().unwrap_or(otherwise)),
    };
    let bounds = (bound("min", 1, f32::NEG_INFINITY)?, bound("max", 2, f32::INFINITY)?);
    (bounds.0 <= bounds.1).then_some(bounds)
}

impl Wish<'_> {
    /// The quantized tensor that is the node's input at a place.
    fn quantized(&self, place: usize) -> Result<Quantized, String> {
        let name = self.node.input.get(place).ok_or("an input is missing")?;
        self.file.dequantized(name).ok_or_else(|| format!("its input `{name}` isn't quantized as a whole"))
    }

    /// The same, as a step takes it.
    fn input(&self, place: usize) -> Result<Tensor, String> {
        let quantized = self.quantized(place)?;
        let shape = self.file.shape(&quantized.name)?;
        Ok(Tensor::Named(quantized, shape))
    }

    /// The shape of the node's output.
    fn shape(&self) -> Result<Vec<usize>, String> {
        self.file.shape(self.value)
    }

    /// An integer attribute.
    fn attribute(&self, name: &str, otherwise: i64) -> i64 {
        self.node.get_attr_opt::<i64>(name).ok().flatten().unwrap_or(otherwise)
    }

    /// A list of integers, as an attribute.
    fn attributes(&self, name: &str) -> Option<Vec<i64>> {
        self.node.get_attr_opt_vec::<i64>(name).ok().flatten()
    }

    /// A list of integers, as an attribute or, in later operator sets, as an input.
    fn list(&self, attribute: &str, place: usize) -> Result<Option<Vec<i64>>, String> {
        if let Some(list) = self.attributes(attribute) {
            return Ok(Some(list));
        }
        match self.node.input.get(place).filter(|name| !name.is_empty()) {
            Some(name) => {
                let list = self.file.integers(name);
                list.map(Some).ok_or_else(|| format!("its input `{name}` isn't known before running"))
            }
            None => Ok(None),
        }
    }

    /// The only step of a unit.
    fn step(&self, operation: Operation, inputs: Vec<Tensor>) -> Result<Vec<Step>, String> {
        Ok(vec![Step { operation, inputs, shape: self.shape()?, quantization: self.output.quantization }])
    }
}

/// An axis counted from the front.
fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_front = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(from_front).ok().filter(|axis| *axis < rank).ok_or_else(|| format!("there is no axis {axis}"))
}

/// A table of what a function makes of every byte.
fn table(function: &Function, output: Quantization) -> Box<[u8; 256]> {
    let mut table = Box::new([0; 256]);
    table.iter_mut().zip(&function.values).for_each(|(byte, value)| *byte = output.quantize(*value));
    table
}
