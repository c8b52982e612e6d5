//! From a file's bytes to a picture or a sound. Sizes are bounded before anything is allocated.

use std::io::Cursor;

use edgeval_models::{Channels, Picture, Sound};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits};

/// No picture of a reference set is wider or higher than this.
const MAXIMUM_SIDE: u32 = 16_384;
/// No decoded picture takes more than this.
const MAXIMUM_PICTURE_BYTES: u64 = 256 << 20;
/// No sound is sampled more seldom, nor does any model take one: a filter between two rates grows with their ratio.
const MINIMUM_RATE_HZ: u32 = 1000;
/// No sound is sampled oftener: converters go to 768 kHz, and a filter between two rates grows with them.
const MAXIMUM_RATE_HZ: u32 = 768_000;
/// No sound has more samples than this: an hour at 48 kHz, all channels together.
const MAXIMUM_SAMPLES: u64 = 48_000 * 3600;

/// Decodes PNG or JPEG to grey or RGB.
pub(crate) fn picture(bytes: &[u8]) -> Result<Picture, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAXIMUM_SIDE);
    limits.max_image_height = Some(MAXIMUM_SIDE);
    limits.max_alloc = Some(MAXIMUM_PICTURE_BYTES);
    reader.limits(limits.clone());
    if reader.format() == Some(ImageFormat::Jpeg) && !jpeg_ends(bytes) {
        return Err("it has no end: it was cut short".to_owned());
    }
    let decoded = upright(reader, limits).map_err(|error| error.to_string())?;
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let (channels, data) = match decoded {
        DynamicImage::ImageLuma8(gray) => (Channels::Gray, gray.into_raw()),
        gray @ (DynamicImage::ImageLuma16(_) | DynamicImage::ImageLumaA8(_) | DynamicImage::ImageLumaA16(_)) => {
            (Channels::Gray, gray.into_luma8().into_raw())
        }
        other => (Channels::Rgb, other.into_rgb8().into_raw()),
    };
    Ok(Picture { width, height, channels, data })
}

/// A picture as its viewer sees it: telephones store how they were held.
fn upright(reader: ImageReader<Cursor<&[u8]>>, mut limits: Limits) -> ImageResult<DynamicImage> {
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Whether a JPEG has its end behind the segments before its first scan, one of which may hold a small picture with an end of its own. The decoder
/// fills up what is missing.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let mut place = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(place..place + 4) {
        if marker == 0xda {
            break;
        }
        place += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    bytes.get(place..).is_some_and(|scans| scans.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

/// Decodes WAV or FLAC to mono, the mean of its channels.
pub(crate) fn sound(bytes: &[u8]) -> Result<Sound, String> {
    if bytes.starts_with(b"fLaC") { flac(bytes) } else { wav(bytes) }
}

fn wav(bytes: &[u8]) -> Result<Sound, String> {
    let reader = hound::WavReader::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let format = reader.spec();
    check_container(bytes, format.bits_per_sample)?;
    bounded(u64::from(reader.len()))?;
    let samples: Result<Vec<f32>, hound::Error> = match format.sample_format {
        hound::SampleFormat::Float => reader.into_samples::<f32>().collect(),
        hound::SampleFormat::Int => {
            let full_scale = full_scale(format.bits_per_sample.into());
            reader.into_samples::<i32>().map(|sample| Ok(sample? as f32 / full_scale)).collect()
        }
    };
    let samples = samples.map_err(|error| error.to_string())?;
    mono(samples, usize::from(format.channels), format.sample_rate)
}

/// Samples of 24 bits in 32: the format puts them at the upper end, recorders at the lower, and nothing in the file tells which.
fn check_container(bytes: &[u8], bits: u16) -> Result<(), String> {
    let word = |place: usize| Some(u16::from_le_bytes(bytes.get(place..place + 2)?.try_into().ok()?));
    let format = bytes.windows(4).position(|name| name == b"fmt ").map(|place| place + 8);
    let read = format.and_then(|format| Some((word(format + 2)?, word(format + 12)?)));
    match read {
        Some((channels, frame_bytes)) if frame_bytes != channels.saturating_mul(bits.div_ceil(8)) => Err(format!(
            "it has samples of {bits} bits in {}, which recorders fill differently: write it anew with 16 or 24 bits",
            8 * frame_bytes / channels.max(1)
        )),
        _ => Ok(()),
    }
}

fn flac(bytes: &[u8]) -> Result<Sound, String> {
    let mut reader = claxon::FlacReader::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let format = reader.streaminfo();
    bounded(format.samples.unwrap_or(0).saturating_mul(format.channels.into()))?;
    let full_scale = full_scale(format.bits_per_sample);
    let promised = format.samples;
    // What a header promises is taken at its word as far as the file is long: silence alone takes less.
    let mut samples = Vec::with_capacity(promised.map_or(0, |count| bytes.len().min(count as usize)));
    let (mut blocks, mut buffer) = (reader.blocks(), Vec::new());
    while let Some(block) = blocks.read_next_or_eof(buffer).map_err(|error| error.to_string())? {
        let places = 0..block.duration();
        let frames = places.flat_map(|place| (0..block.channels()).map(move |channel| (channel, place)));
        samples.extend(frames.map(|(channel, place)| block.sample(channel, place) as f32 / full_scale));
        bounded(samples.len() as u64)?;
        buffer = block.into_buffer();
    }
    // A file cut between two blocks ends without an error of the decoder's.
    let frames = samples.len() as u64 / u64::from(format.channels.max(1));
    if let Some(promised) = promised.filter(|promised| *promised != frames) {
        return Err(format!("it has {frames} samples and promises {promised}: it was cut short"));
    }
    mono(samples, format.channels as usize, format.sample_rate)
}

fn full_scale(bits: u32) -> f32 {
    2.0_f32.powi(i32::try_from(bits.clamp(1, 32)).unwrap_or(32) - 1)
}

fn bounded(samples: u64) -> Result<(), String> {
    if samples > MAXIMUM_SAMPLES {
        return Err(format!("it has {samples} samples; at most {MAXIMUM_SAMPLES} are read"));
    }
    Ok(())
}

fn mono(samples: Vec<f32>, channels: usize, sample_rate_hz: u32) -> Result<Sound, String> {
    if channels == 0 || sample_rate_hz == 0 {
        return Err("it has no channels or no sample rate".to_owned());
    }
    if !(MINIMUM_RATE_HZ..=MAXIMUM_RATE_HZ).contains(&sample_rate_hz) {
        let rates = format!("from {MINIMUM_RATE_HZ} to {MAXIMUM_RATE_HZ} are read");
        return Err(format!("it has {sample_rate_hz} samples a second; {rates}"));
    }
    if samples.is_empty() {
        return Err("it has no samples".to_owned());
    }
    if samples.iter().any(|sample| !sample.is_finite()) {
        return Err("it has samples that aren't numbers (NaN or infinite)".to_owned());
    }
    let mean = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
    let samples = if channels == 1 { samples } else { samples.chunks_exact(channels).map(mean).collect() };
    Ok(Sound { sample_rate_hz, samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A WAV file of two samples, each in a container of so many bytes.
    fn wav_of(bits: u16, container: u16) -> Vec<u8> {
        let format = [1, 1, 8000, 0, 8000 * container, 0, container, bits].map(u16::to_le_bytes).concat();
        let data = vec![0; 2 * usize::from(container)];
        let chunk = |name: &[u8; 4], bytes: &[u8]| [name, &(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
        let body = [b"WAVE".to_vec(), chunk(b"fmt ", &format), chunk(b"data", &data)].concat();
        chunk(b"RIFF", &body)
    }

    /// A JPEG of 16 × 8 pixels, white on its left, that was held as EXIF's orientation says.
    fn jpeg(orientation: u8) -> Vec<u8> {
        let pixels: Vec<u8> = (0..16 * 8).map(|place| if place % 16 < 8 { 255 } else { 0 }).collect();
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
        let entry = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
        let exif = [b"Exif\0\0II*\0\x08\0\0\0\x01\0", &entry[..], &[0; 4]].concat();
        encoder.add_app_segment(1, exif).unwrap();
        encoder.encode(&pixels, 16, 8, jpeg_encoder::ColorType::Luma).unwrap();
        bytes
    }

    #[test]
    fn pictures_are_turned_as_viewers_do() {
        let as_stored = picture(&jpeg(1)).unwrap();
        assert_eq!((as_stored.width, as_stored.height, as_stored.data[0] > 200), (16, 8, true));
        let turned = picture(&jpeg(6)).unwrap();
        assert_eq!((turned.width, turned.height), (8, 16));
        assert!(turned.data[..8].iter().all(|&level| level > 200) && turned.data[8 * 15] < 50, "the left is above");
    }

    #[test]
    fn a_picture_that_is_too_large_is_refused_by_its_header() {
        let chunk = |name: &[u8; 4], bytes: &[u8]| {
            let named = [&name[..], bytes].concat();
            [&(bytes.len() as u32).to_be_bytes()[..], &named, &crc32fast::hash(&named).to_be_bytes()].concat()
        };
        let side = MAXIMUM_SIDE.to_be_bytes();
        // 8 bits, RGB.
        let header = [&side[..], &side, &[8, 2, 0, 0, 0]].concat();
        let png = [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &[0x78, 1])].concat();
        let error = picture(&png).unwrap_err();
        assert!(error.contains("limit"), "{error}");
    }

    #[test]
    fn a_jpeg_without_its_end_was_cut() {
        let whole = jpeg(1);
        for length in [whole.len() / 2, whole.len() - 2] {
            assert!(picture(&whole[..length]).is_err(), "{length}");
        }
        assert!(picture(&[&whole[..], b"and more"].concat()).is_ok());
    }

    #[test]
    fn samples_in_larger_containers_are_refused() {
        for (bits, container) in [(16, 2), (24, 3)] {
            assert_eq!(sound(&wav_of(bits, container)).unwrap().samples, [0.0; 2]);
        }
        let error = sound(&wav_of(24, 4)).unwrap_err();
        assert!(error.contains("24 bits in 32"), "{error}");
    }
}
