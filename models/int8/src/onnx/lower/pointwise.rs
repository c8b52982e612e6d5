//! One element at a time.

use tract_onnx::pb::NodeProto;

use super::{Step, Tensor, Wish, table};
use crate::formula::{BinaryFormula, with_constant};
use crate::graph::{BinaryOperator, Kind, Operation};
use crate::onnx::file::File;
use crate::onnx::function::Function;
use crate::quantization::Quantization;

/// `Add`, `Sub` and `Mul` of two quantized tensors, of which one may be constant.
pub fn binary(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let operator = match wish.call.node.op_type.as_str() {
        "Add" => BinaryOperator::Add,
        "Sub" => BinaryOperator::Sub,
        _ => BinaryOperator::Mul,
    };
    let inputs = vec![operand(wish, 0)?, operand(wish, 1)?];
    if inputs.iter().all(|input| matches!(input, Tensor::Constant(..))) {
        return Err("takes constants alone".to_owned());
    }
    if let Some(step) = with_scalar(wish, operator, &inputs) {
        return Ok(vec![step]);
    }
    wish.step(Operation::Binary { operator, bounds: wish.bounds, signed: wish.output.signed }, inputs)
}

/// With a constant of one element it is a function of the other operand: a table, of the same formula.
fn with_scalar(wish: &Wish<'_>, operator: BinaryOperator, inputs: &[Tensor]) -> Option<Step> {
    let output = wish.output.quantization;
    let (source, shape, operands, constant, value) = match inputs {
        [Tensor::Named(source, shape), Tensor::Constant(bytes, _, constant)] if bytes.len() == 1 => {
            (source, shape, [source.quantization, *constant], 1, bytes[0])
        }
        [Tensor::Constant(bytes, _, constant), Tensor::Named(source, shape)] if bytes.len() == 1 => {
            (source, shape, [*constant, source.quantization], 0, bytes[0])
        }
        _ => return None,
    };
    wish.call.shape().ok().filter(|output| output == shape)?;
    let formula = BinaryFormula::new(operator, operands, output, wish.output.signed);
    let mut table = Box::new([0; 256]);
    for (byte, entry) in (0..=u8::MAX).zip(table.iter_mut()) {
        let bytes = if constant == 1 { [byte, value] } else { [value, byte] };
        *entry = with_constant(formula, bytes, constant, wish.bounds);
    }
    let input = Tensor::Named(source.clone(), shape.clone());
    let (operation, shape) = (Operation::Table(table), shape.clone());
    Some(Step { operation, inputs: vec![input], shape, kind: Kind::Quantized(output) })
}

/// An operand, perhaps constant.
pub fn operand(wish: &Wish<'_>, place: usize) -> Result<Tensor, String> {
    let name = wish.call.node.input.get(place).ok_or("an input is missing")?;
    let Some(weights) = wish.call.file.weights(name) else { return wish.input(place) };
    if weights.scales.len() != 1 {
        return Err(format!("its constant `{name}` isn't quantized as a whole"));
    }
    let unsigned = |value: i8| value as u8 ^ 0x80;
    let bytes = weights.values.iter().map(|value| unsigned(*value)).collect();
    let quantization = Quantization { scale: weights.scales[0], zero_point: unsigned(weights.zero_points[0]) };
    Ok(Tensor::Constant(bytes, weights.shape, quantization))
}

/// Any function of one quantized tensor.
pub fn function(file: &File<'_>, quantize: &NodeProto) -> Result<Vec<Step>, String> {
    let output = quantize.output.first().ok_or("no output")?;
    let output = file.parameters(quantize, output).ok_or("its output isn't quantized to 8 bits as a whole")?;
    let function = Function::of(file, quantize.input.first().ok_or("no input")?)?;
    from_function(file, &function, output.quantization)
}

fn from_function(file: &File<'_>, function: &Function, output: Quantization) -> Result<Vec<Step>, String> {
    let source = function.source.clone().ok_or("is constant")?;
    let shape = file.shape(&source.name)?;
    let operation = Operation::Table(table(function, output));
    let input = Tensor::Named(source, shape.clone());
    Ok(vec![Step { operation, inputs: vec![input], shape, kind: Kind::Quantized(output) }])
}
