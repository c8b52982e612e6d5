//! What is lost to few pixels and few bytes: pixelate and JPEG.

use edgeval_models::{Channels, Picture};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::CorruptionError;
use super::field::{REFERENCE_SIDE, to_byte};

/// Shrinks a picture to a share of its resolution and enlarges it again, with Pillow's `BOX` filter. The resolution
/// is the reference's where the picture's is higher, so that the squares are seen by a model that resizes it.
pub(super) fn pixelate(picture: &Picture, kept: f64) -> Picture {
    let short = picture.width.min(picture.height).max(1);
    let reference = short.min(REFERENCE_SIDE) as f64 / short as f64;
    let few = |length: usize| ((length as f64 * reference * kept) as usize).max(1);
    let small = resized(picture, few(picture.width), few(picture.height));
    resized(&small, picture.width, picture.height)
}

/// Along rows, then along columns, rounded to bytes between.
fn resized(picture: &Picture, width: usize, height: usize) -> Picture {
    let channels = picture.channels.count();
    let mut wide = Vec::with_capacity(width * picture.height * channels);
    let places = seen(picture.width, width);
    for row in picture.data.chunks_exact((picture.width * channels).max(1)) {
        for &(first, end) in &places {
            wide.extend((0..channels).map(|channel| mean(row, first * channels + channel, end * channels, channels)));
        }
    }
    let mut data = Vec::with_capacity(width * height * channels);
    for (first, end) in seen(picture.height, height) {
        let row = width * channels;
        data.extend((0..row).map(|place| mean(&wide, first * row + place, end * row, row)));
    }
    Picture { width, height, channels: picture.channels, data }
}

/// For each place of the result, the first place that it sees and the one after the last.
fn seen(from: usize, to: usize) -> Vec<(usize, usize)> {
    let step = from as f64 / to as f64;
    let place = |place: usize| {
        let (middle, half) = ((place as f64 + 0.5) * step, 0.5 * step.max(1.0));
        // The box is open on its left and closed on its right.
        let first = (libm::floor(middle - half - 0.5) as i64 + 1).max(0) as usize;
        let end = (libm::floor(middle + half - 0.5) as i64 + 1).max(0) as usize;
        let first = first.min(from - 1);
        (first, end.clamp(first + 1, from))
    };
    (0..to).map(place).collect()
}

fn mean(bytes: &[u8], first: usize, end: usize, step: usize) -> u8 {
    let seen = bytes[first..end].iter().step_by(step);
    let (sum, count) = seen.fold((0_u32, 0_u32), |(sum, count), &byte| (sum + u32::from(byte), count + 1));
    to_byte((f64::from(sum) / f64::from(count.max(1))) as f32)
}

/// Compresses a picture and decompresses it: the Independent JPEG Group's tables for this quality, colour at half the
/// resolution, integers both ways. Blocks are the picture's own 8×8 pixels.
pub(super) fn jpeg(picture: &Picture, quality: f64) -> Result<Picture, CorruptionError> {
    let failed = |error: &dyn std::fmt::Display| CorruptionError::Jpeg(error.to_string());
    let side = |length: usize| u16::try_from(length).map_err(|_| failed(&"a side has more than 65535 pixels"));
    let (colour, space) = match picture.channels {
        Channels::Gray => (ColorType::Luma, ColorSpace::Luma),
        Channels::Rgb => (ColorType::Rgb, ColorSpace::RGB),
    };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality as u8);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder
        .encode(&picture.data, side(picture.width)?, side(picture.height)?, colour)
        .map_err(|error| failed(&error))?;
    // Without the decoder's vector instructions, which it has no test of against each other.
    let options = DecoderOptions::default().set_use_unsafe(false).jpeg_set_out_colorspace(space);
    let options = options.set_max_width(usize::from(u16::MAX)).set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes), options);
    let data = decoder.decode().map_err(|error| failed(&error))?;
    Ok(Picture { data, ..*picture })
}
