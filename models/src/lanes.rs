//! Numbers side by side. What each lane gives doesn't depend on the others, nor on the processor.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// As many as fit a register of 256 bits.
pub const LANES: usize = 4;

/// [`LANES`] numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lanes(pub [f64; LANES]);

impl Lanes {
    /// The same number in every lane.
    #[inline(always)]
    #[must_use]
    pub fn all(value: f64) -> Self {
        Self([value; LANES])
    }

    /// Each lane's value under a function.
    #[inline(always)]
    #[must_use]
    pub fn each(self, function: impl Fn(f64) -> f64) -> Self {
        Self(std::array::from_fn(|lane| function(self.0[lane])))
    }

    /// Each lane's value, or this one where that is larger.
    #[inline(always)]
    #[must_use]
    pub(crate) fn at_least(self, least: f64) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].max(least)))
    }

    /// Natural logarithms of positive normal numbers, to within 2e-15 of them or of 1: with x = m · 2^k and m from √½ up to √2,
    /// k · ln 2 + 2 · artanh((m − 1) / (m + 1)), which is a short series there.
    #[inline(always)]
    #[must_use]
    pub(crate) fn ln(self) -> Self {
        let (mut exponent, mut mantissa) = ([0.0; LANES], [0.0; LANES]);
        for (lane, value) in self.0.into_iter().enumerate() {
            // So much more that what is from √2 on has the next exponent.
            let bits = value.to_bits() + (1.0_f64.to_bits() - FRAC_1_SQRT_2.to_bits());
            exponent[lane] = (bits >> MANTISSA_BITS) as i32 as f64 - 1023.0;
            mantissa[lane] = f64::from_bits((bits & ((1 << MANTISSA_BITS) - 1)) + FRAC_1_SQRT_2.to_bits());
        }
        let share = (Self(mantissa) - Self::all(1.0)) / (Self(mantissa) + Self::all(1.0));
        let square = share * share;
        let (last, terms) = (Self::all(ODD_RECIPROCALS[SERIES - 1]), 0..SERIES - 1);
        let series = terms.rev().fold(last, |sum, term| sum * square + Self::all(ODD_RECIPROCALS[term]));
        Self(exponent) * Self::all(LN_2) + share * series
    }
}

/// Bits of a number's mantissa, without the first one, which isn't written.
const MANTISSA_BITS: u32 = 52;
/// Terms of the series; the first that is left out is under 1e-17.
const SERIES: usize = 11;
/// Twice the reciprocals of 1, 3, 5 and so on.
const ODD_RECIPROCALS: [f64; SERIES] = {
    let mut reciprocals = [0.0; SERIES];
    let mut term = 0;
    while term < SERIES {
        reciprocals[term] = 2.0 / (2 * term + 1) as f64;
        term += 1;
    }
    reciprocals
};

macro_rules! lane_by_lane {
    ($($operator:ident $method:ident),*) => {$(
        impl $operator for Lanes {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(std::array::from_fn(|lane| self.0[lane].$method(other.0[lane])))
            }
        }
    )*};
}

lane_by_lane!(Add add, Sub sub, Mul mul, Div div);

impl Neg for Lanes {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.each(f64::neg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_libm() {
        let close = |value: f64| {
            let (found, expected) = (Lanes::all(value).ln().0, libm::log(value));
            let bound = 2e-15 * expected.abs().clamp(1e-3, 1.0).max(expected.abs());
            assert!(
                found.iter().all(|found| (found - expected).abs() <= bound),
                "ln {value}: {found:?}, not {expected}"
            );
        };
        (0..2_000).for_each(|step| close(1e-10 * 1.02_f64.powi(step)));
        (-1_000..1_000).for_each(|step| close(1.0 + f64::from(step) * 1e-4));
        [f64::MIN_POSITIVE, FRAC_1_SQRT_2, 1.0, std::f64::consts::SQRT_2, f64::MAX].into_iter().for_each(close);
    }
}
