//! One element at a time.

use super::{Bytes, Owned, indices, place_in, quantization};
use crate::formula::{BinaryFormula, dynamic_quantization};
use crate::graph::{BinaryOperator, Value};
use crate::quantization::Bounds;

/// Bytes to floats.
pub fn dequantize(input: Bytes<'_>) -> Owned {
    Owned::Floats(input.bytes.iter().map(|byte| input.quantization.dequantize(*byte)).collect())
}

/// Two values, element by element; dimensions broadcast.
pub fn binary(
    inputs: [Bytes<'_>; 2],
    output: &Value,
    operator: BinaryOperator,
    bounds: Bounds,
    signed: bool,
) -> Vec<u8> {
    let [one, two] = inputs;
    let formula = BinaryFormula::new(operator, [one.quantization, two.quantization], quantization(output), signed);
    let element = |index: Vec<usize>| formula.apply(broadcast(one, &index), broadcast(two, &index), bounds);
    indices(&output.shape).map(element).collect()
}

fn broadcast(input: Bytes<'_>, index: &[usize]) -> u8 {
    input.bytes[place_in(index, input.shape)]
}

/// Floats to bytes, their scale and their zero point.
pub fn dynamic_quantize(floats: &[f32]) -> Vec<Owned> {
    let least = floats.iter().copied().fold(0.0, f32::min);
    let greatest = floats.iter().copied().fold(0.0, f32::max);
    let quantization = dynamic_quantization(least, greatest);
    let bytes = floats.iter().map(|value| quantization.quantize(*value)).collect();
    vec![Owned::Bytes(bytes), Owned::Floats(vec![quantization.scale]), Owned::Bytes(vec![quantization.zero_point])]
}
