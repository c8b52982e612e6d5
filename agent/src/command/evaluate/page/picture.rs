//! Pictures and sounds of the set as the page holds them: small PNGs inside of it.

use std::io::Cursor;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use edgeval_models::{Channels, Picture, Plane, Tensors};
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};

/// No picture on the page is wider or higher, in pixels.
const LARGEST: u32 = 256;
/// Points of a waveform.
const POINTS: usize = 400;

/// A picture as an address that holds it.
///
/// # Errors
/// When it can't be written as PNG.
pub(super) fn data_uri(picture: &DynamicImage) -> anyhow::Result<String> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).context("a picture of the page can't be written")?;
    Ok(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes.into_inner())))
}

/// A picture of the set in its own colours.
///
/// # Errors
/// When its bytes aren't what its size says.
pub(super) fn of_set(picture: &Picture) -> anyhow::Result<DynamicImage> {
    let (width, height) = (u32::try_from(picture.width)?, u32::try_from(picture.height)?);
    let data = picture.data.clone();
    let image = match picture.channels {
        Channels::Gray => GrayImage::from_raw(width, height, data).map(DynamicImage::ImageLuma8),
        Channels::Rgb => RgbImage::from_raw(width, height, data).map(DynamicImage::ImageRgb8),
    };
    Ok(bounded(image.context("a picture has other bytes than its size says")?))
}

/// What the model is given of a sound: time from the left, frequency from below, louder is lighter.
///
/// # Errors
/// When there is more than a picture can hold.
pub(super) fn spectrogram(plane: &Plane, tensors: &Tensors) -> anyhow::Result<DynamicImage> {
    let values = plane.values(tensors);
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let shade = |value: f32| ((value - low) / (high - low).max(f32::MIN_POSITIVE) * 255.0) as u8;
    let rows: Vec<&[f32]> = values.chunks_exact(plane.columns().max(1)).collect();
    let pixels = rows.into_iter().rev().flatten().map(|value| shade(*value)).collect();
    let (width, height) = (u32::try_from(plane.columns())?, u32::try_from(plane.rows())?);
    let image = GrayImage::from_raw(width, height, pixels).context("the model takes no sound")?;
    Ok(bounded(DynamicImage::ImageLuma8(image)))
}

/// The highest and the lowest values of a waveform, along its time: places from 0 to 1, values as they are.
pub(super) fn envelope(plane: &Plane, tensors: &Tensors) -> Vec<(f64, f32, f32)> {
    let values = plane.values(tensors);
    let length = values.len().div_ceil(POINTS).max(1);
    let count = values.len().div_ceil(length).max(1) as f64;
    let of = |(place, part): (usize, &[f32])| {
        let (low, high) =
            part.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
        ((place as f64 + 0.5) / count, low, high)
    };
    values.chunks(length).enumerate().map(of).collect()
}

fn bounded(image: DynamicImage) -> DynamicImage {
    let is_large = image.width() > LARGEST || image.height() > LARGEST;
    if is_large { image.thumbnail(LARGEST, LARGEST) } else { image }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_are_made_small_and_wrong_ones_refused() {
        let picture = Picture { width: 1000, height: 500, channels: Channels::Rgb, data: vec![9; 1_500_000] };
        let small = of_set(&picture).unwrap();
        assert_eq!((small.width(), small.height()), (256, 128));
        assert!(data_uri(&small).unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"));
        assert!(of_set(&Picture { data: vec![9], ..picture }).is_err());
    }
}
