//! Convolution of long sounds, block by block.

use super::fourier::{Complex, Fourier};

/// Of a longer signal, blocks of so many values are transformed one after the other.
const LONGEST_BLOCK: usize = 1 << 16;

/// `sum over k of kernel[k] · signal[n + lead − k]` for each n of the signal, silence around it: overlap-add.
pub(super) fn convolved(signal: &[f32], kernel: &[f64], lead: usize) -> Vec<f64> {
    let fresh = signal.len().clamp(1, LONGEST_BLOCK);
    let size = (fresh + kernel.len()).next_power_of_two().max(Fourier::SMALLEST);
    let fourier = Fourier::of(size);
    let mut whole = vec![0.0; signal.len() + kernel.len()];
    // In silence there would be what is rounded off the kernel.
    let heard = |(_, values): &(usize, &[f32])| values.iter().any(|value| *value != 0.0);
    for (block, values) in signal.chunks(fresh).enumerate().filter(heard) {
        // Both in one transform, the signal as real part and the kernel as imaginary part.
        let mut both = Complex::new(size, values.iter().copied().map(f64::from), kernel.iter().copied());
        fourier.transform(&mut both);
        let mut product = product_of_parts(&both);
        product.swap();
        fourier.transform(&mut product);
        product.swap();
        let sums = product.real.iter().map(|value| value / size as f64);
        whole.iter_mut().skip(block * fresh).zip(sums).for_each(|(sum, value)| *sum += value);
    }
    whole.drain(..lead.min(whole.len()));
    whole.resize(signal.len(), 0.0);
    whole
}

/// The product of the transforms of the real and the imaginary part, of the transform of both.
fn product_of_parts(both: &Complex) -> Complex {
    let size = both.real.len();
    let mut product = Complex::new(size, [], []);
    for index in 0..size {
        let mirrored = (size - index) % size;
        let (a, b) = (both.real[index], both.imaginary[index]);
        let (c, d) = (both.real[mirrored], -both.imaginary[mirrored]);
        // A quarter of the difference of the square and the mirrored one's conjugate square, a quarter turn back.
        product.real[index] = (a * b - c * d) / 2.0;
        product.imaginary[index] = (c * c - d * d - a * a + b * b) / 4.0;
    }
    product
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
