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
    /// The first half of the roots of unity, clockwise.
    roots: Vec<Complex>,
}

impl Fourier {
    fn new(size: usize) -> Self {
        let root = |index: usize| {
            let angle = -TAU * index as f64 / size as f64;
            [libm::cos(angle), libm::sin(angle)]
        };
        Self { size, roots: (0..size / 2).map(root).collect() }
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
        let mut half = 1;
        while half < self.size {
            let stride = self.size / (2 * half);
            for group in values.chunks_exact_mut(2 * half) {
                let (low, high) = group.split_at_mut(half);
                for ((low, high), root) in low.iter_mut().zip(high).zip(self.roots.iter().step_by(stride)) {
                    let (even, odd) = (*low, multiplied(*high, *root));
                    *low = [even[0] + odd[0], even[1] + odd[1]];
                    *high = [even[0] - odd[0], even[1] - odd[1]];
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
