//! Noise of the sensor: Gaussian, shot, impulse, and what a gain makes of low light.

use std::sync::{Arc, LazyLock};

use edgeval_models::Picture;

use super::field::to_byte;
use super::memo::Memo;
use super::random::{Poisson, Random};
use super::severities::{CorruptionError, Strength};
use super::tone::{DISPLAY_GAMMA, linear};

/// Adds normal values of this deviation (1 is white), independently to every byte.
pub(super) fn gaussian(picture: &mut Picture, deviation: f64, random: &mut Random) {
    for byte in &mut picture.data {
        *byte = to_byte((f64::from(*byte) + 255.0 * deviation * random.normal()) as f32);
    }
}

/// Counts photons, of which `photons` make white, independently for every byte.
pub(super) fn shot(picture: &mut Picture, photons: f64, random: &mut Random) {
    let levels = levels("shot", photons, |byte| f64::from(byte) / 255.0);
    for byte in &mut picture.data {
        let count = levels[usize::from(*byte)].at(random.unit());
        *byte = to_byte((count as f64 / photons * 255.0) as f32);
    }
}

/// Makes this share of the bytes 0 or 255, one as likely as the other.
pub(super) fn impulse(picture: &mut Picture, share: f64, random: &mut Random) {
    for byte in &mut picture.data {
        if random.unit() < share {
            *byte = if random.unit() < 0.5 { 255 } else { 0 };
        }
    }
}

/// Little light: a Poisson count of photons, of which `photons` make white, the amplifier's normal noise, and a gain
/// that restores a share of the brightness. Computed on linear light (a gamma of 2.2).
pub(super) fn low_light(picture: &mut Picture, light: LowLight, random: &mut Random) {
    let levels = levels("low light", light.photons, linear);
    let encoded = &*ENCODING;
    for byte in &mut picture.data {
        let count = levels[usize::from(*byte)].at(random.unit()) as f64;
        let seen = (count + light.read_noise * random.normal()) / light.photons * light.brightness;
        let last = encoded.len() - 1;
        *byte = encoded[((seen * last as f64).max(0.0) as usize).min(last)];
    }
}

/// What low light is like.
#[derive(Clone, Copy)]
pub(super) struct LowLight {
    pub(super) photons: f64,
    pub(super) read_noise: f64,
    pub(super) brightness: f64,
}

impl LowLight {
    pub(super) fn of(strength: &Strength) -> Result<Self, CorruptionError> {
        Ok(Self {
            photons: strength.get("photons")?,
            read_noise: strength.get("read_noise")?,
            brightness: strength.get("brightness")?,
        })
    }
}

/// The byte of linear light in 4096 steps, as a 12-bit converter sees it.
static ENCODING: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..4096).map(|step| to_byte((libm::pow(f64::from(step) / 4095.0, 1.0 / DISPLAY_GAMMA) * 255.0) as f32)).collect()
});

/// Counts by byte: of the photons that make white, the share that a byte stands for.
fn levels(of: &'static str, photons: f64, share: impl Fn(u8) -> f64) -> Arc<Vec<Poisson>> {
    static LEVELS: Memo<(&str, u64), Vec<Poisson>> = Memo::new();
    let computed = || (0..=255).map(|byte| Poisson::new(share(byte) * photons)).collect();
    LEVELS.get((of, photons.to_bits()), computed)
}
