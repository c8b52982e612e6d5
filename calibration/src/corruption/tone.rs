//! Changes of tone: brightness, contrast, and light as it is before a camera encodes it.

use edgeval_models::Picture;

use super::field::to_byte;

/// The exponent between encoded values and light.
pub(super) const DISPLAY_GAMMA: f64 = 2.2;

/// The light of a byte, from 0 to 1.
pub(super) fn linear(byte: u8) -> f64 {
    libm::pow(f64::from(byte) / 255.0, DISPLAY_GAMMA)
}

/// Adds to HSV's value, which is a pixel's largest channel: hue and saturation stay, so all channels grow by one factor.
/// A black pixel has no hue and becomes gray; a gray picture's value is its luminance.
pub(super) fn brightness(picture: &mut Picture, added: f64) {
    for pixel in picture.data.chunks_exact_mut(picture.channels.count()) {
        let value = f64::from(pixel.iter().copied().max().unwrap_or(0)) / 255.0;
        let brighter = (value + added).min(1.0);
        for byte in pixel {
            let changed = if value > 0.0 { f64::from(*byte) * (brighter / value) } else { brighter * 255.0 };
            *byte = to_byte(changed as f32);
        }
    }
}

/// Brings every channel nearer to its mean over the picture.
pub(super) fn contrast(picture: &mut Picture, kept: f64) {
    let channels = picture.channels.count();
    let mut sums = [0_u64; 3];
    for pixel in picture.data.chunks_exact(channels) {
        sums.iter_mut().zip(pixel).for_each(|(sum, &byte)| *sum += u64::from(byte));
    }
    let count = picture.data.len() as f64 / channels as f64;
    let means = sums.map(|sum| sum as f64 / count);
    for pixel in picture.data.chunks_exact_mut(channels) {
        for (byte, mean) in pixel.iter_mut().zip(means) {
            *byte = to_byte(((f64::from(*byte) - mean) * kept + mean) as f32);
        }
    }
}
