//! What operations do to one element, once: the definition and the fast kernels share these, and differ in loops alone.
//!
//! Each follows ONNX Runtime's order of `f32` steps on x86-64, fused ones included, so that results are the same bytes.

use crate::graph::BinaryOperator;
use crate::quantization::{Bounds, FULL, Quantization, to_byte};

/// Addition, subtraction or multiplication of two bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinaryFormula {
    /// `first × byte + second × byte + fixed`: the zero points are in `fixed`, the output's too.
    Sum {
        /// First scale / output scale.
        first: f32,
        /// Second scale / output scale; negative for a difference.
        second: f32,
        /// Zero points, in output steps.
        fixed: f32,
        /// What is taken off every byte before: 128 where ONNX's tensors are signed, else 0. It changes last bits only.
        base: f32,
    },
    /// `(byte − zero point) × (byte − zero point) × ratio + output zero point`.
    Product {
        /// The inputs' zero points.
        zero_points: [u8; 2],
        /// First scale × second scale / output scale.
        ratio: f32,
        /// The output's zero point.
        fixed: f32,
    },
}

impl BinaryFormula {
    /// The formula for inputs and output of these quantizations. `signed`: whether they are `int8` in ONNX.
    #[must_use]
    pub fn new(
        operator: BinaryOperator,
        [first, second]: [Quantization; 2],
        output: Quantization,
        signed: bool,
    ) -> Self {
        if operator == BinaryOperator::Mul {
            let ratio = first.scale * second.scale / output.scale;
            let zero_points = [first.zero_point, second.zero_point];
            return Self::Product { zero_points, ratio, fixed: f32::from(output.zero_point) };
        }
        let base = if signed { 128.0 } else { 0.0 };
        let zero_point = |quantization: Quantization| f32::from(quantization.zero_point) - base;
        let sign = if operator == BinaryOperator::Sub { -1.0 } else { 1.0 };
        let (one, two) = (first.scale / output.scale, sign * (second.scale / output.scale));
        let fixed = zero_point(output) - one.mul_add(zero_point(first), two * zero_point(second));
        Self::Sum { first: one, second: two, fixed, base }
    }

    /// The result for two bytes.
    #[inline(always)]
    #[must_use]
    pub fn apply(self, one: u8, two: u8, bounds: Bounds) -> u8 {
        match self {
            Self::Sum { first, second, fixed, base } => {
                let [one, two] = [f32::from(one) - base, f32::from(two) - base];
                // Fused steps, as ONNX Runtime's: IEEE 754 defines them, so that they have the same bits everywhere.
                round_from(base, one.mul_add(first, two.mul_add(second, fixed)), bounds)
            }
            Self::Product { zero_points, ratio, fixed } => {
                let one = i32::from(one) - i32::from(zero_points[0]);
                let two = i32::from(two) - i32::from(zero_points[1]);
                round_to_byte((one * two) as f32 * ratio + fixed, bounds)
            }
        }
    }
}

/// Two bytes of which one is the same for every element: ONNX Runtime adds a constant of one element to the fixed part
/// of a sum first.
#[must_use]
pub fn with_constant(formula: BinaryFormula, bytes: [u8; 2], constant: usize, bounds: Bounds) -> u8 {
    match formula {
        BinaryFormula::Sum { first, second, fixed, base } if constant == 0 => {
            BinaryFormula::Sum { first: second, second: first, fixed, base }.apply(bytes[1], bytes[0], bounds)
        }
        formula => formula.apply(bytes[0], bytes[1], bounds),
    }
}

/// `value`, which holds the zero point already, bounded and rounded half to even.
#[inline(always)]
#[must_use]
pub fn round_to_byte(value: f32, bounds: Bounds) -> u8 {
    round_from(0.0, value, bounds)
}

/// The same for a value that lacks `base`, a whole number from 0 to 128.
#[inline(always)]
fn round_from(base: f32, value: f32, bounds: Bounds) -> u8 {
    // There a float has no bits for a fraction, so the sum rounds; `max` first, it turns NaN into the low bound.
    const MAGIC: f32 = 12_582_912.0;
    let bounded = value.max(f32::from(bounds.low) - base).min(f32::from(bounds.high) - base);
    ((bounded + MAGIC) + base).to_bits() as u8
}

/// The mean of a window as ONNX Runtime's `QLinearAveragePool` takes it: `sum`, of reals, over `count` elements.
#[inline(always)]
#[must_use]
pub fn average(sum: f32, count: f32, output: Quantization, bounds: Bounds) -> u8 {
    round_to_byte(sum / count / output.scale + f32::from(output.zero_point), bounds)
}

/// The multiplier of a mean over `count` elements, for [`requantize`](crate::quantization::requantize).
#[must_use]
pub fn mean_multiplier(input: Quantization, output: Quantization, count: usize) -> f32 {
    input.scale / (output.scale * count as f32)
}

/// Every byte of one quantization as the nearest of another.
#[must_use]
pub fn requantizing_table(input: Quantization, output: Quantization) -> Box<[u8; 256]> {
    let mut table = Box::new([0; 256]);
    for (byte, entry) in (0..=u8::MAX).zip(table.iter_mut()) {
        *entry = output.quantize(input.dequantize(byte));
    }
    table
}

/// Softmax of bytes, by a table of exponentials, as ONNX Runtime's `QLinearSoftmax`.
#[derive(Clone, Debug)]
pub struct SoftmaxFormula {
    /// `e^(scale × (i − 255))` for every `i`.
    exponentials: Box<[f32; 256]>,
    /// Whole output steps in 1.
    steps: f32,
    zero_point: u8,
}

impl SoftmaxFormula {
    /// The formula for an input of this scale.
    #[must_use]
    pub fn new(input: Quantization, output: Quantization) -> Self {
        let mut exponentials = Box::new([0.0; 256]);
        for (byte, entry) in (0..=u8::MAX).zip(exponentials.iter_mut()) {
            *entry = libm::exp((f64::from(byte) - 255.0) * f64::from(input.scale)) as f32;
        }
        Self { exponentials, steps: (1.0 / output.scale).floor(), zero_point: output.zero_point }
    }

    /// What `byte` weighs in a row whose greatest byte is `greatest`.
    #[inline(always)]
    #[must_use]
    pub fn weight(&self, byte: u8, greatest: u8) -> f32 {
        self.exponentials[usize::from(byte) + 255 - usize::from(greatest)]
    }

    /// The total weight of a row: sums of every eighth weight, side by side, and then theirs, from the first on.
    #[inline(always)]
    #[must_use]
    pub fn total(&self, row: impl IntoIterator<Item = u8>, greatest: u8) -> f32 {
        let mut lanes = [0.0; 8];
        for (place, byte) in row.into_iter().enumerate() {
            lanes[place % 8] += self.weight(byte, greatest);
        }
        lanes.iter().fold(0.0, |total, lane| total + lane)
    }

    /// The result for an element of this weight in a row of this total weight.
    #[inline(always)]
    #[must_use]
    pub fn share(&self, weight: f32, total: f32) -> u8 {
        // From 0 up: the bounds of bytes hold below, and only matter above.
        to_byte(weight * self.steps / total, self.zero_point, FULL)
    }
}

/// Where one row of a layer normalization lies: `real = (byte − mean) × factor` has mean 0 and variance 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowStatistics {
    /// Mean of the bytes.
    pub mean: f32,
    /// Input scale / standard deviation.
    pub factor: f32,
}

impl RowStatistics {
    /// From exact sums of the row's bytes and of their squares.
    #[must_use]
    pub fn new(sum: u64, sum_of_squares: u64, count: usize, scale: f32, epsilon: f32) -> Self {
        let (count, scale) = (count as f64, f64::from(scale));
        let mean = sum as f64 / count;
        let variance = (sum_of_squares as f64 / count - mean * mean).max(0.0);
        let deviation = (variance * scale * scale + f64::from(epsilon)).sqrt();
        Self { mean: mean as f32, factor: (scale / deviation) as f32 }
    }
}

/// Scale and zero point for floats from `least` to `greatest`, as ONNX `DynamicQuantizeLinear` has them.
#[must_use]
pub fn dynamic_quantization(least: f32, greatest: f32) -> Quantization {
    let (least, greatest) = (least.min(0.0), greatest.max(0.0));
    let scale = if least == greatest { 1.0 } else { (greatest - least) / 255.0 };
    let zero_point = (0.0 - least / scale).clamp(0.0, 255.0).round_ties_even();
    Quantization { scale, zero_point: zero_point as u8 }
}
