//! Noise, and how much of it.

use std::f64::consts::TAU;

use edgeval_models::Sound;

use super::CorruptionError;
use super::random::Random;

/// Octaves that pink noise is made of: 16 reach down to a 32,768th of half the rate.
const PINK_OCTAVES: usize = 16;
/// Harmonics of the hum, the fundamental included.
const HUM_HARMONICS: u32 = 8;
/// Voices of a babble, as far as there are so many.
const MOST_VOICES: usize = 6;

/// Mean square; 0 when there is nothing.
pub(super) fn power(samples: &[f32]) -> f64 {
    let (blocks, rest) = samples.as_chunks::<4>();
    // Four sums side by side: each waits for itself alone.
    let mut sums = [0.0_f64; 4];
    for block in blocks {
        sums.iter_mut().zip(block).for_each(|(sum, &sample)| *sum += f64::from(sample) * f64::from(sample));
    }
    let sum = sums.into_iter().chain(rest.iter().map(|&sample| f64::from(sample) * f64::from(sample))).sum::<f64>();
    if samples.is_empty() { 0.0 } else { sum / samples.len() as f64 }
}

/// The sound and a noise of its length, which is scaled by √(P_s / (P_n · 10^(SNR/10))). A silent noise adds nothing.
pub(super) fn at_snr(samples: &[f32], noise: &[f32], snr_db: f64) -> Vec<f32> {
    let noise_power = power(noise) * libm::pow(10.0, snr_db / 10.0);
    let factor = if noise_power > 0.0 { libm::sqrt(power(samples) / noise_power) } else { 0.0 };
    samples.iter().zip(noise).map(|(&sample, &noise)| (f64::from(sample) + factor * f64::from(noise)) as f32).collect()
}

pub(super) fn white(length: usize, random: &mut Random) -> Vec<f32> {
    (0..length).map(|_| random.normal() as f32).collect()
}

/// Sums of noises that change at every sample, every second, every fourth, … (Voss & Clarke 1978, in the order of
/// McCartney): within about 1 dB of 1/f. Less their mean: in a short sound the slow ones hardly change, and what they add up to is an offset that
/// nobody hears, but that would count as power.
pub(super) fn pink(length: usize, random: &mut Random) -> Vec<f32> {
    let mut octaves: [f64; PINK_OCTAVES] = std::array::from_fn(|_| random.normal());
    // Of each octave and all slower ones: where one changes, only the sums of the faster ones do.
    let mut sums = [0.0; PINK_OCTAVES + 1];
    add_up(&mut sums, &octaves);
    let mut sample = |index: usize| {
        let changing = (index.trailing_zeros() as usize).min(PINK_OCTAVES - 1);
        octaves[changing] = random.normal();
        add_up(&mut sums[..changing + 2], &octaves[..=changing]);
        sums[0] + random.normal()
    };
    let noise: Vec<f64> = (1..=length).map(&mut sample).collect();
    let mean = noise.iter().sum::<f64>() / length.max(1) as f64;
    noise.into_iter().map(|sample| (sample - mean) as f32).collect()
}

/// From the last octave to the first, the sum of it and those after it, whose sum stands last.
fn add_up(sums: &mut [f64], octaves: &[f64]) {
    for (octave, value) in octaves.iter().enumerate().rev() {
        sums[octave] = sums[octave + 1] + value;
    }
}

/// A fundamental at 50 or 60 Hz and harmonics that fall as 1/n, each at its own phase, as far as the rate allows.
pub(super) fn hum(length: usize, rate: f64, random: &mut Random) -> Vec<f32> {
    let mains = if random.unit() < 0.5 { 50.0 } else { 60.0 };
    let phases: Vec<f64> = (0..HUM_HARMONICS).map(|_| random.unit()).collect();
    let audible = (1..=HUM_HARMONICS).take_while(|&harmonic| mains * f64::from(harmonic) < rate / 2.0);
    let audible = audible.map(f64::from).zip(phases);
    let mut tones: Vec<Tone> =
        audible.map(|(harmonic, phase)| Tone::new(mains * harmonic / rate, phase, 1.0 / harmonic)).collect();
    (0..length).map(|_| tones.iter_mut().map(Tone::next).sum::<f64>() as f32).collect()
}

/// Voices of equal power, each from a random place on and from its beginning again.
pub(super) fn babble(sound: &Sound, voices: &[&Sound], random: &mut Random) -> Result<Vec<f32>, CorruptionError> {
    let sample_rate_hz = sound.sample_rate_hz;
    let heard = |voice: &&&Sound| voice.sample_rate_hz == sample_rate_hz && power(&voice.samples) > 0.0;
    let mut left: Vec<&Sound> = voices.iter().filter(heard).copied().collect();
    if left.is_empty() {
        return Err(CorruptionError::NoVoices { sample_rate_hz });
    }
    let mut sums = vec![0.0_f64; sound.samples.len()];
    for _ in 0..left.len().min(MOST_VOICES) {
        let voice = left.swap_remove(random.below(left.len()));
        let (before, after) = voice.samples.split_at(random.below(voice.samples.len()));
        let (talking, factor) = ([after, before].concat(), 1.0 / libm::sqrt(power(&voice.samples)));
        for sums in sums.chunks_mut(talking.len()) {
            sums.iter_mut().zip(&talking).for_each(|(sum, &sample)| *sum += f64::from(sample) * factor);
        }
    }
    Ok(sums.into_iter().map(|sum| sum as f32).collect())
}

/// A sine that is turned on from sample to sample: after an hour it is off by less than a millionth.
pub(super) struct Tone {
    /// Sine and cosine of where it is, times its amplitude.
    now: (f64, f64),
    /// Sine and cosine of a sample's turn.
    step: (f64, f64),
}

impl Tone {
    /// Turns a sample, and the turn that it begins at.
    pub(super) fn new(turns: f64, phase: f64, amplitude: f64) -> Self {
        let at = |turn: f64| (libm::sin(TAU * turn), libm::cos(TAU * turn));
        let (sine, cosine) = at(phase);
        Self { now: (amplitude * sine, amplitude * cosine), step: at(turns) }
    }

    pub(super) fn next(&mut self) -> f64 {
        let ((sine, cosine), (step_sine, step_cosine)) = (self.now, self.step);
        self.now = (sine * step_cosine + cosine * step_sine, cosine * step_cosine - sine * step_sine);
        sine
    }
}
