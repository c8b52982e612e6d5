//! What rooms, converters and channels do to a sound.

use std::f64::consts::{LN_10, PI};

use edgeval_models::wide;

use super::convolution::convolved;
use super::memo::Memo;
use super::random::Random;
use super::sound_noise::{Tone, power};
use super::stream::gaps;

/// Half the length of a band limit's filter, in seconds.
const FILTER_REACH_S: f64 = 0.01;
/// A room's response is no longer than this, in seconds.
const LONGEST_RESPONSE_S: f64 = 4.0;
/// Neighbours on either side that a sample between samples is computed from.
const DRIFT_REACH: i64 = 16;
/// Steps between two samples that the interpolation's weights are tabulated at.
const DRIFT_STEPS: usize = 512;
/// Numbers from here on are whole.
const NO_FRACTION: f64 = (1_u64 << 52) as f64;
/// The largest value of a 16-bit sample, plus one.
const SIXTEEN_BITS: f64 = 32_768.0;

/// A room: the direct sound, and noise that decays by 60 dB in `decay_s` (Polack 1988); `direct_db` is the direct sound's
/// energy over the rest's. The sound's power stays.
pub(super) fn reverberating(samples: &[f32], rate: f64, decay_s: f64, direct_db: f64, random: &mut Random) -> Vec<f32> {
    let length = ((decay_s.min(LONGEST_RESPONSE_S) * rate) as usize).min(samples.len());
    let fall = 3.0 * LN_10 / (decay_s * rate);
    let (quieter, mut loudness) = (libm::exp(-fall), 1.0);
    let mut response: Vec<f64> = Vec::with_capacity(length);
    for _ in 0..length {
        response.push(random.normal() * loudness);
        loudness *= quieter;
    }
    let energy: f64 = response.iter().skip(1).map(|value| value * value).sum();
    let factor = if energy > 0.0 { libm::sqrt(libm::pow(10.0, -direct_db / 10.0) / energy) } else { 0.0 };
    response.iter_mut().for_each(|value| *value *= factor);
    match response.first_mut() {
        Some(direct) => *direct = 1.0,
        None => return samples.to_vec(),
    }
    let heard: Vec<f32> = convolved(samples, &response, 0).into_iter().map(|value| value as f32).collect();
    let heard_power = power(&heard);
    let factor = if heard_power > 0.0 { libm::sqrt(power(samples) / heard_power) } else { 0.0 };
    heard.into_iter().map(|sample| (f64::from(sample) * factor) as f32).collect()
}

/// Cuts the loudest `share` of the samples to the level of the quietest of them.
pub(super) fn clipped(samples: &[f32], share: f64) -> Vec<f32> {
    if samples.is_empty() {
        return Vec::new();
    }
    let mut levels: Vec<f32> = samples.iter().map(|sample| sample.abs()).collect();
    let quieter = ((1.0 - share) * levels.len() as f64) as usize;
    let last = levels.len() - 1;
    let (_, &mut level, _) = levels.select_nth_unstable_by(quieter.min(last), f32::total_cmp);
    samples.iter().map(|sample| sample.clamp(-level, level)).collect()
}

/// Quieter, and rounded to 16 bits as a converter does: what is lost doesn't come back with a later gain.
pub(super) fn quieter(samples: &[f32], gain_db: f64) -> Vec<f32> {
    let factor = libm::pow(10.0, gain_db / 20.0) * SIXTEEN_BITS;
    samples.iter().map(|&sample| (libm::rint(f64::from(sample) * factor) / SIXTEEN_BITS) as f32).collect()
}

/// Lets a band through, without delay: a sinc under Blackman's window. Limits past half the rate let all through.
pub(super) fn band_limited(samples: &[f32], rate: f64, low_hz: f64, high_hz: f64) -> Vec<f32> {
    let reach = (FILTER_REACH_S * rate) as i64;
    let side = 2 * reach + 1;
    let low_pass = |place: i64, limit_hz: f64| {
        let (cycles, x) = (2.0 * (limit_hz / rate).min(0.5), place as f64);
        if place == 0 { cycles } else { libm::sin(PI * cycles * x) / (PI * x) }
    };
    let tap =
        |place: i64| blackman(place as f64 / (reach + 1) as f64) * (low_pass(place, high_hz) - low_pass(place, low_hz));
    let key = [rate, low_hz, high_hz].map(f64::to_bits);
    let kernel = BAND_KERNELS.get(key, || (-reach..=reach).map(tap).collect());
    convolved(samples, &kernel, (side / 2) as usize).into_iter().map(|value| value as f32).collect()
}

/// By the bits of the rate and of both limits.
static BAND_KERNELS: Memo<[u64; 3], Vec<f64>> = Memo::new();

/// Blackman's window from −1 to 1.
fn blackman(place: f64) -> f64 {
    blackman_of(libm::cos(PI * place), libm::cos(2.0 * PI * place))
}

/// The same of the cosines of a place's half turn and whole turn.
fn blackman_of(half: f64, whole: f64) -> f64 {
    0.42 + 0.5 * half + 0.08 * whole
}

/// Silences packets of so many samples; `share` of them, in gaps of `length` on average. Nothing conceals them.
pub(super) fn packets_lost(samples: &[f32], packet: usize, share: f64, length: f64, random: &mut Random) -> Vec<f32> {
    let mut left = samples.to_vec();
    let packet = packet.max(1);
    let lost = gaps(share, length, samples.len().div_ceil(packet), random);
    for (packet, _) in left.chunks_mut(packet).zip(lost).filter(|(_, lost)| *lost) {
        packet.fill(0.0);
    }
    left
}

/// The sound as a clock hears it that is `speed` times as slow as it should be: it plays back so many times as fast. Past
/// the sound's end there is silence.
pub(super) fn drifted(samples: &[f32], speed: f64) -> Vec<f32> {
    // When it plays faster, what lies over half the new rate would fold back.
    let cutoff = (1.0 / speed).min(1.0);
    let side = 2 * DRIFT_REACH as usize;
    let weights = DRIFT_WEIGHTS.get(cutoff.to_bits(), || {
        (0..=DRIFT_STEPS).flat_map(|step| neighbours(step as f64 / DRIFT_STEPS as f64, cutoff)).collect()
    });
    // Silence before and after, and the sound between.
    let after = (samples.len() as f64 * (speed - 1.0).max(0.0)) as usize + side;
    let mut padded = vec![0.0; DRIFT_REACH as usize - 1];
    padded.extend(samples.iter().copied().map(f64::from));
    padded.resize(padded.len() + after, 0.0);
    let mut drifted = vec![0.0; samples.len()];
    wide(
        #[inline(always)]
        || {
            for (index, sample) in drifted.iter_mut().enumerate() {
                let at = index as f64 * speed;
                let (whole, part) = (at as usize, at - (at as usize) as f64);
                // What is added leaves no digits after the point: the sum is rounded as `rint` does, without a call.
                let step = (part * DRIFT_STEPS as f64 + NO_FRACTION - NO_FRACTION) as usize * side;
                *sample = dot(&padded[whole..][..side], &weights[step..step + side]) as f32;
            }
        },
    );
    drifted
}

/// By the bits of the cutoff.
static DRIFT_WEIGHTS: Memo<u64, Vec<f64>> = Memo::new();

/// The sum of products: four sums side by side, and then theirs.
#[inline(always)]
fn dot(values: &[f64], weights: &[f64]) -> f64 {
    let ((values, _), (weights, _)) = (values.as_chunks::<4>(), weights.as_chunks::<4>());
    let mut sums = [0.0; 4];
    for (values, weights) in values.iter().zip(weights) {
        sums.iter_mut().zip(values).zip(weights).for_each(|((sum, value), weight)| *sum += value * weight);
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// The weights of the neighbours of a place that lies `part` of the way from one sample to the next.
fn neighbours(part: f64, cutoff: f64) -> impl Iterator<Item = f64> {
    let first = (1 - DRIFT_REACH) as f64 - part;
    let mut sine = Tone::new(cutoff / 2.0, first * cutoff / 2.0, 1.0);
    // A cosine is a quarter of a turn ahead; the window's second one is twice the first one's square, less 1.
    let mut cosine = Tone::new(0.5 / DRIFT_REACH as f64, 0.5 * first / DRIFT_REACH as f64 + 0.25, 1.0);
    (0..2 * DRIFT_REACH).map(move |neighbour| {
        let angle = PI * cutoff * (first + neighbour as f64);
        let (sine, cosine) = (sine.next(), cosine.next());
        let sinc = if angle == 0.0 { 1.0 } else { sine / angle };
        cutoff * sinc * blackman_of(cosine, 2.0 * cosine * cosine - 1.0)
    })
}
