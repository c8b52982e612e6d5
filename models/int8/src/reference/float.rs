//! Floats from floats, and floats that move.

use super::{Owned, Tensors, indices, place_in, ravel, rows, shape};
use crate::float::{FloatOperation, LANES, Reduction, exponential};
use crate::graph::{Node, Operation, Value};

/// Floats with their shape.
#[derive(Clone, Copy)]
struct Floats<'a> {
    shape: &'a [usize],
    elements: &'a [f32],
}

/// What a node makes whose output is floats.
pub fn compute(tensors: &Tensors<'_>, node: &Node, output: &Value) -> Vec<f32> {
    let inputs: Vec<Floats<'_>> = node
        .inputs
        .iter()
        .map(|id| Floats { shape: &tensors.value(*id).shape, elements: tensors.floats(*id) })
        .collect();
    match &node.operation {
        Operation::Select { axis, indices } => shape::select(inputs[0].shape, inputs[0].elements, *axis, indices),
        Operation::Reshape => inputs[0].elements.to_vec(),
        Operation::Transpose { permutation } => shape::transpose(inputs[0].shape, inputs[0].elements, permutation),
        Operation::Concat { axis } => {
            let inputs: Vec<_> = inputs.iter().map(|input| (input.shape, input.elements)).collect();
            shape::joined(&inputs, &output.shape, *axis)
        }
        Operation::Float(FloatOperation::FromSums) => match &tensors.made[node.inputs[0].0] {
            Some(Owned::Sums(sums)) => sums.iter().map(|sum| *sum as f32).collect(),
            _ => Vec::new(),
        },
        Operation::Float(operation) => float(operation, &inputs, output),
        _ => Vec::new(),
    }
}

fn float(operation: &FloatOperation, inputs: &[Floats<'_>], output: &Value) -> Vec<f32> {
    match operation {
        FloatOperation::Constant(floats) => floats.to_vec(),
        FloatOperation::FromSums => Vec::new(),
        FloatOperation::Function(function) => inputs[0].elements.iter().map(|x| function.drive(*x)).collect(),
        FloatOperation::Binary(operator) => {
            let element = |index: Vec<usize>| operator.drive([at(inputs[0], &index), at(inputs[1], &index)]);
            indices(&output.shape).map(element).collect()
        }
        FloatOperation::Product => product(inputs[0], inputs[1], output),
        FloatOperation::Reduce { reduction, axes } => reduce(inputs[0], *reduction, axes, output),
        FloatOperation::Softmax { axis } => softmax(inputs[0], *axis),
    }
}

/// The element that an index of the output falls on.
fn at(input: Floats<'_>, index: &[usize]) -> f32 {
    input.elements[place_in(index, input.shape)]
}

fn product(left: Floats<'_>, right: Floats<'_>, output: &Value) -> Vec<f32> {
    let depth = left.shape.last().copied().unwrap_or(1);
    let element = |index: Vec<usize>| {
        let (matrices, place) = index.split_at(index.len() - 2);
        let indexed = |row: usize, column: usize| [matrices, &[row, column]].concat();
        (0..depth)
            .fold(0.0_f32, |sum, k| at(left, &indexed(place[0], k)).mul_add(at(right, &indexed(k, place[1])), sum))
    };
    indices(&output.shape).map(element).collect()
}

fn reduce(input: Floats<'_>, reduction: Reduction, axes: &[usize], output: &Value) -> Vec<f32> {
    let mut rows = vec![Vec::new(); output.shape.iter().product()];
    for (index, element) in indices(input.shape).zip(input.elements) {
        rows[ravel(&rows::head(&index, axes), &output.shape)].push(*element);
    }
    rows.iter().map(|row| reduced(row, reduction)).collect()
}

fn reduced(row: &[f32], reduction: Reduction) -> f32 {
    let mut lanes = [reduction.start(); LANES];
    for (place, element) in row.iter().enumerate() {
        lanes[place % LANES] = reduction.join(lanes[place % LANES], *element);
    }
    reduction.finish(lanes, row.len())
}

fn softmax(input: Floats<'_>, axis: usize) -> Vec<f32> {
    let mut result = vec![0.0; input.elements.len()];
    for row in rows::rows(input.shape, axis) {
        let elements: Vec<f32> = row.iter().map(|place| input.elements[*place]).collect();
        let greatest = reduced(&elements, Reduction::Greatest);
        let weights: Vec<f32> = elements.iter().map(|element| exponential(element - greatest)).collect();
        let total = reduced(&weights, Reduction::Sum);
        row.iter().zip(weights).for_each(|(place, weight)| result[*place] = weight / total);
    }
    result
}
