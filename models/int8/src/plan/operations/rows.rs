//! Operations over whole rows: means, softmax, layer normalization.

use super::{bytes, bytes_mut};
use crate::formula::{RowStatistics, SoftmaxFormula, mean_multiplier};
use crate::graph::{LayerNorm, Node};
use crate::kernels::elementwise;
use crate::plan::build::Builder;
use crate::plan::order::Order;
use crate::plan::step::Views;
use crate::quantization::FULL;
use crate::threads::Threads;

/// Elements that are summed at once, on the stack.
const CHUNK: usize = 64;

/// Mean over axes, which stay with length 1.
pub fn mean(builder: &mut Builder<'_>, node: &Node, axes: &[usize]) {
    let shape = builder.value(node.inputs[0]).shape.clone();
    let mut order = builder.any_order(node.inputs[0]).order;
    if order.around(axes, &shape).is_none() {
        let kept = (0..shape.len()).filter(|axis| !axes.contains(axis));
        order = Order::of(kept.chain(axes.iter().copied()).collect());
    }
    // The axes lie together now, at the end if not before.
    let [_, count, inner] = order.around(axes, &shape).unwrap_or([1, 1, 1]);
    let (from, to) = (builder.quantization(node.inputs[0]), builder.quantization(node.outputs[0]));
    let multiplier = mean_multiplier(from, to, count);
    let zeros = (count as i32).wrapping_mul(-i32::from(from.zero_point));
    let input = builder.in_order(node.inputs[0], &order);
    let output = builder.make(node.outputs[0], order);
    let work = move |views: Views<'_>, _: &Threads| {
        let planes = bytes(views.inputs[0]).chunks(count * inner);
        for (plane, output) in planes.zip(bytes_mut(views.output).chunks_mut(inner)) {
            for (chunk, output) in output.chunks_mut(CHUNK).enumerate() {
                let mut sums = [zeros; CHUNK];
                let sums = &mut sums[..output.len()];
                add_columns(plane, inner, chunk * CHUNK, sums);
                elementwise::requantize_sums(sums, multiplier, to.zero_point, FULL, output);
            }
        }
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

/// Adds up the columns from `start` on, in rows of `inner`.
fn add_columns(plane: &[u8], inner: usize, start: usize, sums: &mut [i32]) {
    if inner == 1 {
        sums[0] = sums[0].wrapping_add(elementwise::sum(plane));
    } else {
        plane.chunks(inner).for_each(|row| elementwise::add_bytes(&row[start..], sums));
    }
}

/// Softmax along an axis.
pub fn softmax(builder: &mut Builder<'_>, node: &Node, axis: usize) {
    let formula = SoftmaxFormula::new(builder.quantization(node.inputs[0]), builder.quantization(node.outputs[0]));
    let length = builder.value(node.inputs[0]).shape[axis];
    let input = builder.with_innermost(node.inputs[0], axis);
    let output = builder.make(node.outputs[0], input.order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = bytes(views.inputs[0]);
        threads.split_slice(bytes_mut(views.output), length, &|start, output| {
            for (row, output) in input[start..].chunks(length).zip(output.chunks_mut(length)) {
                softmax_row(&formula, row, output);
            }
        });
    };
    builder.step(node, &[input.buffer], output, 0, Box::new(work));
}

fn softmax_row(formula: &SoftmaxFormula, row: &[u8], output: &mut [u8]) {
    let greatest = row.iter().copied().max().unwrap_or(0);
    let total = total(formula, row, greatest);
    for (row, output) in row.chunks(CHUNK).zip(output.chunks_mut(CHUNK)) {
        let mut weights = [0.0; CHUNK];
        let weights = &mut weights[..row.len()];
        weights.iter_mut().zip(row).for_each(|(weight, byte)| *weight = formula.weight(*byte, greatest));
        elementwise::shares(weights, total, formula, output);
    }
}

/// [`SoftmaxFormula::total`], eight at a time.
fn total(formula: &SoftmaxFormula, row: &[u8], greatest: u8) -> f32 {
    let (eights, rest) = row.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for bytes in eights {
        lanes.iter_mut().zip(bytes).for_each(|(lane, byte)| *lane += formula.weight(*byte, greatest));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, byte)| *lane += formula.weight(*byte, greatest));
    lanes.iter().fold(0.0, |total, lane| total + lane)
}

/// Layer normalization along the last axis.
pub fn layer_norm(builder: &mut Builder<'_>, node: &Node, norm: &LayerNorm) {
    let shape = &builder.value(node.inputs[0]).shape;
    let (length, last) = (norm.scale.len(), shape.len() - 1);
    let (from, to) = (builder.quantization(node.inputs[0]), builder.quantization(node.outputs[0]));
    let bias = if norm.bias.is_empty() { vec![0.0; length].into() } else { norm.bias.clone() };
    let (scale, epsilon) = (norm.scale.clone(), norm.epsilon);
    let input = builder.with_innermost(node.inputs[0], last);
    let output = builder.make(node.outputs[0], input.order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = bytes(views.inputs[0]);
        threads.split_slice(bytes_mut(views.output), length, &|start, output| {
            for (row, output) in input[start..].chunks(length).zip(output.chunks_mut(length)) {
                let (sum, squares) = (sum(row), elementwise::sum_of_squares(row));
                let statistics = RowStatistics::new(sum, squares, length, from.scale, epsilon);
                elementwise::normalize(row, statistics, [&scale, &bias], to, output);
            }
        });
    };
    builder.step(node, &[input.buffer], output, 0, Box::new(work));
}

/// Sum of bytes, in chunks that 32 bits hold.
fn sum(row: &[u8]) -> u64 {
    row.chunks(1 << 22).map(|chunk| u64::from(elementwise::sum(chunk).unsigned_abs())).sum()
}
