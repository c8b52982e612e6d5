//! What every operation computes, plainly: the definition that plans must equal bit for bit.
//!
//! One loop after the other over tensors in ONNX's order, with the arithmetic of [`crate::quantization`] and
//! [`crate::formula`]. Nothing here is fast.

mod float;
mod linear;
mod pointwise;
mod rows;
mod shape;
mod windows;

use crate::check::{GraphError, check};
use crate::graph::{Graph, Kind, Node, Operation, Value, ValueId};
use crate::quantization::Quantization;
use crate::tensor::Data;

/// A tensor of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Owned {
    /// Bytes.
    Bytes(Vec<u8>),
    /// 32-bit floating point.
    Floats(Vec<f32>),
    /// 32-bit sums.
    Sums(Vec<i32>),
}

impl Owned {
    /// Its elements.
    #[must_use]
    pub fn data(&self) -> Data<'_> {
        match self {
            Self::Bytes(bytes) => Data::Bytes(bytes),
            Self::Floats(floats) => Data::Floats(floats),
            Self::Sums(sums) => Data::Sums(sums),
        }
    }
}

/// Runs a graph on its inputs, row-major in ONNX's order, and gives its outputs so.
///
/// # Errors
/// When the graph contradicts itself, or an input doesn't fit.
pub fn run(graph: &Graph, inputs: &[Data<'_>]) -> Result<Vec<Owned>, GraphError> {
    check(graph)?;
    let mut tensors = Tensors { graph, made: vec![None; graph.values.len()] };
    for (id, data) in graph.inputs.iter().zip(inputs) {
        tensors.made[id.0] = Some(fitting(&graph.values[id.0], *data)?);
    }
    for node in &graph.nodes {
        let outputs = compute(&tensors, node);
        for (id, output) in node.outputs.iter().zip(outputs) {
            tensors.made[id.0] = Some(output);
        }
    }
    let output = |id: &ValueId| tensors.made[id.0].clone().ok_or(GraphError::Inputs { expected: graph.inputs.len() });
    graph.outputs.iter().map(output).collect()
}

fn fitting(value: &Value, data: Data<'_>) -> Result<Owned, GraphError> {
    let owned = match data {
        Data::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
        Data::Floats(floats) => Owned::Floats(floats.to_vec()),
        Data::Sums(sums) => Owned::Sums(sums.to_vec()),
    };
    let (fits, length) = match (&owned, value.kind) {
        (Owned::Bytes(bytes), Kind::Quantized(_) | Kind::Bytes) => (true, bytes.len()),
        (Owned::Floats(floats), Kind::Float) => (true, floats.len()),
        (Owned::Sums(sums), Kind::Sums) => (true, sums.len()),
        _ => (false, 0),
    };
    let expected = value.shape.iter().product();
    if fits && length == expected {
        Ok(owned)
    } else {
        Err(GraphError::Input { name: value.name.clone(), expected, actual: length })
    }
}

/// The tensors made so far.
struct Tensors<'a> {
    graph: &'a Graph,
    made: Vec<Option<Owned>>,
}

/// Quantized bytes with what they mean.
#[derive(Clone, Copy)]
struct Bytes<'a> {
    shape: &'a [usize],
    bytes: &'a [u8],
    quantization: Quantization,
}

impl Tensors<'_> {
    fn value(&self, id: ValueId) -> &Value {
        &self.graph.values[id.0]
    }

    /// An input as bytes. What isn't quantized has an arbitrary quantization.
    fn bytes(&self, id: ValueId) -> Bytes<'_> {
        let bytes: &[u8] = if let Some(Owned::Bytes(bytes)) = &self.made[id.0] { bytes } else { &[] };
        let value = self.value(id);
        Bytes { shape: &value.shape, bytes, quantization: quantization(value) }
    }

    fn floats(&self, id: ValueId) -> &[f32] {
        if let Some(Owned::Floats(floats)) = &self.made[id.0] { floats } else { &[] }
    }
}

fn quantization(value: &Value) -> Quantization {
    if let Kind::Quantized(quantization) = value.kind {
        quantization
    } else {
        Quantization { scale: 1.0, zero_point: 0 }
    }
}

fn compute(tensors: &Tensors<'_>, node: &Node) -> Vec<Owned> {
    let input = |index: usize| tensors.bytes(node.inputs[index]);
    let output = tensors.value(node.outputs[0]);
    let meaning = quantization(output);
    if output.kind == Kind::Float && !matches!(node.operation, Operation::Dequantize) {
        return vec![Owned::Floats(float::compute(tensors, node, output))];
    }
    let bytes = match &node.operation {
        Operation::Constant(bytes) => bytes.to_vec(),
        Operation::Quantize => tensors.floats(node.inputs[0]).iter().map(|value| meaning.quantize(*value)).collect(),
        Operation::Dequantize => return vec![pointwise::dequantize(input(0))],
        Operation::FlipSign => input(0).bytes.iter().map(|byte| byte ^ 0x80).collect(),
        Operation::Convolution(convolution) => linear::convolution(input(0), output, convolution),
        Operation::Product { bounds } => linear::product([input(0), input(1)], output, *bounds),
        Operation::Binary { operator, bounds, signed } => {
            pointwise::binary([input(0), input(1)], output, *operator, *bounds, *signed)
        }
        Operation::Table(table) => input(0).bytes.iter().map(|byte| table[usize::from(*byte)]).collect(),
        Operation::Concat { axis } => {
            let inputs: Vec<Bytes<'_>> = node.inputs.iter().map(|id| tensors.bytes(*id)).collect();
            shape::concat(&inputs, output, *axis)
        }
        Operation::Pool(pool) => windows::pool(input(0), output, pool),
        Operation::Mean { axes } => rows::mean(input(0), output, axes),
        Operation::Softmax { axis } => rows::softmax(input(0), meaning, *axis),
        Operation::LayerNorm(norm) => rows::layer_norm(input(0), meaning, norm),
        Operation::Select { axis, indices } => shape::select(input(0).shape, input(0).bytes, *axis, indices),
        Operation::Reshape => input(0).bytes.to_vec(),
        Operation::Transpose { permutation } => shape::transpose(input(0).shape, input(0).bytes, permutation),
        Operation::Pad { before, after, fill } => shape::pad(input(0), before, after, *fill),
        Operation::DynamicQuantize => return pointwise::dynamic_quantize(tensors.floats(node.inputs[0])),
        Operation::IntegerConvolution(convolution) => {
            let zero_point = input(1).bytes.first().copied().unwrap_or(0);
            return vec![Owned::Sums(linear::sums(input(0), zero_point, output, convolution))];
        }
        // A checked graph makes floats of it, and those are made above.
        Operation::Float(_) => Vec::new(),
    };
    vec![Owned::Bytes(bytes)]
}

/// Every index of a shape, in row-major order.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let shape = shape.to_vec();
    (0..shape.iter().product()).map(move |place| unravel(place, &shape))
}

fn unravel(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (axis, length) in shape.iter().enumerate().rev() {
        index[axis] = place % length;
        place /= length;
    }
    index
}

/// The place of an index in row-major order.
fn ravel(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |place, (index, length)| place * length + index)
}

/// The place of the element of an operand of this shape, whose dimensions broadcast, that an index of the output falls on.
fn place_in(index: &[usize], shape: &[usize]) -> usize {
    let own = index[index.len() - shape.len()..].iter().zip(shape);
    let index: Vec<usize> = own.map(|(index, length)| if *length == 1 { 0 } else { *index }).collect();
    ravel(&index, shape)
}
