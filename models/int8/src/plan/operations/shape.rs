//! Operations that move elements, or only say where they are.

use std::sync::Arc;

use super::movement::{Moves, move_any};
use super::{bytes, bytes_mut};
use crate::formula::requantizing_table;
use crate::graph::{Kind, Node};
use crate::plan::build::Builder;
use crate::plan::order::Order;
use crate::plan::step::Views;

/// Values one after the other along an axis: one step for each, into its part of the output.
pub fn concat(builder: &mut Builder<'_>, node: &Node, axis: usize) {
    let order = builder.any_order(node.inputs[0]).order;
    let shape = builder.value(node.outputs[0]).shape.clone();
    let inner = inner_elements(&order, axis, &shape);
    let (row, meaning) = (shape[axis] * inner, builder.quantization(node.outputs[0]));
    let kernels = builder.kernels;
    let inputs: Vec<_> = node.inputs.iter().map(|id| builder.in_order(*id, &order)).collect();
    let output = builder.make(node.outputs[0], order);
    let mut start = 0;
    for (id, input) in node.inputs.iter().zip(inputs) {
        let from = builder.quantization(*id);
        let requantizes = from != meaning && builder.value(*id).kind != Kind::Float;
        let table = requantizes.then(|| requantizing_table(from, meaning));
        let part = Part { start, length: builder.value(*id).shape[axis] * inner, row };
        start += part.length;
        let work = move |views: Views<'_>, _: &_| match &table {
            Some(table) => {
                let pieces = bytes(views.inputs[0]).chunks(part.length);
                let parts = bytes_mut(views.output).chunks_mut(row).map(|row| part.of(row));
                pieces.zip(parts).for_each(|(input, output)| kernels.look_up(input, table, output));
            }
            None => move_any(&part, views),
        };
        builder.step(node, &[input], output, 0, Box::new(work));
    }
}

/// A part of every row.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    length: usize,
    row: usize,
}

impl Part {
    fn of<T>(self, row: &mut [T]) -> &mut [T] {
        &mut row[self.start..self.start + self.length]
    }
}

impl Moves for Part {
    fn run<T: Copy>(&self, input: &[T], output: &mut [T]) {
        for (input, output) in input.chunks(self.length).zip(output.chunks_mut(self.row)) {
            self.of(output).copy_from_slice(input);
        }
    }
}

/// Elements between neighbours along an axis.
fn inner_elements(order: &Order, axis: usize, shape: &[usize]) -> usize {
    order.axes().iter().rev().take_while(|other| **other != axis).map(|axis| shape[*axis]).product()
}

/// Chosen places along an axis.
pub fn select(builder: &mut Builder<'_>, node: &Node, axis: usize, indices: &Arc<[usize]>) {
    let shape = builder.value(node.inputs[0]).shape.clone();
    let input = builder.any_order(node.inputs[0]);
    let inner = inner_elements(&input.order, axis, &shape);
    let runs = runs(indices).into_iter().map(|(start, length)| (start * inner, length * inner)).collect();
    let selection = Selection { from: shape[axis] * inner, to: indices.len() * inner, runs };
    let output = builder.make(node.outputs[0], input.order);
    let work = move |views: Views<'_>, _: &_| move_any(&selection, views);
    builder.step(node, &[input.buffer], output, 0, Box::new(work));
}

/// Runs of every row of `from` elements, which make a row of `to`.
struct Selection {
    from: usize,
    to: usize,
    runs: Vec<(usize, usize)>,
}

impl Moves for Selection {
    fn run<T: Copy>(&self, input: &[T], output: &mut [T]) {
        for (input, output) in input.chunks(self.from).zip(output.chunks_mut(self.to)) {
            let mut done = 0;
            for (start, length) in &self.runs {
                output[done..done + length].copy_from_slice(&input[*start..start + length]);
                done += length;
            }
        }
    }
}

/// Neighbouring places together: where each run starts, and how long it is.
fn runs(indices: &[usize]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for index in indices {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == *index => *length += 1,
            _ => runs.push((*index, 1)),
        }
    }
    runs
}

/// Another shape of the same elements: nothing moves when the memory allows it.
pub fn reshape(builder: &mut Builder<'_>, node: &Node) {
    let from = builder.value(node.inputs[0]).shape.clone();
    let to = builder.value(node.outputs[0]).shape.clone();
    let input = builder.any_order(node.inputs[0]);
    match input.order.reshaped(&from, &to) {
        Some(order) => builder.locate(node.outputs[0], input.buffer, order),
        None => {
            let buffer = builder.in_order(node.inputs[0], &Order::row_major(from.len()));
            builder.locate(node.outputs[0], buffer, Order::row_major(to.len()));
        }
    }
}

/// Axes in another order: nothing moves.
pub fn transpose(builder: &mut Builder<'_>, node: &Node, permutation: &[usize]) {
    let input = builder.any_order(node.inputs[0]);
    builder.locate(node.outputs[0], input.buffer, input.order.transposed(permutation));
}

/// More elements at the edges.
pub fn pad(builder: &mut Builder<'_>, node: &Node, [before, after]: [&[usize]; 2], fill: u8) {
    let input = builder.any_order(node.inputs[0]);
    let lengths = input.order.lengths(&builder.value(node.inputs[0]).shape);
    let edges = input.order.axes().iter().map(|axis| [before[*axis], after[*axis]]);
    let dimensions: Vec<(usize, [usize; 2])> = lengths.into_iter().zip(edges).collect();
    let output = builder.make(node.outputs[0], input.order);
    let work = move |views: Views<'_>, _: &_| {
        let output = bytes_mut(views.output);
        output.fill(fill);
        copy_inside(bytes(views.inputs[0]), output, &dimensions);
    };
    builder.step(node, &[input.buffer], output, 0, Box::new(work));
}

/// Copies the input into the middle of the output. Dimensions are the input's, with how much is added at both ends.
fn copy_inside(input: &[u8], output: &mut [u8], dimensions: &[(usize, [usize; 2])]) {
    let Some(((length, [before, after]), inner)) = dimensions.split_first() else {
        return output.copy_from_slice(input);
    };
    let (from, to) = (input.len() / length, output.len() / (length + before + after));
    if inner.iter().all(|(_, edges)| *edges == [0, 0]) {
        return output[before * to..][..input.len()].copy_from_slice(input);
    }
    for (input, output) in input.chunks(from).zip(output.chunks_mut(to).skip(*before)) {
        copy_inside(input, output, inner);
    }
}
