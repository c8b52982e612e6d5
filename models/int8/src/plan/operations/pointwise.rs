//! One element at a time.

use super::walk::{self, Operator};
use super::{GRAIN, bytes, bytes_mut, floats, floats_mut};
use crate::formula::{BinaryFormula, dynamic_quantization};
use crate::graph::{BinaryOperator, Node};
use crate::kernels::elementwise::{self, Runs};
use crate::plan::build::{BufferId, Builder};
use crate::plan::order::Order;
use crate::plan::step::{Element, Views};
use crate::quantization::{Bounds, Quantization};
use crate::threads::Threads;

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
    let (table, kernels) = (Box::new(*table), builder.kernels);
    let (input, output) = same_order(builder, node);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = bytes(views.inputs[0]);
        threads.split_slice(bytes_mut(views.output), GRAIN, &|start, output| {
            kernels.look_up(&input[start..][..output.len()], &table, output);
        });
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

/// The first input wherever it is, and the output in the same order.
pub fn same_order(builder: &mut Builder<'_>, node: &Node) -> (BufferId, BufferId) {
    let input = builder.any_order(node.inputs[0]);
    (input.buffer, builder.make(node.outputs[0], input.order))
}

/// Two values, element by element.
pub fn binary(builder: &mut Builder<'_>, node: &Node, operator: BinaryOperator, bounds: Bounds, signed: bool) {
    let [one, two] = [node.inputs[0], node.inputs[1]];
    let output = builder.quantization(node.outputs[0]);
    let formula = BinaryFormula::new(operator, [one, two].map(|id| builder.quantization(id)), output, signed);
    let operator = Binary { formula, bounds };
    let (inputs, output, walk) = walk::over(builder, node);
    let work = move |views: Views<'_>, threads: &Threads| {
        walk.run(&operator, views.inputs.map(bytes), bytes_mut(views.output), threads);
    };
    builder.step(node, &inputs, output, 0, Box::new(work));
}

struct Binary {
    formula: BinaryFormula,
    bounds: Bounds,
}

impl Operator for Binary {
    type Element = u8;

    fn run(&self, inputs: [&[u8]; 2], runs: Runs, output: &mut [u8]) {
        elementwise::binary(inputs, runs, self.formula, self.bounds, output);
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
