//! Operations over whole rows: means, softmax, layer normalization.

use super::{Bytes, indices, quantization, ravel};
use crate::formula::{RowStatistics, SoftmaxFormula, mean_multiplier};
use crate::graph::{LayerNorm, Value};
use crate::quantization::{FULL, Quantization, requantize, to_byte};

/// Mean over axes, which stay with length 1.
pub fn mean(input: Bytes<'_>, output: &Value, axes: &[usize]) -> Vec<u8> {
    let count = axes.iter().map(|axis| input.shape[*axis]).product();
    let meaning = quantization(output);
    let multiplier = mean_multiplier(input.quantization, meaning, count);
    let mut sums = vec![0_i32; output.shape.iter().product()];
    for (index, byte) in indices(input.shape).zip(input.bytes) {
        let sum = &mut sums[ravel(&head(&index, axes), &output.shape)];
        *sum = sum.wrapping_add(i32::from(*byte) - i32::from(input.quantization.zero_point));
    }
    sums.iter().map(|sum| requantize(*sum, multiplier, meaning.zero_point, FULL)).collect()
}

/// Softmax along an axis.
pub fn softmax(input: Bytes<'_>, output: Quantization, axis: usize) -> Vec<u8> {
    let formula = SoftmaxFormula::new(input.quantization, output);
    let mut result = vec![0; input.bytes.len()];
    for row in rows(input.shape, axis) {
        let greatest = row.iter().map(|place| input.bytes[*place]).max().unwrap_or(0);
        let weight = |place: &usize| formula.weight(input.bytes[*place], greatest);
        let total = formula.total(row.iter().map(|place| input.bytes[*place]), greatest);
        row.iter().for_each(|place| result[*place] = formula.share(weight(place), total));
    }
    result
}

/// The first index of the row over axes that an index lies in.
pub fn head(index: &[usize], axes: &[usize]) -> Vec<usize> {
    index.iter().enumerate().map(|(axis, index)| if axes.contains(&axis) { 0 } else { *index }).collect()
}

/// The places of every row along an axis.
pub fn rows(shape: &[usize], axis: usize) -> Vec<Vec<usize>> {
    let mut heads = shape.to_vec();
    heads[axis] = 1;
    let row = |mut index: Vec<usize>| {
        let place = |at| {
            index[axis] = at;
            ravel(&index, shape)
        };
        (0..shape[axis]).map(place).collect()
    };
    indices(&heads).map(row).collect()
}

/// Layer normalization along the last axis.
pub fn layer_norm(input: Bytes<'_>, output: Quantization, norm: &LayerNorm) -> Vec<u8> {
    let length = norm.scale.len();
    let mut result = Vec::with_capacity(input.bytes.len());
    for row in input.bytes.chunks(length) {
        let sum = row.iter().map(|byte| u64::from(*byte)).sum();
        let squares = row.iter().map(|byte| u64::from(*byte) * u64::from(*byte)).sum();
        let statistics = RowStatistics::new(sum, squares, length, input.quantization.scale, norm.epsilon);
        for (channel, byte) in row.iter().enumerate() {
            let normal = (f32::from(*byte) - statistics.mean) * statistics.factor;
            let bias = norm.bias.get(channel).copied().unwrap_or(0.0);
            let value = normal * norm.scale[channel] + bias;
            result.push(to_byte(value / output.scale, output.zero_point, FULL));
        }
    }
    result
}
