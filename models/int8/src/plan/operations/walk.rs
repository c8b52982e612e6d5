//! Two operands, element by element, whose dimensions broadcast.

use super::GRAIN;
use super::movement::join;
use crate::graph::{Node, ValueId};
use crate::plan::build::{BufferId, Builder};
use crate::plan::order::Order;
use crate::threads::Threads;

/// What is done to one contiguous run of the output.
pub trait Runs: Sync {
    /// What operands and output consist of.
    type Element: Send + Sync;

    /// Computes a run. An operand has an element for each of the output's, or, repeated, one for all.
    fn run(&self, inputs: [&[Self::Element]; 2], repeated: [bool; 2], output: &mut [Self::Element]);
}

/// How a binary operation walks over its operands: length and both strides of every dimension, outermost first.
pub struct Walk(Vec<(usize, Vec<usize>)>);

/// Buffers for the operands and the output of a node, and the walk over them.
pub fn over(builder: &mut Builder<'_>, node: &Node) -> ([BufferId; 2], BufferId, Walk) {
    let order = common_order(builder, node);
    let (one, one_strides) = operand(builder, node.inputs[0], node.outputs[0], &order);
    let (two, two_strides) = operand(builder, node.inputs[1], node.outputs[0], &order);
    let lengths = order.lengths(&builder.value(node.outputs[0]).shape);
    let walk = Walk(join(&lengths, &[&one_strides, &two_strides]));
    ([one, two], builder.make(node.outputs[0], order), walk)
}

/// The order of an operand that has the output's shape; of two, one that isn't row-major: its maker had a reason.
fn common_order(builder: &Builder<'_>, node: &Node) -> Order {
    let shape = &builder.value(node.outputs[0]).shape;
    let row_major = Order::row_major(shape.len());
    let full = node.inputs.iter().filter(|id| builder.value(**id).shape == *shape);
    let mut orders = full.map(|id| builder.any_order(*id).order);
    orders.find(|order| !order.places_like(&row_major, shape)).unwrap_or(row_major)
}

/// An operand's buffer, and its strides along the output's axes as they lie in memory: 0 where it is repeated.
fn operand(builder: &mut Builder<'_>, id: ValueId, output: ValueId, order: &Order) -> (BufferId, Vec<usize>) {
    let shape = builder.value(id).shape.clone();
    let lifted = builder.value(output).shape.len() - shape.len();
    let own = order.axes().iter().filter_map(|axis| axis.checked_sub(lifted)).collect();
    let own = Order::of(own);
    let buffer = builder.in_order(id, &own);
    let strides = own.strides(&shape);
    let stride = |axis: &usize| match axis.checked_sub(lifted) {
        Some(axis) if shape[axis] > 1 => strides[axis],
        _ => 0,
    };
    (buffer, order.axes().iter().map(stride).collect())
}

impl Walk {
    /// Computes all runs.
    pub fn run<R: Runs>(&self, runs: &R, inputs: [&[R::Element]; 2], output: &mut [R::Element], threads: &Threads) {
        let Some((outer, strides)) = self.0.first() else {
            return walk(runs, inputs, &[], output);
        };
        if self.0.len() > 1 && *outer > 1 {
            let piece = output.len() / outer;
            let grain = piece * GRAIN.div_ceil(piece);
            threads.split_slice(output, grain, &|start, output| {
                let places = start / piece..;
                for (place, output) in places.zip(output.chunks_mut(piece)) {
                    walk(runs, from(inputs, strides, place), &self.0[1..], output);
                }
            });
        } else {
            threads.split_slice(output, GRAIN, &|start, output| {
                runs.run(from(inputs, strides, start), repeated(strides), output);
            });
        }
    }
}

fn walk<R: Runs>(runs: &R, inputs: [&[R::Element]; 2], dimensions: &[(usize, Vec<usize>)], output: &mut [R::Element]) {
    match dimensions {
        [] => runs.run(inputs, [false, false], output),
        [(_, strides)] => runs.run(inputs, repeated(strides), output),
        [(outer, strides), inner @ ..] => {
            let piece = output.len() / outer;
            for (place, output) in output.chunks_mut(piece).enumerate() {
                walk(runs, from(inputs, strides, place), inner, output);
            }
        }
    }
}

/// The operands from a place of a dimension on.
fn from<'a, T>([one, two]: [&'a [T]; 2], strides: &[usize], place: usize) -> [&'a [T]; 2] {
    [&one[place * strides[0]..], &two[place * strides[1]..]]
}

/// Which operands are repeated along the innermost dimension.
fn repeated(strides: &[usize]) -> [bool; 2] {
    [strides[0] == 0, strides[1] == 0]
}
