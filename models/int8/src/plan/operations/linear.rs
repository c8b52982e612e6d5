//! Convolutions and products: what the kernels need to know of them.

use super::{bytes, bytes_mut};
use crate::graph::{ChannelAxis, Convolution, Node};
use crate::kernels::convolution::{Destination, Geometry, PackedConvolution};
use crate::kernels::product::{Product, ProductGeometry, Rescale};
use crate::plan::build::{BufferId, Builder, Located};
use crate::plan::order::Order;
use crate::plan::step::Views;
use crate::quantization::Bounds;
use crate::tensor::DataMut;
use crate::threads::Threads;

/// Convolution, or product with constant weights, from bytes to bytes.
pub fn convolution(builder: &mut Builder<'_>, node: &Node, convolution: &Convolution) {
    let [from, to] = [node.inputs[0], node.outputs[0]].map(|id| builder.quantization(id).zero_point);
    let (input, output, packed) = pack(builder, node, convolution);
    let scratch_bytes = packed.scratch_bytes(builder.threads);
    let work = move |views: Views<'_>, threads: &Threads| {
        let destination = Destination::Bytes { zero_point: to, bytes: bytes_mut(views.output) };
        packed.run(bytes(views.inputs[0]), from, destination, views.scratch, threads);
    };
    builder.step(node, &[input], output, scratch_bytes, Box::new(work));
}

/// Convolution, or product with constant weights, from bytes to sums. The input's zero point is computed.
pub fn integer_convolution(builder: &mut Builder<'_>, node: &Node, convolution: &Convolution) {
    let (input, output, packed) = pack(builder, node, convolution);
    let zero_point = builder.any_order(node.inputs[1]).buffer;
    let scratch_bytes = packed.scratch_bytes(builder.threads);
    let work = move |views: Views<'_>, threads: &Threads| {
        let zero_point = bytes(views.inputs[1]).first().copied().unwrap_or(0);
        if let DataMut::Sums(sums) = views.output {
            packed.run(bytes(views.inputs[0]), zero_point, Destination::Sums(sums), views.scratch, threads);
        }
    };
    builder.step(node, &[input, zero_point], output, scratch_bytes, Box::new(work));
}

/// Packed weights, and buffers whose channels are innermost.
fn pack(builder: &mut Builder<'_>, node: &Node, convolution: &Convolution) -> (BufferId, BufferId, PackedConvolution) {
    let [from, to] = [node.inputs[0], node.outputs[0]].map(|id| builder.value(id).shape.clone());
    let (input, geometry) = match convolution.layout {
        ChannelAxis::Second => {
            let order = Order::channels_last(from.len());
            let input = Located { buffer: builder.in_order(node.inputs[0], &order), order };
            (input, picture_geometry(&from, &to, convolution))
        }
        ChannelAxis::Last => {
            let input = builder.with_innermost(node.inputs[0], from.len() - 1);
            (input, row_geometry(&from, convolution))
        }
    };
    let packed = PackedConvolution::new(builder.kernels, geometry, convolution);
    let output = builder.make(node.outputs[0], input.order);
    (input.buffer, output, packed)
}

/// Pictures: (N, C, W) or (N, C, H, W).
fn picture_geometry(from: &[usize], to: &[usize], convolution: &Convolution) -> Geometry {
    let size = |shape: &[usize]| if let [.., height, width] = shape[2..] { [height, width] } else { [1, shape[2]] };
    Geometry {
        batch: from[0],
        input_size: size(from),
        input_channels: from[1],
        output_size: size(to),
        output_channels: to[1],
        window: convolution.window,
        groups: convolution.groups,
        input_pitch: from[1],
        output_pitch: to[1],
    }
}

/// Rows of a matrix, as pixels of one picture.
fn row_geometry(from: &[usize], convolution: &Convolution) -> Geometry {
    let depth = from[from.len() - 1];
    let rows = from.iter().product::<usize>() / depth;
    let as_picture = [1, depth, 1, rows];
    picture_geometry(&as_picture, &[1, convolution.output_channels, 1, rows], convolution)
}

/// Product of two computed matrices, as often as their leading dimensions say.
pub fn product(builder: &mut Builder<'_>, node: &Node, bounds: Bounds) {
    let shapes = [node.inputs[0], node.inputs[1], node.outputs[0]].map(|id| builder.value(id).shape.clone());
    let left = builder.with_innermost(node.inputs[0], shapes[0].len() - 1);
    let right = builder.any_order(node.inputs[1]);
    let order = Order::row_major(shapes[2].len());
    let strides = [left.order.strides(&shapes[0]), right.order.strides(&shapes[1]), order.strides(&shapes[2])];
    let matrices = matrices(&shapes, &strides);
    let product = Product::new(builder.kernels, geometry(&shapes, &strides), rescale(builder, node, bounds));
    let output = builder.make(node.outputs[0], order);
    let scratch_bytes = product.scratch_bytes(builder.threads);
    let work = move |views: Views<'_>, threads: &Threads| {
        let [left, right] = views.inputs.map(bytes);
        let output = bytes_mut(views.output);
        for [from_left, from_right, to] in &matrices {
            product.run(&left[*from_left..], &right[*from_right..], &mut output[*to..], views.scratch, threads);
        }
    };
    builder.step(node, &[left.buffer, right.buffer], output, scratch_bytes, Box::new(work));
}

/// How one matrix of each operand lies in memory.
pub fn geometry([left, right, output]: &[Vec<usize>; 3], strides: &[Vec<usize>; 3]) -> ProductGeometry {
    let [rows, columns] = [output[output.len() - 2], output[output.len() - 1]];
    let pitch = |strides: &[usize]| strides[strides.len() - 2];
    ProductGeometry {
        rows,
        depth: left[left.len() - 1],
        columns,
        left_pitch: pitch(&strides[0]),
        right_strides: [pitch(&strides[1]), strides[1][right.len() - 1]],
        output_pitch: pitch(&strides[2]),
    }
}

/// What a product's sums become.
fn rescale(builder: &Builder<'_>, node: &Node, bounds: Bounds) -> Rescale {
    let [left, right] = [node.inputs[0], node.inputs[1]].map(|id| builder.quantization(id));
    let output = builder.quantization(node.outputs[0]);
    Rescale {
        zero_points: [left.zero_point, right.zero_point],
        multiplier: left.scale * right.scale / output.scale,
        output_zero_point: output.zero_point,
        bounds,
    }
}

/// Where the matrices of left, right and output start, for every product.
pub fn matrices(shapes: &[Vec<usize>; 3], strides: &[Vec<usize>; 3]) -> Vec<[usize; 3]> {
    let leading = &shapes[2][..shapes[2].len() - 2];
    let mut places = vec![[0; 3]];
    for (axis, length) in leading.iter().enumerate() {
        let along = |operand: usize| {
            let lifted = shapes[2].len() - shapes[operand].len();
            let own = axis.checked_sub(lifted).filter(|own| shapes[operand][*own] > 1);
            own.map_or(0, |own| strides[operand][own])
        };
        let steps = [along(0), along(1), along(2)];
        let extended = places.iter().flat_map(|place| {
            (0..*length).map(move |index| std::array::from_fn(|operand| place[operand] + index * steps[operand]))
        });
        places = extended.collect();
    }
    places
}
