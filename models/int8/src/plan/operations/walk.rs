//! Two operands, element by element, whose dimensions broadcast.

use super::GRAIN;
use super::movement::join;
use crate::graph::{Node, ValueId};
use crate::kernels::elementwise::Runs;
use crate::plan::build::{BufferId, Builder};
use crate::plan::order::Order;
use crate::threads::Threads;

/// What is done to two operands.
pub trait Operator: Sync {
    /// What operands and output consist of.
    type Element: Send + Sync;

    /// Computes runs that lie together.
    fn run(&self, inputs: [&[Self::Element]; 2], runs: Runs, output: &mut [Self::Element]);
}

/// How a binary operation walks over its operands, outermost dimension first.
pub struct Walk(Vec<Dimension>);

struct Dimension {
    /// Elements of the output from one place to the next.
    piece: usize,
    /// The same for each operand: 0 where it is repeated.
    strides: [usize; 2],
}

/// Buffers for the operands and the output of a node, and the walk over them.
pub fn over(builder: &mut Builder<'_>, node: &Node) -> ([BufferId; 2], BufferId, Walk) {
    let order = common_order(builder, node);
    let (one, one_strides) = operand(builder, node.inputs[0], node.outputs[0], &order);
    let (two, two_strides) = operand(builder, node.inputs[1], node.outputs[0], &order);
    let lengths = order.lengths(&builder.value(node.outputs[0]).shape);
    let mut piece = 1;
    let mut dimension = |(length, strides): (usize, Vec<usize>)| {
        let dimension = Dimension { piece, strides: [strides[0], strides[1]] };
        piece *= length;
        dimension
    };
    let inner_first = join(&lengths, &[&one_strides, &two_strides]).into_iter().rev();
    let mut dimensions: Vec<Dimension> = inner_first.map(&mut dimension).collect();
    dimensions.reverse();
    ([one, two], builder.make(node.outputs[0], order), Walk(dimensions))
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
    /// Computes all elements.
    pub fn run<O: Operator>(
        &self,
        operator: &O,
        inputs: [&[O::Element]; 2],
        output: &mut [O::Element],
        threads: &Threads,
    ) {
        let piece = self.0.first().map_or(1, |outer| outer.piece);
        threads.split_slice(output, piece * GRAIN.div_ceil(piece), &|start, output| {
            let inputs = self.0.first().map_or(inputs, |outer| outer.from(inputs, start / piece));
            walk(operator, inputs, &self.0, output);
        });
    }
}

impl Dimension {
    /// The operands from a place on.
    fn from<'a, T>(&self, [one, two]: [&'a [T]; 2], place: usize) -> [&'a [T]; 2] {
        [&one[place * self.strides[0]..], &two[place * self.strides[1]..]]
    }

    fn repeated(&self) -> [bool; 2] {
        self.strides.map(|stride| stride == 0)
    }
}

fn walk<O: Operator>(operator: &O, inputs: [&[O::Element]; 2], dimensions: &[Dimension], output: &mut [O::Element]) {
    let runs = match dimensions {
        [] => Runs { length: output.len(), steps: [0, 0], repeated: [true, true] },
        [only] => Runs { length: output.len(), steps: [0, 0], repeated: only.repeated() },
        [outer, inner] => Runs { length: outer.piece, steps: outer.strides, repeated: inner.repeated() },
        [outer, inner @ ..] => {
            for (place, output) in output.chunks_mut(outer.piece).enumerate() {
                walk(operator, outer.from(inputs, place), inner, output);
            }
            return;
        }
    };
    operator.run(inputs, runs, output);
}
