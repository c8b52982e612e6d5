//! From float operators between dequantizing and quantizing nodes to operations on bytes.
//!
//! Every `QuantizeLinear` asks how its bytes could be made from other bytes. The answer is a [`Unit`]; where there is
//! none, there is a reason.

mod call;
mod float;
mod linear;
mod normalization;
mod pointwise;
mod shape;
mod step;
mod transposed;
mod windows;

pub use call::Call;
pub use float::floats;
pub use step::{Step, Tensor, Unit};
pub use windows::window as convolution_window;

use tract_onnx::pb::NodeProto;

use super::file::{File, Quantized};
use super::function::Function;
use crate::graph::{Kind, Operation};
use crate::quantization::{Bounds, FULL, Quantization};

/// What a float operator is asked for: its value, quantized.
pub struct Wish<'a> {
    /// The operator.
    pub call: Call<'a>,
    /// What is made of its value.
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
    let wish = Wish { call: Call { file, node, value }, output, bounds };
    let steps = by_operator(&wish).or_else(|reason| pointwise::function(file, quantize).map_err(|_| reason))?;
    Ok(Unit { name: node.name.clone(), steps, output: wish.output })
}

fn by_operator(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    match wish.call.node.op_type.as_str() {
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
        let name = self.call.input(place)?;
        self.call.file.dequantized(name).ok_or_else(|| format!("its input `{name}` isn't quantized as a whole"))
    }

    /// The same, as a step takes it.
    fn input(&self, place: usize) -> Result<Tensor, String> {
        let quantized = self.quantized(place)?;
        let shape = self.call.file.shape(&quantized.name)?;
        Ok(Tensor::Named(quantized, shape))
    }

    /// What its bytes mean.
    fn kind(&self) -> Kind {
        Kind::Quantized(self.output.quantization)
    }

    /// The only step of a unit.
    fn step(&self, operation: Operation, inputs: Vec<Tensor>) -> Result<Vec<Step>, String> {
        Ok(vec![Step { operation, inputs, shape: self.call.shape()?, kind: self.kind() }])
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
