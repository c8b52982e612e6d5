//! The steps of every operation. Each file is the fast twin of its namesake in [`crate::reference`].

mod float;
mod linear;
mod movement;
mod pointwise;
mod rows;
mod shape;
mod walk;
mod windows;

pub use movement::permute;

use super::build::Builder;
use super::step::Constant;
use crate::graph::{Node, Operation};
use crate::tensor::{Data, DataMut};

/// Elements that are worth a thread's while.
const GRAIN: usize = 1 << 14;

/// Adds a node's steps.
pub fn add(builder: &mut Builder<'_>, node: &Node) {
    match &node.operation {
        Operation::Constant(bytes) => builder.constant(node.outputs[0], Constant::Bytes(bytes.clone())),
        Operation::Quantize => pointwise::quantize(builder, node),
        Operation::Dequantize => pointwise::dequantize(builder, node),
        Operation::FlipSign => pointwise::flip_sign(builder, node),
        Operation::Convolution(convolution) => linear::convolution(builder, node, convolution),
        Operation::IntegerConvolution(convolution) => linear::integer_convolution(builder, node, convolution),
        Operation::Product { bounds } => linear::product(builder, node, *bounds),
        Operation::Binary { operator, bounds, signed } => pointwise::binary(builder, node, *operator, *bounds, *signed),
        Operation::Table(table) => pointwise::table(builder, node, table),
        Operation::Concat { axis } => shape::concat(builder, node, *axis),
        Operation::Pool(pool) => windows::pool(builder, node, pool),
        Operation::Mean { axes } => rows::mean(builder, node, axes),
        Operation::Softmax { axis } => rows::softmax(builder, node, *axis),
        Operation::LayerNorm(norm) => rows::layer_norm(builder, node, norm),
        Operation::Select { axis, indices } => shape::select(builder, node, *axis, indices),
        Operation::Reshape => shape::reshape(builder, node),
        Operation::Transpose { permutation } => shape::transpose(builder, node, permutation),
        Operation::Pad { before, after, fill } => shape::pad(builder, node, [before, after], *fill),
        Operation::DynamicQuantize => pointwise::dynamic_quantize(builder, node),
        Operation::Float(operation) => float::add(builder, node, operation),
    }
}

/// The bytes of an input that is bytes, as a checked graph's are.
fn bytes(data: Data<'_>) -> &[u8] {
    if let Data::Bytes(bytes) = data { bytes } else { &[] }
}

/// The floats of an input that is floats, as a checked graph's are.
fn floats(data: Data<'_>) -> &[f32] {
    if let Data::Floats(floats) = data { floats } else { &[] }
}

/// The bytes of an output that is bytes, as a checked graph's are.
fn bytes_mut(data: DataMut<'_>) -> &mut [u8] {
    if let DataMut::Bytes(bytes) = data { bytes } else { &mut [] }
}

/// The floats of an output that is floats, as a checked graph's are.
fn floats_mut(data: DataMut<'_>) -> &mut [f32] {
    if let DataMut::Floats(floats) = data { floats } else { &mut [] }
}
