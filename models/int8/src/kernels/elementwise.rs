//! Operations on one element, or one row of elements, at a time.
//!
//! The loops are plain Rust over contiguous runs. `multiversion` compiles each for several instruction sets and picks
//! one while running; no floating-point step is reordered, and only those that the formulas name are fused, so all give
//! the same bits.

use multiversion::multiversion;

use crate::formula::BinaryFormula;
use crate::quantization::{Bounds, Quantization, requantize, to_byte};

/// Floats to bytes.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn quantize(input: &[f32], quantization: Quantization, output: &mut [u8]) {
    for (value, byte) in input.iter().zip(output) {
        *byte = quantization.quantize(*value);
    }
}

/// Bytes to floats.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn dequantize(input: &[u8], quantization: Quantization, output: &mut [f32]) {
    for (byte, value) in input.iter().zip(output) {
        *value = quantization.dequantize(*byte);
    }
}

/// A function of one byte, as a table.
pub fn look_up(input: &[u8], table: &[u8; 256], output: &mut [u8]) {
    for (byte, result) in input.iter().zip(output) {
        *result = table[usize::from(*byte)];
    }
}

/// Where two operands of an operation lie, whose output lies together in runs.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    /// Elements of a run.
    pub length: usize,
    /// For each operand, elements from one run to the next.
    pub steps: [usize; 2],
    /// For each operand, whether one element stands for a whole run.
    pub repeated: [bool; 2],
}

impl Runs {
    /// Computes all runs of the output.
    #[inline(always)]
    pub fn run<T: Copy>(&self, [one, two]: [&[T]; 2], output: &mut [T], operator: impl Fn(T, T) -> T) {
        for (run, output) in output.chunks_mut(self.length).enumerate() {
            let (one, two) = (&one[run * self.steps[0]..], &two[run * self.steps[1]..]);
            let output = output.iter_mut();
            match self.repeated {
                [false, false] => {
                    output.zip(one.iter().zip(two)).for_each(|(to, (one, two))| *to = operator(*one, *two));
                }
                [false, true] => {
                    let two = two[0];
                    output.zip(one).for_each(|(to, one)| *to = operator(*one, two));
                }
                [true, false] => {
                    let one = one[0];
                    output.zip(two).for_each(|(to, two)| *to = operator(one, *two));
                }
                [true, true] => {
                    let result = operator(one[0], two[0]);
                    output.for_each(|to| *to = result);
                }
            }
        }
    }
}

/// Two operands, element by element.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn binary(inputs: [&[u8]; 2], runs: Runs, formula: BinaryFormula, bounds: Bounds, output: &mut [u8]) {
    runs.run(inputs, output, |one, two| formula.apply(one, two, bounds));
}

/// Adds bytes to sums. They wrap.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn add_bytes(input: &[u8], sums: &mut [i32]) {
    for (byte, sum) in input.iter().zip(sums) {
        *sum = sum.wrapping_add(i32::from(*byte));
    }
}

/// Sum of bytes. It wraps.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn sum(input: &[u8]) -> i32 {
    input.iter().fold(0, |sum: i32, byte| sum.wrapping_add(i32::from(*byte)))
}

/// Sum of squares of bytes.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn sum_of_squares(input: &[u8]) -> u64 {
    // A chunk's sum fits 32 bits, which vectors add faster.
    let chunk = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte) * u32::from(*byte)).sum::<u32>();
    input.chunks(1 << 15).map(|bytes| u64::from(chunk(bytes))).sum()
}

/// Sums to bytes.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn requantize_sums(sums: &[i32], multiplier: f32, zero_point: u8, bounds: Bounds, output: &mut [u8]) {
    for (sum, byte) in sums.iter().zip(output) {
        *byte = requantize(*sum, multiplier, zero_point, bounds);
    }
}

/// One row of a layer normalization, of which the mean and the factor are known.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn normalize(
    input: &[u8],
    statistics: crate::formula::RowStatistics,
    [scale, bias]: [&[f32]; 2],
    meaning: Quantization,
    output: &mut [u8],
) {
    let factors = scale.iter().zip(bias);
    for ((byte, (scale, bias)), result) in input.iter().zip(factors).zip(output) {
        let normal = (f32::from(*byte) - statistics.mean) * statistics.factor;
        let value = normal * scale + bias;
        *result = to_byte(value / meaning.scale, meaning.zero_point, crate::quantization::FULL);
    }
}

/// Shares of weights in a softmax row's total.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn shares(weights: &[f32], total: f32, formula: &crate::formula::SoftmaxFormula, output: &mut [u8]) {
    for (weight, byte) in weights.iter().zip(output) {
        *byte = formula.share(*weight, total);
    }
}

/// Least and greatest of floats, and 0.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn range(input: &[f32]) -> [f32; 2] {
    // Lanes of their own let the compiler use vectors: the least of all is the same in any order.
    let mut lanes = [[0.0_f32; 16]; 2];
    for chunk in input.chunks(16) {
        for (lane, value) in chunk.iter().enumerate() {
            lanes[0][lane] = lanes[0][lane].min(*value);
            lanes[1][lane] = lanes[1][lane].max(*value);
        }
    }
    [lanes[0].iter().copied().fold(0.0, f32::min), lanes[1].iter().copied().fold(0.0, f32::max)]
}

#[cfg(test)]
mod tests {
    use crate::formula::round_to_byte;

    #[test]
    fn rounding_includes_the_zero_point() {
        assert_eq!(round_to_byte(0.5 + 1.0, crate::quantization::FULL), 2);
    }
}
