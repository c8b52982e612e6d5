//! Log-mel spectrograms with librosa's numbers, and the same bits on every processor: a Fourier transform of our own, `libm`
//! for every function but the logarithm ([`Lanes::ln`]), sums in a fixed order.

use std::f64::consts::{LOG10_E, PI};

use edgeval_int8::kernels::wide::wide;

use crate::fourier::{Complex, Fourier};
use crate::lanes::{LANES, Lanes};
use crate::manifest::{Axes, LogKind, LogMel, MelNorm, MelScale, PadMode, WindowShape};

/// Frames that are transformed together.
const AT_ONCE: usize = 2 * LANES;

/// Everything about a spectrogram that can be known before a sound comes.
#[derive(Clone, Debug)]
pub struct LogMelPlan {
    options: LogMel,
    hop: usize,
    /// The analysis window, in the middle of `fft` values.
    window: Vec<f64>,
    fourier: Fourier,
    /// For each band: its first bin and the weights from there.
    bands: Vec<(usize, Vec<f64>)>,
    /// The sound with what comes before and after it, so that every frame is whole.
    padded: Vec<f32>,
    spectra: Vec<Complex>,
    scratch: Vec<Complex>,
    /// The frames' magnitudes to the power that is asked for, by bin: of those in the real and those in the imaginary part.
    powers: Vec<[Lanes; 2]>,
    /// Their sums by band, and then the levels of those.
    energies: Vec<[Lanes; 2]>,
}

impl LogMelPlan {
    /// Plans for a checked manifest's features of sound at this rate.
    #[must_use]
    pub fn new(options: &LogMel, sample_rate_hz: u32) -> Self {
        let rate = f64::from(sample_rate_hz);
        Self {
            hop: options.hop_length(rate).max(1),
            window: centred_window(options, rate),
            bands: filter_bank(options, rate),
            padded: Vec::new(),
            powers: vec![[Lanes::default(); 2]; options.fft / 2 + 1],
            energies: vec![[Lanes::default(); 2]; options.bands],
            spectra: vec![Complex::default(); options.fft],
            scratch: vec![Complex::default(); options.fft],
            fourier: Fourier::new(options.fft),
            options: options.clone(),
        }
    }

    /// The values of `samples`' spectrogram; `values` has as many as frames times bands. Frames that reach past the
    /// sound see zeros there.
    pub fn fill(&mut self, samples: &[f32], values: &mut [f32]) {
        let frames = values.len() / self.options.bands;
        self.pad(samples, frames);
        for first in (0..frames).step_by(AT_ONCE) {
            wide(
                #[inline(always)]
                || self.lay_out(first),
            );
            self.fourier.transform(&mut self.spectra, &mut self.scratch);
            wide(
                #[inline(always)]
                || self.take_apart(),
            );
            wide(
                #[inline(always)]
                || self.sum_up(),
            );
            wide(
                #[inline(always)]
                || self.take_logarithms(),
            );
            self.write(values, frames, first);
        }
    }

    /// Lays the sound out for so many frames, and for those that the last ones are transformed with.
    fn pad(&mut self, samples: &[f32], frames: usize) {
        let half = if self.options.center { self.options.fft / 2 } else { 0 };
        let last = samples.len() as i64 - 1;
        let mirrored = |index: i64| samples.get(reflected(index, last)).copied().unwrap_or(0.0);
        let reflects = self.options.center && self.options.pad_mode == PadMode::Reflect;
        let around = |index: i64| if reflects { mirrored(index) } else { 0.0 };
        self.padded.clear();
        self.padded.extend((-(half as i64)..0).map(around));
        self.padded.extend_from_slice(samples);
        self.padded.extend((last + 1..=last + half as i64).map(around));
        self.padded.resize((frames + AT_ONCE) * self.hop + self.options.fft, 0.0);
    }

    /// Real frames for one complex transform: the first of them as real parts, the others as imaginary parts.
    #[inline(always)]
    fn lay_out(&mut self, first: usize) {
        let frame = |number: usize| &self.padded[(first + number) * self.hop..][..self.window.len()];
        let frames: [&[f32]; AT_ONCE] = std::array::from_fn(frame);
        for (index, (value, weight)) in self.spectra.iter_mut().zip(&self.window).enumerate() {
            let samples =
                |part: usize| Lanes(std::array::from_fn(|lane| f64::from(frames[part * LANES + lane][index])));
            let weight = Lanes::all(*weight);
            *value = Complex { real: samples(0) * weight, imaginary: samples(1) * weight };
        }
    }

    /// Takes the spectra of real and imaginary parts apart.
    #[inline(always)]
    fn take_apart(&mut self) {
        let length = self.spectra.len();
        let (magnitude_only, quarter) = (self.options.power == 1.0, Lanes::all(0.25));
        for (bin, powers) in self.powers.iter_mut().enumerate() {
            let mirrored = if bin == 0 { 0 } else { length - bin };
            let (value, mirrored) = (self.spectra[bin], self.spectra[mirrored].conjugate());
            let power = |doubled: Complex| {
                let squared = (doubled.real * doubled.real + doubled.imaginary * doubled.imaginary) * quarter;
                if magnitude_only { squared.each(libm::sqrt) } else { squared }
            };
            *powers = [power(value + mirrored), power(value - mirrored)];
        }
    }

    /// Sums the frames up in bands.
    #[inline(always)]
    fn sum_up(&mut self) {
        for ((first_bin, weights), energies) in self.bands.iter().zip(&mut self.energies) {
            let mut sums = [Lanes::default(); 2];
            for (powers, weight) in self.powers[*first_bin..].iter().zip(weights) {
                let weight = Lanes::all(*weight);
                sums = [sums[0] + powers[0] * weight, sums[1] + powers[1] * weight];
            }
            *energies = sums;
        }
    }

    /// Energies as levels, less the mean and over the deviation. A loop of its own: beside others, compilers take lanes apart.
    #[inline(always)]
    fn take_logarithms(&mut self) {
        let LogMel { floor, log, mean, std, .. } = self.options;
        let [unit, mean, std] = [unit(log), mean, std].map(Lanes::all);
        for energy in self.energies.as_flattened_mut() {
            *energy = (energy.at_least(floor).ln() * unit - mean) / std;
        }
    }

    fn write(&self, values: &mut [f32], frames: usize, first: usize) {
        let options = &self.options;
        for (band, levels) in self.energies.iter().enumerate() {
            let (start, step) = match options.axes {
                Axes::FramesBands => (first * options.bands + band, options.bands),
                Axes::BandsFrames => (band * frames + first, 1),
            };
            let places = values[start..].iter_mut().step_by(step).take(frames - first);
            let levels = levels.iter().flat_map(|levels| levels.0);
            places.zip(levels).for_each(|(value, level)| *value = level as f32);
        }
    }
}

/// What a logarithm of base e is multiplied by.
const fn unit(kind: LogKind) -> f64 {
    match kind {
        LogKind::Ln => 1.0,
        LogKind::Log10 => LOG10_E,
        LogKind::Db => 10.0 * LOG10_E,
    }
}

/// An index mirrored at both ends without repeating them, as numpy's `reflect`.
fn reflected(index: i64, last: i64) -> usize {
    if last <= 0 {
        return 0;
    }
    let folded = index.rem_euclid(2 * last);
    usize::try_from(folded.min(2 * last - folded)).unwrap_or(0)
}

/// The periodic window in the middle of `fft` values, zeros beside it (librosa's `pad_center`).
fn centred_window(options: &LogMel, rate: f64) -> Vec<f64> {
    let length = options.window_length(rate);
    let (a, b) = match options.window {
        WindowShape::Hann => (0.5, 0.5),
        WindowShape::Hamming => (0.54, 0.46),
    };
    let mut window = vec![0.0; options.fft];
    let left = (options.fft - length) / 2;
    for (index, value) in window[left..left + length].iter_mut().enumerate() {
        *value = a - b * libm::cos(2.0 * PI * index as f64 / length as f64);
    }
    window
}

/// Triangles between neighbouring mel frequencies, as `librosa.filters.mel`.
fn filter_bank(options: &LogMel, rate: f64) -> Vec<(usize, Vec<f64>)> {
    let bins = options.fft / 2 + 1;
    let edges = mel_edges(options);
    let bin_hz = |bin: usize| bin as f64 * rate / options.fft as f64;
    let band = |edges: &[f64]| {
        let [low, middle, high] = [edges[0], edges[1], edges[2]];
        let area = if options.mel_norm == MelNorm::Slaney { 2.0 / (high - low) } else { 1.0 };
        let weight = |bin: usize| {
            let (up, down) = ((bin_hz(bin) - low) / (middle - low), (high - bin_hz(bin)) / (high - middle));
            // librosa keeps its weights as 32-bit floats.
            f64::from((up.min(down).max(0.0) * area) as f32)
        };
        let first = (0..bins).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
        (first, (first..bins).map(weight).take_while(|&weight| weight > 0.0).collect())
    };
    edges.windows(3).map(band).collect()
}

/// The bands' edges and centres in hertz: two more than there are bands.
fn mel_edges(options: &LogMel) -> Vec<f64> {
    let (low, high) = (to_mel(options.low_hz, options.mel_scale), to_mel(options.high_hz, options.mel_scale));
    let steps = options.bands + 1;
    (0..=steps).map(|step| to_hz(low + (high - low) * step as f64 / steps as f64, options.mel_scale)).collect()
}

/// Slaney's scale is linear up to here.
const SLANEY_LINEAR_END_HZ: f64 = 1000.0;
const SLANEY_HZ_PER_MEL: f64 = 200.0 / 3.0;
/// The scale's step above it: 27 steps to 6.4 kHz.
const SLANEY_LOG_STEPS: f64 = 27.0;
const SLANEY_LOG_RANGE: f64 = 6.4;

fn to_mel(hz: f64, scale: MelScale) -> f64 {
    match scale {
        MelScale::Htk => 2595.0 * libm::log10(1.0 + hz / 700.0),
        MelScale::Slaney if hz < SLANEY_LINEAR_END_HZ => hz / SLANEY_HZ_PER_MEL,
        MelScale::Slaney => {
            let linear_end = SLANEY_LINEAR_END_HZ / SLANEY_HZ_PER_MEL;
            linear_end + libm::log(hz / SLANEY_LINEAR_END_HZ) * SLANEY_LOG_STEPS / libm::log(SLANEY_LOG_RANGE)
        }
    }
}

fn to_hz(mel: f64, scale: MelScale) -> f64 {
    let linear_end = SLANEY_LINEAR_END_HZ / SLANEY_HZ_PER_MEL;
    match scale {
        MelScale::Htk => 700.0 * (libm::pow(10.0, mel / 2595.0) - 1.0),
        MelScale::Slaney if mel < linear_end => mel * SLANEY_HZ_PER_MEL,
        MelScale::Slaney => {
            SLANEY_LINEAR_END_HZ * libm::exp((mel - linear_end) * libm::log(SLANEY_LOG_RANGE) / SLANEY_LOG_STEPS)
        }
    }
}
