//! Floats from floats.

use super::walk::{self, Operator};
use super::{GRAIN, floats, floats_mut, linear, pointwise};
use crate::float::{FloatFunction, FloatOperation, FloatOperator, Reduction};
use crate::graph::Node;
use crate::kernels::elementwise::Runs;
use crate::kernels::float::{self, FloatMatrices};
use crate::plan::build::Builder;
use crate::plan::order::Order;
use crate::plan::step::{Constant, Views};
use crate::tensor::Data;
use crate::threads::Threads;

/// Adds a node's steps.
pub fn add(builder: &mut Builder<'_>, node: &Node, operation: &FloatOperation) {
    match operation {
        FloatOperation::Constant(values) => builder.constant(node.outputs[0], Constant::Floats(values.clone())),
        FloatOperation::FromSums => from_sums(builder, node),
        FloatOperation::Function(function) => self::function(builder, node, *function),
        FloatOperation::Binary(operator) => binary(builder, node, *operator),
        FloatOperation::Product => product(builder, node),
        FloatOperation::Reduce { reduction, axes } => reduce(builder, node, *reduction, axes),
        FloatOperation::Softmax { axis } => softmax(builder, node, *axis),
    }
}

fn from_sums(builder: &mut Builder<'_>, node: &Node) {
    let (input, output) = pointwise::same_order(builder, node);
    let work = move |views: Views<'_>, threads: &Threads| {
        let Data::Sums(sums) = views.inputs[0] else { return };
        threads.split_slice(floats_mut(views.output), GRAIN, &|start, output| {
            float::from_sums(&sums[start..], output);
        });
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

fn function(builder: &mut Builder<'_>, node: &Node, function: FloatFunction) {
    let (input, output) = pointwise::same_order(builder, node);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = floats(views.inputs[0]);
        threads.split_slice(floats_mut(views.output), GRAIN, &|start, output| {
            float::function(&input[start..], function, output);
        });
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

fn binary(builder: &mut Builder<'_>, node: &Node, operator: FloatOperator) {
    let (inputs, output, walk) = walk::over(builder, node);
    let work = move |views: Views<'_>, threads: &Threads| {
        walk.run(&Binary(operator), views.inputs.map(floats), floats_mut(views.output), threads);
    };
    builder.step(node, &inputs, output, 0, Box::new(work));
}

struct Binary(FloatOperator);

impl Operator for Binary {
    type Element = f32;

    fn run(&self, inputs: [&[f32]; 2], runs: Runs, output: &mut [f32]) {
        float::binary(inputs, runs, self.0, output);
    }
}

/// Product of two matrices, as often as their leading dimensions say.
fn product(builder: &mut Builder<'_>, node: &Node) {
    let shapes = [node.inputs[0], node.inputs[1], node.outputs[0]].map(|id| builder.value(id).shape.clone());
    let left = builder.with_innermost(node.inputs[0], shapes[0].len() - 1);
    let right = builder.with_innermost(node.inputs[1], shapes[1].len() - 1);
    let order = Order::row_major(shapes[2].len());
    let strides = [left.order.strides(&shapes[0]), right.order.strides(&shapes[1]), order.strides(&shapes[2])];
    let (places, geometry) = (linear::matrices(&shapes, &strides), linear::geometry(&shapes, &strides));
    let output = builder.make(node.outputs[0], order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let [left, right] = views.inputs.map(floats);
        let piece = geometry.rows * geometry.columns;
        // Matrices of the output lie one after the other.
        let grain = piece * GRAIN.div_ceil(piece.saturating_mul(geometry.depth));
        threads.split_slice(floats_mut(views.output), grain, &|start, output| {
            for ([from_left, from_right, _], output) in places[start / piece..].iter().zip(output.chunks_mut(piece)) {
                let matrices = FloatMatrices {
                    left: &left[*from_left..],
                    left_pitch: geometry.left_pitch,
                    right: &right[*from_right..],
                    right_pitch: geometry.right_strides[0],
                    depth: geometry.depth,
                    columns: geometry.columns,
                };
                float::product(matrices, output);
            }
        });
    };
    builder.step(node, &[left.buffer, right.buffer], output, 0, Box::new(work));
}

fn reduce(builder: &mut Builder<'_>, node: &Node, reduction: Reduction, axes: &[usize]) {
    let shape = builder.value(node.inputs[0]).shape.clone();
    // A row runs over its axes in ONNX's order, at the end.
    let kept = builder.any_order(node.inputs[0]).order;
    let kept = kept.axes().iter().copied().filter(|axis| !axes.contains(axis));
    let order = Order::of(kept.chain(axes.iter().copied()).collect());
    let length = axes.iter().map(|axis| shape[*axis]).product();
    let input = builder.in_order(node.inputs[0], &order);
    let output = builder.make(node.outputs[0], order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = floats(views.inputs[0]);
        threads.split_slice(floats_mut(views.output), GRAIN.div_ceil(length), &|start, output| {
            float::reduce(&input[start * length..], length, reduction, output);
        });
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

fn softmax(builder: &mut Builder<'_>, node: &Node, axis: usize) {
    let length = builder.value(node.inputs[0]).shape[axis];
    let input = builder.with_innermost(node.inputs[0], axis);
    let output = builder.make(node.outputs[0], input.order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = floats(views.inputs[0]);
        let grain = length * GRAIN.div_ceil(length);
        threads.split_slice(floats_mut(views.output), grain, &|start, output| {
            float::softmax(&input[start..], length, output);
        });
    };
    builder.step(node, &[input.buffer], output, 0, Box::new(work));
}
