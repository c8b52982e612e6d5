//! Convolution of long sounds, block by block.

use edgeval_models::{Complex, Fourier, LANES, Lanes, wide};

use super::memo::Memo;

/// A long kernel is cut in so many parts at most.
const PARTS: usize = 8;
/// The shortest transform: of shorter ones, short kernels would need many.
const SHORTEST: usize = 512;
/// Real signals whose transforms are computed at once: half of them as real parts, half as imaginary parts.
const AT_ONCE: usize = 2 * LANES;

/// `sum over k of kernel[k] · signal[n + lead − k]` for each n of the signal, silence around it: overlap-add of the signal's blocks with the
/// kernel's parts (Stockham 1966).
pub(super) fn convolved(signal: &[f32], kernel: &[f64], lead: usize) -> Vec<f64> {
    let mut whole = vec![0.0; signal.len() + lead];
    // In silence there would be what is rounded off the kernel.
    if !kernel.is_empty() && signal.iter().any(|sample| *sample != 0.0) {
        wide(
            #[inline(always)]
            || add_blocks(signal, kernel, &mut whole),
        );
    }
    whole.split_off(lead)
}

/// Adds every block's convolution with every part where it belongs.
#[inline(always)]
fn add_blocks(signal: &[f32], kernel: &[f64], whole: &mut [f64]) {
    let size = (2 * kernel.len().div_ceil(PARTS).next_power_of_two()).max(SHORTEST);
    // With several parts, a block is as long as a part: those pairs that are as far from the beginning are added before they are transformed back.
    let part = kernel.len().clamp(1, size / 2);
    let block = size - part;
    let signal: Vec<f64> = signal.iter().copied().map(f64::from).collect();
    let fourier = BY_SIZE.get(size, || Fourier::new(size));
    let (blocks, parts) = (signal.len().div_ceil(block), kernel.len().div_ceil(part));
    let spectra = spectra(&fourier, &signal.chunks(block).chain(kernel.chunks(part)).collect::<Vec<_>>());
    let (signal, kernel) = spectra.split_at(blocks);
    // What would lie past the end isn't heard.
    let heard = (blocks + parts - 1).min(whole.len().div_ceil(block));
    let mut products = vec![vec![Complex::default(); size / 2 / LANES + 1]; heard];
    for (place, sums) in products.iter_mut().enumerate() {
        for part in place.saturating_sub(blocks - 1)..parts.min(place + 1) {
            let factors = signal[place - part].iter().zip(&kernel[part]);
            sums.iter_mut().zip(factors).for_each(|(sum, (one, other))| *sum = *sum + *one * *other);
        }
    }
    add_signals(&fourier, &products, block, whole);
}

static BY_SIZE: Memo<usize, Fourier> = Memo::new();

/// The lower half of a real signal's transform, and the value in the middle; neighbours side by side.
type Spectrum = Vec<Complex>;

/// Twice the transforms of real signals that are no longer than one, zeros after them.
#[inline(always)]
fn spectra(fourier: &Fourier, signals: &[&[f64]]) -> Vec<Spectrum> {
    let size = fourier.length();
    let (mut values, mut other) = (vec![Complex::default(); size], vec![Complex::default(); size]);
    let mut spectra = vec![vec![Complex::default(); size / 2 / LANES + 1]; signals.len()];
    for (signals, spectra) in signals.chunks(AT_ONCE).zip(spectra.chunks_mut(AT_ONCE)) {
        values.fill(Complex::default());
        for (place, signal) in signals.iter().enumerate() {
            for (value, sample) in values.iter_mut().zip(*signal) {
                let part = if place < LANES { &mut value.real } else { &mut value.imaginary };
                part.0[place % LANES] = *sample;
            }
        }
        fourier.transform(&mut values, &mut other);
        for group in 0..=size / 2 / LANES {
            let (mut first, mut last) = ([Complex::default(); LANES], [Complex::default(); LANES]);
            for (near, (first, last)) in first.iter_mut().zip(&mut last).enumerate() {
                let bin = group * LANES + near;
                let (value, mirrored) = (values[bin], values[(size - bin) % size].conjugate());
                (*first, *last) = (value + mirrored, (value - mirrored).quarter_back());
            }
            let values = turned(&first).into_iter().chain(turned(&last));
            spectra.iter_mut().zip(values).for_each(|(spectrum, value)| spectrum[group] = value);
        }
    }
    spectra
}

/// Adds signals of which four times the transforms are given, each `apart` places after the one before.
#[inline(always)]
fn add_signals(fourier: &Fourier, spectra: &[Spectrum], apart: usize, sums: &mut [f64]) {
    let (size, scale) = (fourier.length(), 0.25 / fourier.length() as f64);
    let (mut values, mut other) = (vec![Complex::default(); size], vec![Complex::default(); size]);
    for (batch, spectra) in spectra.chunks(AT_ONCE).enumerate() {
        for group in 0..=size / 2 / LANES {
            let mut parts = [[Complex::default(); LANES]; 2];
            let parts_of = parts.as_flattened_mut().iter_mut().zip(spectra);
            parts_of.for_each(|(part, spectrum)| *part = spectrum[group]);
            let (first, last) = (turned(&parts[0]), turned(&parts[1]));
            for (near, (one, other)) in first.into_iter().zip(last).enumerate() {
                let bin = group * LANES + near;
                values[(size - bin) % size] = (one.conjugate() - other.conjugate().quarter_back()).swapped();
                values[bin] = (one - other.quarter_back()).swapped();
            }
        }
        fourier.transform(&mut values, &mut other);
        // A place of the sum is added to twice at most, so it makes no difference which signal comes first.
        for (group, values) in values.as_chunks().0.iter().enumerate() {
            let turned = turned(values);
            let signals = turned.iter().map(|value| value.imaginary).chain(turned.iter().map(|value| value.real));
            for (place, signal) in signals.enumerate().take(spectra.len()) {
                add(signal * Lanes::all(scale), (batch * AT_ONCE + place) * apart + group * LANES, sums);
            }
        }
    }
}

/// Adds neighbours to the sums from a place on, as far as there are any.
#[inline(always)]
fn add(values: Lanes, place: usize, sums: &mut [f64]) {
    let sums = sums.get_mut(place..).unwrap_or_default();
    match sums.first_chunk_mut::<LANES>() {
        Some(sums) => *sums = (Lanes(*sums) + values).0,
        None => sums.iter_mut().zip(values.0).for_each(|(sum, value)| *sum += value),
    }
}

/// Each lane's values side by side.
#[inline(always)]
fn turned(values: &[Complex; LANES]) -> [Complex; LANES] {
    let mut turned = [Complex::default(); LANES];
    for (lane, turned) in turned.iter_mut().enumerate() {
        for (near, value) in values.iter().enumerate() {
            turned.real.0[near] = value.real.0[lane];
            turned.imaginary.0[near] = value.imaginary.0[lane];
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_join() {
        let signal: Vec<f32> = (0..9000_u32).map(|n| ((n * 37 % 101) as f32 - 50.0) / 50.0).collect();
        for (length, lead) in [(1, 0), (161, 80), (700, 0), (700, 350), (6000, 0), (9000, 10)] {
            let kernel: Vec<f64> = (0..length).map(|n: u32| f64::from(n * 13 % 29) / 29.0 - 0.4).collect();
            let found = convolved(&signal, &kernel, lead);
            for n in [0, 1, 699, 862, 863, 1024, 3396, 3397, 3398, 6793, 6794, 8999] {
                let at = |k: usize| {
                    (n + lead).checked_sub(k).and_then(|place| signal.get(place)).map_or(0.0, |&v| f64::from(v))
                };
                let expected: f64 = kernel.iter().enumerate().map(|(k, weight)| weight * at(k)).sum();
                assert!((found[n] - expected).abs() < 1e-9, "{n} of {length}: {} {expected}", found[n]);
            }
        }
        assert!(convolved(&[], &[1.0], 5).is_empty() && convolved(&[1.0], &[], 0) == [0.0]);
    }
}
