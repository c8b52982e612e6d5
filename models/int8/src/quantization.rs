//! How numbers become bytes: the arithmetic that every kernel repeats bit for bit.
//!
//! Inside this crate every quantized tensor holds `u8`. A signed one (ONNX `int8`) is held with 128 added to its
//! values and to its zero point, which changes no result: only differences to the zero point count.

/// What a byte of a tensor means: `real = scale × (byte − zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// Size of one step, finite and above zero.
    pub scale: f32,
    /// The byte that means 0.
    pub zero_point: u8,
}

impl Quantization {
    /// The byte nearest to `value`; halves go to even, what doesn't fit saturates, NaN gives byte 0.
    ///
    /// The steps are ONNX Runtime's `QuantizeLinear`: divide, bound, round, add the zero point.
    #[inline(always)]
    #[must_use]
    pub fn quantize(self, value: f32) -> u8 {
        to_byte(value / self.scale, self.zero_point, FULL)
    }

    /// What `byte` means.
    #[inline(always)]
    #[must_use]
    pub fn dequantize(self, byte: u8) -> f32 {
        (i32::from(byte) - i32::from(self.zero_point)) as f32 * self.scale
    }
}

/// The least and the greatest byte that an operation may give: an activation such as `Relu` narrows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least byte.
    pub low: u8,
    /// The greatest byte, not below `low`.
    pub high: u8,
}

/// Every byte.
pub const FULL: Bounds = Bounds { low: 0, high: 255 };

/// A sum of products as a byte: `acc` as `f32`, times `multiplier`, bounded, rounded half to even, plus the zero point.
///
/// These are the steps, in this order, of ONNX Runtime's requantization (`MlasRequantizeOutput`).
#[inline(always)]
#[must_use]
pub fn requantize(accumulator: i32, multiplier: f32, zero_point: u8, bounds: Bounds) -> u8 {
    to_byte(accumulator as f32 * multiplier, zero_point, bounds)
}

/// `steps` from the zero point, bounded, rounded half to even, as a byte.
#[inline(always)]
#[must_use]
pub fn to_byte(steps: f32, zero_point: u8, bounds: Bounds) -> u8 {
    let low = (i32::from(bounds.low) - i32::from(zero_point)) as f32;
    let high = (i32::from(bounds.high) - i32::from(zero_point)) as f32;
    // `max` first: it turns NaN into `low`.
    round_half_even(steps.max(low).min(high)).wrapping_add(zero_point)
}

/// Rounds to an integer, halves to even, modulo 256. `value` is from −255 to 255.
///
/// Adding 1.5 × 2²³ leaves no bit for a fraction, so the addition rounds, and the lowest bits of the sum are the integer:
/// the same on every processor, and one vector instruction on the oldest of them.
#[inline(always)]
fn round_half_even(value: f32) -> u8 {
    const MAGIC: f32 = 12_582_912.0;
    (value + MAGIC).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_even() {
        for steps in -1020..=1020 {
            let value = steps as f32 / 4.0;
            assert_eq!(round_half_even(value), value.round_ties_even() as i32 as u8, "{value}");
        }
    }

    #[test]
    fn what_does_not_fit_saturates() {
        let quantization = Quantization { scale: 0.5, zero_point: 128 };
        assert_eq!(quantization.quantize(f32::INFINITY), 255);
        assert_eq!(quantization.quantize(f32::NEG_INFINITY), 0);
        assert_eq!(quantization.quantize(f32::NAN), 0);
        assert_eq!(quantization.quantize(0.25), 128);
        assert_eq!(quantization.quantize(0.75), 130);
    }

    #[test]
    fn bytes_come_back() {
        let quantization = Quantization { scale: 0.037, zero_point: 77 };
        for byte in 0..=255 {
            assert_eq!(quantization.quantize(quantization.dequantize(byte)), byte);
        }
    }
}
