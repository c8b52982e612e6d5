//! Convolution of long sounds, block by block.
//!
//! The Fourier transform is our own, because rustfft takes its factors from the platform's sine and cosine, whose last
//! bits differ between C libraries and processors.

use std::f64::consts::TAU;

/// A block of the transform has at least so many values.
const SMALLEST_BLOCK: usize = 4096;

/// `sum over k of kernel[k] · signal[n + lead − k]` for each n of the signal, silence around it: overlap-add, two
/// blocks in one transform, the first as real part, the second as imaginary part.
pub(super) fn convolved(signal: &[f32], kernel: &[f64], lead: usize) -> Vec<f64> {
    let size = (2 * kernel.len()).next_power_of_two().max(SMALLEST_BLOCK);
    let fresh = size - kernel.len() + 1;
    let fourier = Fourier::new(size);
    let mut spectrum: Vec<Complex> = kernel.iter().map(|&value| [value / size as f64, 0.0]).collect();
    fourier.transform(&mut spectrum);
    let mut whole = vec![0.0; signal.len() + kernel.len()];
    let mut product = Vec::with_capacity(size);
    for (pair, values) in signal.chunks(2 * fresh).enumerate() {
        let (first, second) = values.split_at(fresh.min(values.len()));
        let later = second.iter().copied().chain(std::iter::repeat(0.0));
        product.clear();
        product.extend(first.iter().zip(later).map(|(&now, later)| [f64::from(now), f64::from(later)]));
        fourier.transform(&mut product);
        // Conjugates, so that a second transform is the inverse.
        product.iter_mut().zip(&spectrum).for_each(|(value, factor)| *value = conjugate(multiplied(*value, *factor)));
        fourier.transform(&mut product);
        add(&mut whole, 2 * pair * fresh, product.iter().map(|value| value[0]));
        add(&mut whole, (2 * pair + 1) * fresh, product.iter().map(|value| -value[1]));
    }
    whole.drain(..lead.min(whole.len()));
    whole.resize(signal.len(), 0.0);
    whole
}

/// Adds values from a place on, as far as there is room.
fn add(sums: &mut [f64], start: usize, values: impl Iterator<Item = f64>) {
    sums.iter_mut().skip(start).zip(values).for_each(|(sum, value)| *sum += value);
}

/// Real and imaginary part.
type Complex = [f64; 2];

fn multiplied(one: Complex, other: Complex) -> Complex {
    [one[0] * other[0] - one[1] * other[1], one[0] * other[1] + one[1] * other[0]]
}

const fn conjugate(value: Complex) -> Complex {
    [value[0], -value[1]]
}

/// A transform of one size, a power of 2 (Cooley & Tukey 1965).
struct Fourier {
    size: usize,
    /// For each pass, from pairs up, the first half of its roots of unity, clockwise.
    passes: Vec<Vec<Complex>>,
}

impl Fourier {
    fn new(size: usize) -> Self {
        let finest = roots(size);
        let halves = std::iter::successors(Some(1), |half| Some(half * 2)).take_while(|half| 2 * half <= size);
        let passes = halves.map(|half| finest.iter().copied().step_by(size / (2 * half)).collect());
        Self { size, passes: passes.collect() }
    }

    /// In place, after zeros up to the size.
    fn transform(&self, values: &mut Vec<Complex>) {
        values.resize(self.size, [0.0; 2]);
        let unused_bits = usize::BITS - self.size.trailing_zeros();
        for index in 1..self.size {
            let reversed = index.reverse_bits() >> unused_bits;
            if index < reversed {
                values.swap(index, reversed);
            }
        }
        for roots in &self.passes {
            for group in values.chunks_exact_mut(2 * roots.len()) {
                let (low, high) = group.split_at_mut(roots.len());
                for ((low, high), root) in low.iter_mut().zip(high).zip(roots) {
                    let (even, odd) = (*low, multiplied(*high, *root));
                    *low = [even[0] + odd[0], even[1] + odd[1]];
                    *high = [even[0] - odd[0], even[1] - odd[1]];
                }
            }
        }
    }
}

/// The first half of so many roots of unity, clockwise. Sines and cosines are computed for the first eighth of the circle; the others are its
/// mirror images.
fn roots(size: usize) -> Vec<Complex> {
    let eighth: Vec<Complex> = (0..=size / 8).map(|index| TAU * index as f64 / size as f64).map(turned_by).collect();
    let root = |index: usize| match index * 8 / size {
        _ if size < 8 => turned_by(TAU * index as f64 / size as f64),
        0 => eighth[index],
        1 => mirrored(eighth[size / 4 - index]),
        2 => quarter_on(eighth[index - size / 4]),
        _ => conjugate(eighth[size / 2 - index]).map(|part| -part),
    };
    (0..size / 2).map(root).collect()
}

/// The root at an angle, clockwise.
fn turned_by(angle: f64) -> Complex {
    [libm::cos(angle), -libm::sin(angle)]
}

/// A quarter of the circle further on.
const fn quarter_on(root: Complex) -> Complex {
    [root[1], -root[0]]
}

/// Mirrored at the diagonal of the first eighth.
const fn mirrored(root: Complex) -> Complex {
    [-root[1], -root[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_those_of_unity() {
        for size in [1, 2, 4, 8, 64] {
            for (index, [cosine, sine]) in roots(size).into_iter().enumerate() {
                let angle = -TAU * index as f64 / size as f64;
                assert!(
                    (cosine - angle.cos()).abs() < 1e-15 && (sine - angle.sin()).abs() < 1e-15,
                    "{index} of {size}"
                );
            }
        }
    }

    #[test]
    fn blocks_join() {
        let signal: Vec<f32> = (0..9000_u32).map(|n| ((n * 37 % 101) as f32 - 50.0) / 50.0).collect();
        let kernel: Vec<f64> = (0..700_u32).map(|n| f64::from(n * 13 % 29) / 29.0 - 0.4).collect();
        for lead in [0, 350] {
            let found = convolved(&signal, &kernel, lead);
            for n in [0, 1, 699, 3396, 3397, 3398, 6793, 6794, 8999] {
                let at = |k: usize| {
                    (n + lead).checked_sub(k).and_then(|place| signal.get(place)).map_or(0.0, |&v| f64::from(v))
                };
                let expected: f64 = kernel.iter().enumerate().map(|(k, weight)| weight * at(k)).sum();
                assert!((found[n] - expected).abs() < 1e-9, "{n}: {} {expected}", found[n]);
            }
        }
        assert!(convolved(&[], &kernel, 5).is_empty());
    }
}
