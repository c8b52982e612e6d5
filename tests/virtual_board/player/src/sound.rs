//! Sounds as samples at the card's rate.

use anyhow::{Context, ensure};

/// The card's sample rate.
pub const RATE_HZ: u32 = 48_000;
const BEEP_HZ: f32 = 1000.0;
const BEEP_MS: u32 = 100;
const BEEP_LEVEL: f32 = 0.5;
/// Samples of the source on each side that make a new one.
const REACH: isize = 24;
/// The weights' unit. Whole numbers, because emulation is slow at others.
const UNIT: i32 = 1 << 14;
/// Longest sound that is read, in seconds.
const LONGEST_S: u64 = 60;

/// `silence`, `beep` (1 kHz), or a FLAC file of one channel, 16 bits, at a rate that divides [`RATE_HZ`].
///
/// # Errors
/// When the file isn't one.
pub fn open(name: &str) -> anyhow::Result<Vec<i16>> {
    match name {
        "silence" => Ok(Vec::new()),
        "beep" => Ok(beep()),
        file => read_flac(file).with_context(|| format!("sound {file}")),
    }
}

fn beep() -> Vec<i16> {
    let sample = |n: u32| BEEP_LEVEL * (std::f32::consts::TAU * BEEP_HZ * n as f32 / RATE_HZ as f32).sin();
    (0..RATE_HZ / 1000 * BEEP_MS).map(|n| (sample(n) * 32767.0) as i16).collect()
}

fn read_flac(path: &str) -> anyhow::Result<Vec<i16>> {
    let mut reader = claxon::FlacReader::open(path)?;
    let info = reader.streaminfo();
    ensure!(info.channels == 1 && info.bits_per_sample == 16, "it isn't 16-bit mono");
    ensure!(
        info.sample_rate > 0 && RATE_HZ.is_multiple_of(info.sample_rate),
        "{} Hz doesn't divide {RATE_HZ}",
        info.sample_rate
    );
    let limit = (LONGEST_S * u64::from(info.sample_rate)) as usize;
    let samples = reader.samples().take(limit).map(|sample| Ok(sample?)).collect::<anyhow::Result<Vec<i32>>>()?;
    Ok(upsample(&samples, (RATE_HZ / info.sample_rate) as usize))
}

/// Band-limited interpolation: `factor` samples for each, by a sinc under a Hann window.
fn upsample(samples: &[i32], factor: usize) -> Vec<i16> {
    let kernels: Vec<Vec<i32>> = (0..factor).map(|phase| kernel(phase as f32 / factor as f32)).collect();
    let silence = vec![0; REACH as usize];
    let padded = [&silence[1..], samples, &silence].concat();
    let value = |places: &[i32], weights: &[i32]| -> i16 {
        let sum: i32 = places.iter().zip(weights).map(|(sample, weight)| sample * weight / 4).sum();
        (sum / (UNIT / 4)).clamp(i16::MIN.into(), i16::MAX.into()) as i16
    };
    padded
        .windows(2 * REACH as usize)
        .flat_map(|places| kernels.iter().map(move |weights| value(places, weights)))
        .collect()
}

/// Weights, in units of [`UNIT`], of the samples from `-REACH + 1` to `REACH` for a place `fraction` after sample 0.
fn kernel(fraction: f32) -> Vec<i32> {
    let weight = |tap: isize| {
        let distance = fraction - tap as f32;
        let angle = std::f32::consts::PI * distance;
        let sinc = if angle.abs() < 1e-6 { 1.0 } else { angle.sin() / angle };
        (sinc * 0.5 * (1.0 + (angle / REACH as f32).cos()) * UNIT as f32).round() as i32
    };
    (1 - REACH..=REACH).map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_stays_the_tone_that_it_is() {
        let tone = |rate: f32, n: usize| 10_000.0 * (std::f32::consts::TAU * 3000.0 * n as f32 / rate).sin();
        let source: Vec<i32> = (0..800).map(|n| tone(8000.0, n) as i32).collect();
        let result = upsample(&source, 6);
        assert_eq!(result.len(), 4800);
        for (n, &sample) in result.iter().enumerate().skip(600).take(3600) {
            assert!((f32::from(sample) - tone(48_000.0, n)).abs() < 60.0, "{n}");
        }
    }
}
