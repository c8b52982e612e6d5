//! Operations on floats between quantized parts, and what they do to one element or one row: the definition and the fast
//! kernels share these, and differ in loops alone.
//!
//! Every step is one that IEEE 754 defines, in a written order, fused where it says so. So results have the same bits on
//! every processor. They aren't those of ONNX Runtime or of tract, which differ from each other in last bits, too.

use std::sync::Arc;

/// What is computed in 32-bit floating point.
#[derive(Clone, Debug, PartialEq)]
pub enum FloatOperation {
    /// Numbers that never change, in ONNX's order. Takes nothing.
    Constant(Arc<[f32]>),
    /// 32-bit sums as floats, rounded to the nearest, half to even.
    FromSums,
    /// A function of one value, element by element.
    Function(FloatFunction),
    /// Two values, element by element; dimensions broadcast as in ONNX.
    Binary(FloatOperator),
    /// Product of two matrices: (…, M, K) by (…, K, N) gives (…, M, N); leading dimensions broadcast. Every element adds up fused
    /// products, the first of its row first.
    Product,
    /// What is left of each row over axes, which stay with length 1.
    Reduce {
        /// What is kept of a row.
        reduction: Reduction,
        /// The axes, ascending. A row runs over them in ONNX's order.
        axes: Vec<usize>,
    },
    /// Softmax over one axis.
    Softmax {
        /// The axis, from 0.
        axis: usize,
    },
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FloatFunction {
    /// `√x`
    SquareRoot,
    /// `−x`
    Negate,
    /// `|x|`
    Absolute,
    /// `1 / x`
    Reciprocal,
    /// `eˣ`
    Exponential,
    /// Gauss's error function.
    Error,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid,
    /// `x`, bounded; what isn't a number stays none.
    Clip {
        /// The least.
        low: f32,
        /// The greatest.
        high: f32,
    },
}

/// An operator of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatOperator {
    /// Sum.
    Add,
    /// First minus second.
    Subtract,
    /// Product.
    Multiply,
    /// First over second.
    Divide,
}

/// What is kept of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Its sum.
    Sum,
    /// Its mean.
    Mean,
    /// Its greatest element.
    Greatest,
    /// Its least element.
    Least,
}

/// A loop that is compiled for each function that it may run.
pub trait Loop {
    /// What it gives.
    type Result;

    /// Runs with a function.
    fn run(self, function: impl Fn(f32) -> f32) -> Self::Result;
}

/// A loop of one turn.
impl Loop for f32 {
    type Result = Self;

    fn run(self, function: impl Fn(Self) -> Self) -> Self {
        function(self)
    }
}

/// A loop that is compiled for each operator that it may run.
pub trait Loop2 {
    /// What it gives.
    type Result;

    /// Runs with an operator.
    fn run(self, operator: impl Fn(f32, f32) -> f32) -> Self::Result;
}

/// A loop of one turn.
impl Loop2 for [f32; 2] {
    type Result = f32;

    fn run(self, operator: impl Fn(f32, f32) -> f32) -> f32 {
        operator(self[0], self[1])
    }
}

impl FloatFunction {
    /// Runs a loop with this function.
    #[inline(always)]
    pub fn drive<L: Loop>(self, repeated: L) -> L::Result {
        match self {
            Self::SquareRoot => repeated.run(f32::sqrt),
            Self::Negate => repeated.run(|x| -x),
            Self::Absolute => repeated.run(f32::abs),
            Self::Reciprocal => repeated.run(|x| 1.0 / x),
            Self::Exponential => repeated.run(exponential),
            Self::Error => repeated.run(error_function),
            Self::Tanh => repeated.run(tanh),
            Self::Sigmoid => repeated.run(|x| 1.0 / (1.0 + exponential(-x))),
            Self::Clip { low, high } => repeated.run(|x| clip(x, low, high)),
        }
    }
}

impl FloatOperator {
    /// Runs a loop with this operator.
    #[inline(always)]
    pub fn drive<L: Loop2>(self, repeated: L) -> L::Result {
        match self {
            Self::Add => repeated.run(|one, two| one + two),
            Self::Subtract => repeated.run(|one, two| one - two),
            Self::Multiply => repeated.run(|one, two| one * two),
            Self::Divide => repeated.run(|one, two| one / two),
        }
    }
}

/// How many parts a row is reduced in: element `i` goes to part `i` modulo this. Vectors hold them.
pub const LANES: usize = 16;

impl Reduction {
    /// What a part starts with.
    #[inline(always)]
    #[must_use]
    pub const fn start(self) -> f32 {
        match self {
            Self::Sum | Self::Mean => 0.0,
            Self::Greatest => f32::NEG_INFINITY,
            Self::Least => f32::INFINITY,
        }
    }

    /// A part with one element more. What isn't a number wins.
    #[inline(always)]
    #[must_use]
    pub fn join(self, one: f32, two: f32) -> f32 {
        match self {
            Self::Sum | Self::Mean => one + two,
            Self::Greatest if two > one || two.is_nan() => two,
            Self::Least if two < one || two.is_nan() => two,
            Self::Greatest | Self::Least => one,
        }
    }

    /// What is left of a row of `count` elements, from its parts: each half joins the other, until one is left.
    #[inline(always)]
    #[must_use]
    pub fn finish(self, lanes: [f32; LANES], count: usize) -> f32 {
        let eight = self.halved::<LANES, 8>(lanes);
        let lanes = self.halved::<2, 1>(self.halved::<4, 2>(self.halved::<8, 4>(eight)));
        if self == Self::Mean { lanes[0] / count as f32 } else { lanes[0] }
    }

    /// The second half joined to the first.
    #[inline(always)]
    fn halved<const ALL: usize, const HALF: usize>(self, lanes: [f32; ALL]) -> [f32; HALF] {
        let mut halved = [0.0; HALF];
        for (lane, halved) in halved.iter_mut().enumerate() {
            *halved = self.join(lanes[lane], lanes[lane + HALF]);
        }
        halved
    }
}

/// `x`, bounded; what isn't a number stays none.
#[inline(always)]
fn clip(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// `eˣ` within 2 units in the last place: `x = n ln 2 + r` (Cody and Waite, Software Manual for the Elementary Functions, 1980),
/// and Taylor's series of `eʳ`, whose next term is below 10⁻⁸ there.
#[inline(always)]
#[must_use]
pub fn exponential(x: f32) -> f32 {
    // Adding it rounds to whole numbers, which are left in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    // ln 2 in two parts, of which the first has few bits: its product with n is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Beyond these it is 0 or infinite.
    let x = clip(x, -104.0, 89.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, MAGIC);
    let n = shifted - MAGIC;
    let rest = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let power = series.iter().fold(1.0 / 5040.0, |sum: f32, next| sum.mul_add(rest, *next));
    // 2ⁿ may not be a float where the result is one: in two steps.
    let n = (shifted.to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32);
    let half = n >> 1;
    let power_of_two = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    power * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// Gauss's error function within 6 × 10⁻⁷ (Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26).
#[inline(always)]
fn error_function(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / size.mul_add(0.327_591_1, 1.0);
    let coefficients = [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6, 0.0];
    let sum = coefficients.iter().fold(1.061_405_4, |sum: f32, next| sum.mul_add(t, *next));
    (1.0 - sum * exponential(-size * size)).copysign(x)
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    let power = exponential(-2.0 * x.abs());
    ((1.0 - power) / (1.0 + power)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(mut check: impl FnMut(f32)) {
        (-120_000..=100_000).for_each(|step| check(step as f32 / 1000.0));
    }

    #[test]
    fn exponentials_are_within_two_units() {
        each(|x| {
            let (given, expected) = (exponential(x), libm::exp(f64::from(x)) as f32);
            let apart = given.to_bits().abs_diff(expected.to_bits());
            assert!(apart <= 2, "{x}: {given:e}, not {expected:e}");
        });
        assert_eq!((exponential(f32::NEG_INFINITY), exponential(f32::INFINITY)), (0.0, f32::INFINITY));
        assert_eq!((exponential(0.0), exponential(-0.0)), (1.0, 1.0));
        assert!(exponential(f32::NAN).is_nan());
    }

    #[test]
    fn functions_are_close_to_their_definitions() {
        each(|x| {
            let wide = f64::from(x);
            let expected = [
                (FloatFunction::Error, libm::erf(wide)),
                (FloatFunction::Tanh, libm::tanh(wide)),
                (FloatFunction::Sigmoid, 1.0 / (1.0 + libm::exp(-wide))),
            ];
            for (function, expected) in expected {
                let apart = f64::from(function.drive(x)) - expected;
                assert!(apart.abs() < 6e-7, "{function:?} of {x}: {apart:e}");
            }
        });
    }

    #[test]
    fn what_is_no_number_stays_none() {
        use FloatFunction::{Clip, Error, Exponential, Sigmoid, SquareRoot, Tanh};
        for function in [SquareRoot, Exponential, Error, Tanh, Sigmoid, Clip { low: 0.0, high: 6.0 }] {
            assert!(function.drive(f32::NAN).is_nan(), "{function:?}");
        }
        for reduction in [Reduction::Sum, Reduction::Mean, Reduction::Greatest, Reduction::Least] {
            let mut lanes = [1.0; LANES];
            lanes[5] = reduction.join(1.0, f32::NAN);
            assert!(reduction.finish(lanes, LANES).is_nan(), "{reduction:?}");
        }
    }
}
