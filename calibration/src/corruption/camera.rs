//! A camera's own faults of exposure. Light is a byte's 2.2th power, so a factor of light is one of bytes.

use std::f64::consts::TAU;

use edgeval_models::Picture;

use super::field::to_byte;
use super::random::Random;
use super::tone::DISPLAY_GAMMA;

/// Doubles light `stops` times; what is over white is lost.
pub(super) fn over_exposure(picture: &mut Picture, stops: f64) {
    let factor = libm::pow(2.0, stops / DISPLAY_GAMMA);
    for byte in &mut picture.data {
        *byte = to_byte((f64::from(*byte) * factor) as f32);
    }
}

/// Bands of a lamp on the mains under a rolling shutter: each row is darkened by up to `depth` of its light, in a sine
/// of `bands` periods over the picture's height, from a random phase.
pub(super) fn rolling_flicker(picture: &mut Picture, depth: f64, bands: f64, random: &mut Random) {
    let phase = random.unit();
    let (row, height) = ((picture.width * picture.channels.count()).max(1), picture.height as f64);
    for (y, bytes) in picture.data.chunks_exact_mut(row).enumerate() {
        let wave = 0.5 - 0.5 * libm::cos(TAU * (phase + bands * y as f64 / height));
        let factor = libm::pow(1.0 - depth * wave, 1.0 / DISPLAY_GAMMA);
        bytes.iter_mut().for_each(|byte| *byte = to_byte((f64::from(*byte) * factor) as f32));
    }
}
