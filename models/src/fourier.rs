//! Fourier transforms side by side, of any length, with the same bits on every processor: rustfft takes its factors from the platform's sine
//! and cosine, whose last bits differ between C libraries.

use std::f64::consts::FRAC_PI_2;
use std::ops::{Add, Mul, Sub};

use edgeval_int8::kernels::wide::wide;

use crate::lanes::Lanes;

/// As many complex numbers as there are [`Lanes`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Complex {
    /// Their real parts.
    pub real: Lanes,
    /// Their imaginary parts.
    pub imaginary: Lanes,
}

impl Complex {
    /// Mirrored at the real axis.
    #[inline(always)]
    #[must_use]
    pub fn conjugate(self) -> Self {
        Self { imaginary: -self.imaginary, ..self }
    }

    /// A transform of values, before and after which both parts are swapped, is one the other way, times their number.
    #[inline(always)]
    #[must_use]
    pub fn swapped(self) -> Self {
        Self { real: self.imaginary, imaginary: self.real }
    }

    /// Turned clockwise by a quarter of the circle.
    #[inline(always)]
    #[must_use]
    pub fn quarter_back(self) -> Self {
        Self { real: self.imaginary, imaginary: -self.real }
    }
}

impl Add for Complex {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { real: self.real + other.real, imaginary: self.imaginary + other.imaginary }
    }
}

impl Sub for Complex {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { real: self.real - other.real, imaginary: self.imaginary - other.imaginary }
    }
}

impl Mul for Complex {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            real: self.real * other.real - self.imaginary * other.imaginary,
            imaginary: self.real * other.imaginary + self.imaginary * other.real,
        }
    }
}

/// By one number, a real and an imaginary part.
impl Mul<[f64; 2]> for Complex {
    type Output = Self;

    #[inline(always)]
    fn mul(self, [real, imaginary]: [f64; 2]) -> Self {
        self * Self { real: Lanes::all(real), imaginary: Lanes::all(imaginary) }
    }
}

/// Transforms of one length.
#[derive(Clone, Debug)]
pub struct Fourier {
    length: usize,
    passes: Vec<Pass>,
}

impl Fourier {
    /// Transforms of so many values, in passes by fours and by the primes that are left.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let (mut passes, mut left) = (Vec::new(), length);
        while left > 1 {
            let radix = if left.is_multiple_of(4) { 4 } else { smallest_factor(left) };
            passes.push(Pass::new(left, radix));
            left /= radix;
        }
        Self { length, passes }
    }

    /// How many values each transform is of.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The sum over n of values\[n\] · e^(−2πi · k · n / length) for each k. `other` is memory to work in; both are as long as a transform.
    ///
    /// # Panics
    /// When they aren't.
    pub fn transform(&self, values: &mut Vec<Complex>, other: &mut Vec<Complex>) {
        let mut stride = 1;
        for pass in &self.passes {
            pass.run(values, other, stride);
            std::mem::swap(values, other);
            stride *= pass.radix;
        }
    }
}

/// The largest prime factor, which decides how long a transform of this length takes; 1 of 0 and 1.
pub(crate) fn largest_factor(mut length: usize) -> usize {
    let mut largest = 1;
    while length > 1 {
        largest = smallest_factor(length);
        length /= largest;
    }
    largest
}

fn smallest_factor(number: usize) -> usize {
    (2..).take_while(|factor| factor * factor <= number).find(|factor| number.is_multiple_of(*factor)).unwrap_or(number)
}

/// Some of a transform's values, so many at once: they are sorted as passes go (Stockham; Cochran et al. 1967).
#[derive(Clone, Debug)]
struct Pass {
    radix: usize,
    /// For each group the roots of unity that its second value and those after it are turned by at the end.
    roots: Vec<[f64; 2]>,
    /// The roots of unity of the radix.
    own: Vec<[f64; 2]>,
}

impl Pass {
    /// A pass over transforms of so many values.
    fn new(length: usize, radix: usize) -> Self {
        let powers = |group: usize| (1..radix).map(move |power| root(power * group, length));
        let own = (0..radix).map(|index| root(index, radix)).collect();
        Self { radix, roots: (0..length / radix).flat_map(powers).collect(), own }
    }

    /// `stride` values stay neighbours.
    fn run(&self, from: &[Complex], to: &mut [Complex], stride: usize) {
        match self.radix {
            4 => wide(
                #[inline(always)]
                || self.butterflies(from, to, stride, four),
            ),
            2 => wide(
                #[inline(always)]
                || self.butterflies(from, to, stride, two),
            ),
            _ => wide(
                #[inline(always)]
                || self.sums(from, to, stride),
            ),
        }
    }

    #[inline(always)]
    fn butterflies<const RADIX: usize>(
        &self,
        from: &[Complex],
        to: &mut [Complex],
        stride: usize,
        butterfly: impl Fn([Complex; RADIX]) -> [Complex; RADIX],
    ) {
        let apart = from.len() / RADIX;
        let parts: [&[Complex]; RADIX] = std::array::from_fn(|part| &from[part * apart..][..apart]);
        let groups = to.chunks_exact_mut(RADIX * stride).zip(self.roots.chunks_exact(RADIX - 1));
        for (group, (to, roots)) in groups.enumerate() {
            for place in 0..stride {
                let values = butterfly(parts.map(|part| part[group * stride + place]));
                to[place] = values[0];
                for part in 1..RADIX {
                    to[part * stride + place] = values[part] * roots[part - 1];
                }
            }
        }
    }

    /// The same of any radix, as the sum says.
    #[inline(always)]
    fn sums(&self, from: &[Complex], to: &mut [Complex], stride: usize) {
        let (radix, apart) = (self.radix, from.len() / self.radix);
        let groups = to.chunks_exact_mut(radix * stride).zip(self.roots.chunks_exact(radix - 1));
        for (group, (to, roots)) in groups.enumerate() {
            for (power, to) in to.chunks_exact_mut(stride).enumerate() {
                for (place, value) in to.iter_mut().enumerate() {
                    let (place, mut turn) = (group * stride + place, 0);
                    *value = from[place];
                    for part in 1..radix {
                        turn = if turn + power < radix { turn + power } else { turn + power - radix };
                        *value = *value + from[part * apart + place] * self.own[turn];
                    }
                    *value = if power == 0 { *value } else { *value * roots[power - 1] };
                }
            }
        }
    }
}

/// A transform of two values.
#[inline(always)]
fn two([a, b]: [Complex; 2]) -> [Complex; 2] {
    [a + b, a - b]
}

/// A transform of four values.
#[inline(always)]
fn four([a, b, c, d]: [Complex; 4]) -> [Complex; 4] {
    let (even, far) = (a + c, a - c);
    let (odd, turned) = (b + d, (b - d).quarter_back());
    [even + odd, far + turned, even - odd, far - turned]
}

/// e^(−2πi · index / length), index being under the length. Sines and cosines are taken of angles up to an eighth of the circle alone: others
/// mirror them.
fn root(index: usize, length: usize) -> [f64; 2] {
    let (quarters, rest) = (4 * index / length, 4 * index % length);
    let turned = |part: usize| {
        let angle = FRAC_PI_2 * part as f64 / length as f64;
        [libm::cos(angle), -libm::sin(angle)]
    };
    let mirrored = |[real, imaginary]: [f64; 2]| [-imaginary, -real];
    let first = if 2 * rest <= length { turned(rest) } else { mirrored(turned(length - rest)) };
    (0..quarters).fold(first, |[real, imaginary], _| [imaginary, -real])
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::lanes::LANES;

    #[test]
    fn roots_are_those_of_unity() {
        for length in [1, 2, 5, 12, 16, 64, 400] {
            for index in 0..length {
                let ([cosine, sine], angle) = (root(index, length), -TAU * index as f64 / length as f64);
                let apart = (cosine - angle.cos()).abs().max((sine - angle.sin()).abs());
                assert!(apart < 2e-15, "{index} of {length}: {apart}");
            }
        }
    }

    #[test]
    fn the_largest_prime_factor_is_found() {
        let found = [0, 1, 2, 400, 1024, 1102, 1103, 65_521].map(largest_factor);
        assert_eq!(found, [1, 1, 2, 5, 2, 29, 1103, 65_521]);
    }

    #[test]
    fn as_its_sum_says() {
        for length in [1, 2, 3, 4, 7, 8, 16, 30, 100, 128, 400] {
            let given = |n: usize, factor: usize| (n * factor % 23) as f64 - 11.0;
            let lanes = |n: usize, factor: usize| Lanes(std::array::from_fn(|lane| given(n, factor + lane)));
            let value = |n: usize| Complex { real: lanes(n, 7), imaginary: lanes(n, 5) };
            let mut found: Vec<Complex> = (0..length).map(value).collect();
            Fourier::new(length).transform(&mut found, &mut vec![Complex::default(); length]);
            for (k, lane) in (0..length).flat_map(|k| (0..LANES).map(move |lane| (k, lane))) {
                let [mut real, mut imaginary] = [0.0; 2];
                for n in 0..length {
                    let (sine, cosine) = (-TAU * (n * k % length) as f64 / length as f64).sin_cos();
                    let (a, b) = (given(n, 7 + lane), given(n, 5 + lane));
                    (real, imaginary) = (real + a * cosine - b * sine, imaginary + a * sine + b * cosine);
                }
                let apart = (found[k].real.0[lane] - real).abs() + (found[k].imaginary.0[lane] - imaginary).abs();
                assert!(apart < 1e-9, "{k} of {length}: {apart}");
            }
        }
    }
}
