//! A Fourier transform of our own, because rustfft takes its factors from the platform's sine and cosine, whose last
//! bits differ between C libraries and processors.

use std::f64::consts::TAU;
use std::ops::{Add, Mul, Sub};
use std::sync::Arc;

use super::memo::Memo;

/// Complex values, their parts apart so that several are computed at once.
pub(super) struct Complex {
    pub(super) real: Vec<f64>,
    pub(super) imaginary: Vec<f64>,
}

impl Complex {
    /// So many values, of parts that are followed by zeros.
    pub(super) fn new(
        size: usize,
        real: impl IntoIterator<Item = f64>,
        imaginary: impl IntoIterator<Item = f64>,
    ) -> Self {
        let filled = |mut part: Vec<f64>| {
            part.resize(size, 0.0);
            part
        };
        Self { real: filled(real.into_iter().collect()), imaginary: filled(imaginary.into_iter().collect()) }
    }

    /// A transform of these, before and after which both parts are swapped, is one the other way, times their number.
    pub(super) fn swap(&mut self) {
        std::mem::swap(&mut self.real, &mut self.imaginary);
    }

    fn few(&self, place: usize) -> Few {
        let at = |part: &[f64]| std::array::from_fn(|lane| part[place..place + LANES][lane]);
        Few { real: at(&self.real), imaginary: at(&self.imaginary) }
    }

    fn set_few(&mut self, place: usize, few: Few) {
        self.real[place..place + LANES].copy_from_slice(&few.real);
        self.imaginary[place..place + LANES].copy_from_slice(&few.imaginary);
    }
}

/// Transforms of one size, a power of 2 from [`Fourier::SMALLEST`] on.
pub(super) struct Fourier {
    /// Three quarters of the circle's roots of unity, clockwise: real and imaginary part.
    roots: Vec<[f64; 2]>,
}

impl Fourier {
    pub(super) const SMALLEST: usize = 16;

    /// Transforms of so many values.
    pub(super) fn of(size: usize) -> Arc<Self> {
        static BY_SIZE: Memo<usize, Fourier> = Memo::new();
        BY_SIZE.get(size, || Self::new(size))
    }

    fn new(size: usize) -> Self {
        let mut roots = roots(size);
        roots.extend_from_within(..size / 4);
        roots[size / 2..].iter_mut().for_each(|root| *root = root.map(|part| -part));
        Self { roots }
    }

    /// In passes by fours that sort as they go (Stockham; Cochran et al. 1967), and one by twos where that is left.
    pub(super) fn transform(&self, values: &mut Complex) {
        let size = values.real.len();
        let mut sorted = Complex::new(size, [], []);
        self.first_pass(values, &mut sorted);
        let mut stride = 4;
        while 4 * stride <= size {
            std::mem::swap(values, &mut sorted);
            for group in 0..size / stride / 4 {
                self.group(values, &mut sorted, group, stride);
            }
            stride *= 4;
        }
        std::mem::swap(values, &mut sorted);
        if stride < size {
            by_twos(&mut values.real);
            by_twos(&mut values.imaginary);
        }
    }

    /// Values a quarter of the whole apart become neighbours; four groups of them at once.
    fn first_pass(&self, from: &Complex, to: &mut Complex) {
        let quarter = from.real.len() / 4;
        for group in (0..quarter).step_by(LANES) {
            let root = |power: usize| Few::of(|lane| self.roots[power * (group + lane)]);
            let part = |part: usize| from.few(group + part * quarter);
            let [a, b, c, d] = butterfly([part(0), part(1), part(2), part(3)], [root(1), root(2), root(3)]);
            for lane in 0..LANES {
                let (place, all) = (4 * (group + lane), [a, b, c, d]);
                to.real[place..place + 4].copy_from_slice(&std::array::from_fn::<_, 4, _>(|part| all[part].real[lane]));
                to.imaginary[place..place + 4]
                    .copy_from_slice(&std::array::from_fn::<_, 4, _>(|part| all[part].imaginary[lane]));
            }
        }
    }

    /// The same of one group of a later pass, in which `stride` values stay neighbours.
    fn group(&self, from: &Complex, to: &mut Complex, group: usize, stride: usize) {
        let quarter = from.real.len() / 4;
        let root = |power: usize| Few::of(|_| self.roots[power * group * stride]);
        let (roots, start) = ([root(1), root(2), root(3)], group * stride);
        for place in (start..start + stride).step_by(LANES) {
            let part = |part: usize| from.few(place + part * quarter);
            let [a, b, c, d] = butterfly([part(0), part(1), part(2), part(3)], roots);
            let to_place = place + 3 * group * stride;
            to.set_few(to_place, a);
            to.set_few(to_place + stride, b);
            to.set_few(to_place + 2 * stride, c);
            to.set_few(to_place + 3 * stride, d);
        }
    }
}

/// The last pass: sums and differences of both halves.
fn by_twos(values: &mut [f64]) {
    let (low, high) = values.split_at_mut(values.len() / 2);
    for (low, high) in low.iter_mut().zip(high) {
        (*low, *high) = (*low + *high, *low - *high);
    }
}

/// A transform of four values, the second to fourth of which are turned by roots then.
fn butterfly([a, b, c, d]: [Few; 4], roots: [Few; 3]) -> [Few; 4] {
    let (even, far) = (a + c, a - c);
    let (odd, turned) = (b + d, (b - d).quarter_back());
    [even + odd, (far + turned) * roots[0], (even - odd) * roots[1], (far - turned) * roots[2]]
}

/// As many as fit a register of 128 bits.
const LANES: usize = 2;

/// [`LANES`] complex values.
#[derive(Clone, Copy)]
struct Few {
    real: [f64; LANES],
    imaginary: [f64; LANES],
}

impl Few {
    fn of(value: impl Fn(usize) -> [f64; 2]) -> Self {
        Self { real: std::array::from_fn(|lane| value(lane)[0]), imaginary: std::array::from_fn(|lane| value(lane)[1]) }
    }

    /// Turned clockwise by a quarter of the circle.
    fn quarter_back(self) -> Self {
        Self::of(|lane| [self.imaginary[lane], -self.real[lane]])
    }
}

impl Add for Few {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::of(|lane| [self.real[lane] + other.real[lane], self.imaginary[lane] + other.imaginary[lane]])
    }
}

impl Sub for Few {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::of(|lane| [self.real[lane] - other.real[lane], self.imaginary[lane] - other.imaginary[lane]])
    }
}

impl Mul for Few {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let real = |lane: usize| self.real[lane] * other.real[lane] - self.imaginary[lane] * other.imaginary[lane];
        let imaginary = |lane: usize| self.real[lane] * other.imaginary[lane] + self.imaginary[lane] * other.real[lane];
        Self::of(|lane| [real(lane), imaginary(lane)])
    }
}

/// The first half of so many roots of unity, clockwise. Sines and cosines are computed for the first eighth of the circle;
/// the others are its mirror images.
fn roots(size: usize) -> Vec<[f64; 2]> {
    let eighth: Vec<[f64; 2]> = (0..=size / 8).map(|index| turned_by(TAU * index as f64 / size as f64)).collect();
    let root = |index: usize| match index * 8 / size {
        0 => eighth[index],
        1 => mirrored(eighth[size / 4 - index]),
        2 => quarter_on(eighth[index - size / 4]),
        _ => quarter_on(mirrored(eighth[size / 2 - index])),
    };
    (0..size / 2).map(root).collect()
}

/// The root at an angle, clockwise.
fn turned_by(angle: f64) -> [f64; 2] {
    [libm::cos(angle), -libm::sin(angle)]
}

/// A quarter of the circle further on.
const fn quarter_on(root: [f64; 2]) -> [f64; 2] {
    [root[1], -root[0]]
}

/// Mirrored at the diagonal of the first eighth.
const fn mirrored(root: [f64; 2]) -> [f64; 2] {
    [-root[1], -root[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_those_of_unity() {
        for size in [16, 32, 64] {
            for (index, [cosine, sine]) in Fourier::new(size).roots.into_iter().enumerate() {
                let angle = -TAU * index as f64 / size as f64;
                assert!(
                    (cosine - angle.cos()).abs() < 1e-15 && (sine - angle.sin()).abs() < 1e-15,
                    "{index} of {size}"
                );
            }
        }
    }

    #[test]
    fn as_its_sum_says() {
        for size in [16, 32, 64, 128] {
            let given = |factor: usize| (0..size).map(move |n| (n * factor % 23) as f64 - 11.0);
            let mut found = Complex::new(size, given(7), given(5));
            Fourier::new(size).transform(&mut found);
            for k in 0..size {
                let term = |(n, (real, imaginary)): (usize, (f64, f64))| {
                    let angle = -TAU * (n * k % size) as f64 / size as f64;
                    [real * angle.cos() - imaginary * angle.sin(), real * angle.sin() + imaginary * angle.cos()]
                };
                let terms = given(7).zip(given(5)).enumerate().map(term);
                let [real, imaginary] = terms.fold([0.0, 0.0], |sum, term| [sum[0] + term[0], sum[1] + term[1]]);
                let apart = (found.real[k] - real).abs() + (found.imaginary[k] - imaginary).abs();
                assert!(apart < 1e-10, "{k} of {size}: {apart}");
            }
        }
    }
}
