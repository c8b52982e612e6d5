//! Operators on floats between quantized parts: their values needn't leave the region.

use std::sync::Arc;

use tract_onnx::prelude::DatumType;

use super::{Call, Step, Tensor, axis, clip_bounds, normalization, shape, windows};
use crate::float::{FloatFunction, FloatOperation, FloatOperator, Reduction};
use crate::graph::{Kind, LayerNorm, Operation};

/// Elements of a product's right side at most. Larger ones don't stay in the second cache, and tract cuts them into blocks.
const LARGEST_RIGHT_SIDE: usize = 1 << 16;
/// Matrices of one product at most.
const MOST_MATRICES: usize = 1 << 12;
/// Elements of a value at most: a region's memory stays as long as the model, tract gives its own back.
const LARGEST_VALUE: usize = 1 << 22;

/// The steps of an operator that makes floats of floats.
///
/// # Errors
/// In words: why it stays with tract.
pub fn floats(call: &Call<'_>) -> Result<Vec<Step>, String> {
    let given = call.node.input.iter().filter(|name| !name.is_empty());
    if given.clone().count() == 0 || given.clone().all(|name| call.file.constant(name).is_some()) {
        return Err("takes constants alone".to_owned());
    }
    if call.node.output.iter().filter(|name| !name.is_empty()).count() != 1 {
        return Err("makes several values".to_owned());
    }
    if elements(&call.shape()?) > LARGEST_VALUE {
        return Err("makes a large tensor of floats".to_owned());
    }
    match call.node.op_type.as_str() {
        "Add" => binary(call, FloatOperator::Add),
        "Sub" => binary(call, FloatOperator::Subtract),
        "Mul" => binary(call, FloatOperator::Multiply),
        "Div" => binary(call, FloatOperator::Divide),
        "Pow" => power(call),
        "MatMul" => product(call),
        "Cast" => from_sums(call),
        "ReduceMean" => reduce(call, Reduction::Mean),
        "ReduceSum" => reduce(call, Reduction::Sum),
        "ReduceMax" => reduce(call, Reduction::Greatest),
        "ReduceMin" => reduce(call, Reduction::Least),
        "Softmax" => {
            let axis = normalization::softmax_axis(call)?;
            only(call, FloatOperation::Softmax { axis }, vec![operand(call, 0)?])
        }
        "LayerNormalization" => layer_norm(call),
        "Concat" => concat(call),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Transpose" | "Slice" | "Gather" => moved(call),
        _ => only(call, FloatOperation::Function(function(call)?), vec![operand(call, 0)?]),
    }
}

/// A shape may be larger than memory: it comes from outside.
fn elements(shape: &[usize]) -> usize {
    shape.iter().fold(1, |product: usize, length| product.saturating_mul(*length))
}

fn function(call: &Call<'_>) -> Result<FloatFunction, String> {
    Ok(match call.node.op_type.as_str() {
        "Sqrt" => FloatFunction::SquareRoot,
        "Neg" => FloatFunction::Negate,
        "Abs" => FloatFunction::Absolute,
        "Reciprocal" => FloatFunction::Reciprocal,
        "Exp" => FloatFunction::Exponential,
        "Erf" => FloatFunction::Error,
        "Tanh" => FloatFunction::Tanh,
        "Sigmoid" => FloatFunction::Sigmoid,
        "Relu" | "Clip" => {
            let (low, high) = clip_bounds(call.file, call.node).ok_or("its bounds aren't known before running")?;
            FloatFunction::Clip { low, high }
        }
        other => return Err(format!("{other} isn't lowered")),
    })
}

/// A float tensor of the file, perhaps constant.
fn operand(call: &Call<'_>, place: usize) -> Result<Tensor, String> {
    let name = call.input(place)?;
    let shape = call.file.shape(name)?;
    if call.file.datum_type(name) != Some(DatumType::F32) {
        return Err(format!("its input `{name}` isn't of 32-bit floats"));
    }
    Ok(match call.file.any_floats(name) {
        Some(floats) => Tensor::Floats(floats.into(), shape),
        None => Tensor::Raw(name.clone(), Kind::Float, shape),
    })
}

fn step(operation: FloatOperation, inputs: Vec<Tensor>, shape: &[usize]) -> Step {
    Step { operation: Operation::Float(operation), inputs, shape: shape.to_vec(), kind: Kind::Float }
}

fn only(call: &Call<'_>, operation: FloatOperation, inputs: Vec<Tensor>) -> Result<Vec<Step>, String> {
    Ok(vec![step(operation, inputs, &call.shape()?)])
}

fn binary(call: &Call<'_>, operator: FloatOperator) -> Result<Vec<Step>, String> {
    only(call, FloatOperation::Binary(operator), vec![operand(call, 0)?, operand(call, 1)?])
}

/// Squares and square roots: layer norms consist of them.
fn power(call: &Call<'_>) -> Result<Vec<Step>, String> {
    let base = operand(call, 0)?;
    match call.file.scalar(call.input(1)?) {
        Some(2.0) => only(call, FloatOperation::Binary(FloatOperator::Multiply), vec![base.clone(), base]),
        Some(0.5) => only(call, FloatOperation::Function(FloatFunction::SquareRoot), vec![base]),
        _ => Err("is a power that isn't lowered".to_owned()),
    }
}

fn product(call: &Call<'_>) -> Result<Vec<Step>, String> {
    let right_shape = call.file.shape(call.input(1)?)?;
    if right_shape.len() < 2 || call.file.shape(call.input(0)?)?.len() < 2 {
        return Err("multiplies a vector".to_owned());
    }
    let shape = call.shape()?;
    if elements(&shape[..shape.len().saturating_sub(2)]) > MOST_MATRICES {
        return Err("multiplies very many matrices".to_owned());
    }
    if elements(&right_shape[right_shape.len() - 2..]) > LARGEST_RIGHT_SIDE {
        return Err("is a large product of floats".to_owned());
    }
    only(call, FloatOperation::Product, vec![operand(call, 0)?, operand(call, 1)?])
}

fn from_sums(call: &Call<'_>) -> Result<Vec<Step>, String> {
    let name = call.input(0)?;
    if [call.file.datum_type(name), call.file.datum_type(call.value)] != [Some(DatumType::I32), Some(DatumType::F32)] {
        return Err("isn't from 32-bit integers to floats".to_owned());
    }
    only(call, FloatOperation::FromSums, vec![Tensor::Raw(name.clone(), Kind::Sums, call.file.shape(name)?)])
}

fn reduce(call: &Call<'_>, reduction: Reduction) -> Result<Vec<Step>, String> {
    let input = operand(call, 0)?;
    let mut kept = call.file.shape(call.input(0)?)?;
    let axes = windows::axes(call, kept.len())?;
    axes.iter().for_each(|axis| kept[*axis] = 1);
    Ok(step(FloatOperation::Reduce { reduction, axes }, vec![input], &kept).shaped(call.shape()?))
}

/// As its definition says: what is over the mean, over the deviation, by the scale, and the bias.
fn layer_norm(call: &Call<'_>) -> Result<Vec<Step>, String> {
    let LayerNorm { epsilon, scale, bias } = normalization::norm(call)?;
    let (input, shape) = (operand(call, 0)?, call.shape()?);
    let last = shape.len() - 1;
    let one_each = [&shape[..last], &[1]].concat();
    let mean = || FloatOperation::Reduce { reduction: Reduction::Mean, axes: vec![last] };
    let by = FloatOperation::Binary;
    let mut steps = vec![
        step(mean(), vec![input.clone()], &one_each),
        step(by(FloatOperator::Subtract), vec![input, Tensor::Made(0)], &shape),
        step(by(FloatOperator::Multiply), vec![Tensor::Made(1), Tensor::Made(1)], &shape),
        step(mean(), vec![Tensor::Made(2)], &one_each),
        step(by(FloatOperator::Add), vec![Tensor::Made(3), Tensor::Floats(Arc::new([epsilon]), vec![1])], &one_each),
        step(FloatOperation::Function(FloatFunction::SquareRoot), vec![Tensor::Made(4)], &one_each),
        step(by(FloatOperator::Divide), vec![Tensor::Made(1), Tensor::Made(5)], &shape),
        step(by(FloatOperator::Multiply), vec![Tensor::Made(6), Tensor::Floats(scale, vec![shape[last]])], &shape),
    ];
    if !bias.is_empty() {
        let inputs = vec![Tensor::Made(7), Tensor::Floats(bias, vec![shape[last]])];
        steps.push(step(by(FloatOperator::Add), inputs, &shape));
    }
    Ok(steps)
}

fn concat(call: &Call<'_>) -> Result<Vec<Step>, String> {
    let shape = call.shape()?;
    let axis = axis(call.attribute("axis", 0), shape.len())?;
    let inputs = (0..call.node.input.len()).map(|place| operand(call, place)).collect::<Result<_, _>>()?;
    Ok(vec![Step { operation: Operation::Concat { axis }, inputs, shape, kind: Kind::Float }])
}

fn moved(call: &Call<'_>) -> Result<Vec<Step>, String> {
    let moves = shape::moves_of_any(call, &call.file.shape(call.input(0)?)?, call.shape()?)?;
    Ok(Step::chain(&operand(call, 0)?, moves, Kind::Float))
}
