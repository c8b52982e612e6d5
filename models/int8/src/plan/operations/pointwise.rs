//! One element at a time.

use super::movement::join;
use super::{bytes, bytes_mut, floats, floats_mut};
use crate::formula::{BinaryFormula, dynamic_quantization};
use crate::graph::{BinaryOperator, Node, ValueId};
use crate::kernels::elementwise;
use crate::plan::build::{BufferId, Builder};
use crate::plan::order::Order;
use crate::plan::step::{Element, Views};
use crate::quantization::{Bounds, Quantization};
use crate::threads::Threads;

/// Elements that are worth a thread's while.
const GRAIN: usize = 1 << 14;

/// Floats to bytes.
pub fn quantize(builder: &mut Builder<'_>, node: &Node) {
    let quantization = builder.quantization(node.outputs[0]);
    let (input, output) = same_order(builder, node);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = floats(views.inputs[0]);
        threads.split_slice(bytes_mut(views.output), GRAIN, &|start, output| {
            elementwise::quantize(&input[start..], quantization, output);
        });
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

/// Bytes to floats.
pub fn dequantize(builder: &mut Builder<'_>, node: &Node) {
    let quantization = builder.quantization(node.inputs[0]);
    // What leaves the region leaves in ONNX's order; it is cheaper to move bytes than floats.
    let order = Order::row_major(builder.value(node.inputs[0]).shape.len());
    let input = builder.in_order(node.inputs[0], &order);
    let output = builder.make(node.outputs[0], order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = bytes(views.inputs[0]);
        threads.split_slice(floats_mut(views.output), GRAIN, &|start, output| {
            elementwise::dequantize(&input[start..], quantization, output);
        });
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

/// Bytes of the other sign convention.
pub fn flip_sign(builder: &mut Builder<'_>, node: &Node) {
    let table = std::array::from_fn(|byte| byte as u8 ^ 0x80);
    self::table(builder, node, &table);
}

/// A function of one byte.
pub fn table(builder: &mut Builder<'_>, node: &Node, table: &[u8; 256]) {
    let table = Box::new(*table);
    let (input, output) = same_order(builder, node);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = bytes(views.inputs[0]);
        threads.split_slice(bytes_mut(views.output), GRAIN, &|start, output| {
            elementwise::look_up(&input[start..], &table, output);
        });
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

/// The first input wherever it is, and the output in the same order.
fn same_order(builder: &mut Builder<'_>, node: &Node) -> (BufferId, BufferId) {
    let input = builder.any_order(node.inputs[0]);
    (input.buffer, builder.make(node.outputs[0], input.order))
}

/// Two values, element by element.
pub fn binary(builder: &mut Builder<'_>, node: &Node, operator: BinaryOperator, bounds: Bounds, signed: bool) {
    let [one, two] = [node.inputs[0], node.inputs[1]];
    let output = builder.quantization(node.outputs[0]);
    let formula = BinaryFormula::new(operator, [one, two].map(|id| builder.quantization(id)), output, signed);
    let order = common_order(builder, node);
    let (one, one_strides) = operand(builder, one, node.outputs[0], &order);
    let (two, two_strides) = operand(builder, two, node.outputs[0], &order);
    let lengths = order.lengths(&builder.value(node.outputs[0]).shape);
    let walk = join(&lengths, &[&one_strides, &two_strides]);
    let output = builder.make(node.outputs[0], order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let inputs = views.inputs.map(bytes);
        let walk = Walk { formula, bounds, dimensions: &walk };
        walk.run(inputs, bytes_mut(views.output), threads);
    };
    builder.step(node, &[one, two], output, 0, Box::new(work));
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

/// How a binary operation walks over its operands.
struct Walk<'a> {
    formula: BinaryFormula,
    bounds: Bounds,
    /// Length and both strides of every dimension, outermost first.
    dimensions: &'a [(usize, Vec<usize>)],
}

impl Walk<'_> {
    fn run(&self, inputs: [&[u8]; 2], output: &mut [u8], threads: &Threads) {
        let Some((outer, strides)) = self.dimensions.first() else {
            return self.run_inner(inputs, &[], output);
        };
        if self.dimensions.len() > 1 && *outer > 1 {
            let piece = output.len() / outer;
            let grain = piece * GRAIN.div_ceil(piece);
            threads.split_slice(output, grain, &|start, output| {
                let places = start / piece..;
                for (place, output) in places.zip(output.chunks_mut(piece)) {
                    let inputs = [&inputs[0][place * strides[0]..], &inputs[1][place * strides[1]..]];
                    self.run_inner(inputs, &self.dimensions[1..], output);
                }
            });
        } else {
            threads.split_slice(output, GRAIN, &|start, output| {
                let inputs = [&inputs[0][start * strides[0]..], &inputs[1][start * strides[1]..]];
                self.run_run(inputs, strides, output);
            });
        }
    }

    fn run_inner(&self, inputs: [&[u8]; 2], dimensions: &[(usize, Vec<usize>)], output: &mut [u8]) {
        match dimensions {
            [] => self.run_run(inputs, &[1, 1], output),
            [(_, strides)] => self.run_run(inputs, strides, output),
            [(outer, strides), inner @ ..] => {
                let piece = output.len() / outer;
                for (place, output) in output.chunks_mut(piece).enumerate() {
                    let inputs = [&inputs[0][place * strides[0]..], &inputs[1][place * strides[1]..]];
                    self.run_inner(inputs, inner, output);
                }
            }
        }
    }

    /// One contiguous run of the output; each operand runs along or stands still.
    fn run_run(&self, [one, two]: [&[u8]; 2], strides: &[usize], output: &mut [u8]) {
        match strides {
            [0, 0] => output.fill(self.formula.apply(one[0], two[0], self.bounds)),
            [0, _] => elementwise::binary_with_first(one[0], two, self.formula, self.bounds, output),
            [_, 0] => elementwise::binary_with_second(one, two[0], self.formula, self.bounds, output),
            _ => elementwise::binary([one, two], self.formula, self.bounds, output),
        }
    }
}

/// Floats to bytes, their scale and their zero point.
pub fn dynamic_quantize(builder: &mut Builder<'_>, node: &Node) {
    let input = builder.any_order(node.inputs[0]);
    let range = builder.temporary(Element::Float, 2);
    let measure = |views: Views<'_>, _: &_| {
        floats_mut(views.output).copy_from_slice(&elementwise::range(floats(views.inputs[0])));
    };
    builder.step(node, &[input.buffer], range, 0, Box::new(measure));
    let scale = builder.make(node.outputs[1], Order::row_major(builder.value(node.outputs[1]).shape.len()));
    let tell_scale = |views: Views<'_>, _: &_| floats_mut(views.output).fill(found(views.inputs[0]).scale);
    builder.step(node, &[range], scale, 0, Box::new(tell_scale));
    let zero_point = builder.make(node.outputs[2], Order::row_major(builder.value(node.outputs[2]).shape.len()));
    let tell_zero_point = |views: Views<'_>, _: &_| bytes_mut(views.output).fill(found(views.inputs[0]).zero_point);
    builder.step(node, &[range], zero_point, 0, Box::new(tell_zero_point));
    let output = builder.make(node.outputs[0], input.order);
    let quantize = |views: Views<'_>, threads: &Threads| {
        let (input, quantization) = (floats(views.inputs[0]), found(views.inputs[1]));
        threads.split_slice(bytes_mut(views.output), GRAIN, &|start, output| {
            elementwise::quantize(&input[start..], quantization, output);
        });
    };
    builder.step(node, &[input.buffer, range], output, 0, Box::new(quantize));
}

fn found(range: crate::tensor::Data<'_>) -> Quantization {
    let range = floats(range);
    dynamic_quantization(range[0], range[1])
}
