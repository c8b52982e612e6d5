//! Convolution of long sounds, block by block.

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};

/// A block of the transform has at least so many values.
const SMALLEST_BLOCK: usize = 4096;

/// `sum over k of kernel[k] · signal[n + lead − k]` for each n of the signal, silence around it. Overlap-add with a scalar
/// plan, so that the bits are the same on every processor.
pub(super) fn convolved(signal: &[f32], kernel: &[f64], lead: usize) -> Vec<f64> {
    let size = (2 * kernel.len()).next_power_of_two().max(SMALLEST_BLOCK);
    let fresh = size - kernel.len() + 1;
    let (forward, inverse) =
        (FftPlannerScalar::new().plan_fft_forward(size), FftPlannerScalar::new().plan_fft_inverse(size));
    let spectrum = transformed(kernel.iter().copied(), size, &*forward);
    let mut whole = vec![0.0; signal.len() + kernel.len()];
    for (block, values) in signal.chunks(fresh).enumerate() {
        let mut product = transformed(values.iter().map(|&value| f64::from(value)), size, &*forward);
        product.iter_mut().zip(&spectrum).for_each(|(value, factor)| *value *= factor);
        inverse.process(&mut product);
        for (sum, value) in whole[block * fresh..].iter_mut().zip(&product) {
            *sum += value.re / size as f64;
        }
    }
    whole.drain(..lead.min(whole.len()));
    whole.resize(signal.len(), 0.0);
    whole
}

fn transformed(values: impl Iterator<Item = f64>, size: usize, plan: &dyn Fft<f64>) -> Vec<Complex<f64>> {
    let mut buffer: Vec<Complex<f64>> = values.map(|value| Complex::new(value, 0.0)).collect();
    buffer.resize(size, Complex::default());
    plan.process(&mut buffer);
    buffer
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
            for n in [0, 1, 699, 3396, 3397, 3398, 8999] {
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
