//! From a picture to an image tensor: convert, fit, resize as Pillow does, normalise.

use crate::manifest::{ChannelOrder, Filter, Fit, ImageInput, Layout};
use crate::resize::Resizer;
use crate::window::{Channels, Picture};

/// Everything about an image input that can be known before a picture comes, and the memory to work in.
#[derive(Clone, Debug)]
pub struct ImagePlan {
    input: ImageInput,
    resizer: Option<Resizer>,
    /// `(byte × scale − mean) / std` for every byte of every channel.
    normalized: Vec<[f32; 256]>,
    cut: Vec<u8>,
    resized: Vec<u8>,
    padded: Vec<u8>,
}

impl ImagePlan {
    /// Plans for an input of a checked manifest.
    #[must_use]
    pub fn new(input: &ImageInput) -> Self {
        let channels = input.channels.count();
        let of_channel = |values: &[f64], channel: usize| values[channel.min(values.len() - 1)];
        let normalized = (0..channels)
            .map(|channel| {
                let (mean, std) = (of_channel(&input.mean, channel), of_channel(&input.std, channel));
                std::array::from_fn(|byte| ((byte as f64 * input.scale - mean) / std) as f32)
            })
            .collect();
        let (cut, resized, padded) = (Vec::new(), Vec::new(), Vec::new());
        Self { input: input.clone(), resizer: None, normalized, cut, resized, padded }
    }

    /// The tensor's values for a picture, `values` being as long as the input's shape multiplies to. A missing
    /// picture is black.
    ///
    /// # Errors
    /// When the picture has no pixels, or other than its size says.
    pub fn fill(&mut self, picture: Option<&Picture>, values: &mut [f32]) -> Result<(), PictureError> {
        match picture {
            Some(picture) => {
                self.fit(picture)?;
            }
            None => {
                self.padded.clear();
                self.padded.resize(self.input.width * self.input.height * self.input.channels.count(), 0);
            }
        }
        self.normalize(values);
        Ok(())
    }

    /// The picture in the input's size and channels, interleaved.
    ///
    /// # Errors
    /// When the picture has no pixels, or other than its size says.
    pub fn fit(&mut self, picture: &Picture) -> Result<&[u8], PictureError> {
        let bytes = picture.width.saturating_mul(picture.height).saturating_mul(picture.channels.count());
        if bytes == 0 || bytes != picture.data.len() {
            return Err(PictureError { width: picture.width, height: picture.height, bytes: picture.data.len() });
        }
        let part = Part::of((picture.width, picture.height), &self.input);
        part.cut(picture, self.input.channels, &mut self.cut);
        self.resize(&part);
        if (part.target_width, part.target_height) == (self.input.width, self.input.height) {
            std::mem::swap(&mut self.resized, &mut self.padded);
        } else {
            part.pad(&self.resized, &self.input, &mut self.padded);
        }
        Ok(&self.padded)
    }

    /// Where a point of a picture lies in the input, both from the upper left: from pixels of a picture of this width and height to shares of
    /// the input's. Outside 0 to 1 when it is cut away.
    #[must_use]
    pub fn place(&self, size: (usize, usize), (x, y): (f64, f64)) -> (f64, f64) {
        let part = Part::of(size, &self.input);
        let along = |point: f64, start: usize, length: usize, target: usize, whole: usize| {
            let border = (whole - target) as f64 / 2.0;
            ((point - start as f64) / length.max(1) as f64 * target as f64 + border) / whole.max(1) as f64
        };
        (
            along(x, part.left, part.width, part.target_width, self.input.width),
            along(y, part.top, part.height, part.target_height, self.input.height),
        )
    }

    fn resize(&mut self, part: &Part) {
        let (from, to) = ((part.width, part.height), (part.target_width, part.target_height));
        let resizer = match self.resizer.take().filter(|resizer| resizer.is_for(from, to)) {
            Some(resizer) => self.resizer.insert(resizer),
            None => self.resizer.insert(Resizer::new(from, to, self.input.filter)),
        };
        resizer.run(&self.cut, self.input.channels.count(), &mut self.resized);
    }

    /// Turns the fitted bytes into the tensor's values.
    fn normalize(&self, values: &mut [f32]) {
        let channels = self.normalized.len();
        let pixels = self.input.width * self.input.height;
        for (channel, normalized) in self.normalized.iter().enumerate() {
            let (start, step) = match self.input.layout {
                Layout::Nchw => (channel * pixels, 1),
                Layout::Nhwc => (channel, channels),
            };
            let bytes = self.padded[channel..].iter().step_by(channels);
            for (value, &byte) in values[start..].iter_mut().step_by(step).zip(bytes) {
                *value = normalized[usize::from(byte)];
            }
        }
    }
}

impl Picture {
    /// The picture at another size, each side at least 1: bilinear, as Pillow resizes.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let mut data = Vec::new();
        let mut resizer = Resizer::new((self.width, self.height), (width, height), Filter::Bilinear);
        resizer.run(&self.data, self.channels.count(), &mut data);
        Self { width, height, channels: self.channels, data }
    }
}

/// A picture whose bytes aren't what its size says.
#[derive(Debug, thiserror::Error)]
#[error("a picture of {width} × {height} pixels can't have {bytes} bytes")]
pub struct PictureError {
    width: usize,
    height: usize,
    bytes: usize,
}

/// Which part of a picture is used, and the size that it is brought to.
struct Part {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    target_width: usize,
    target_height: usize,
}

impl Part {
    fn of((width, height): (usize, usize), input: &ImageInput) -> Self {
        let whole = Self { left: 0, top: 0, width, height, target_width: input.width, target_height: input.height };
        match input.fit {
            Fit::Stretch => whole,
            Fit::Crop => {
                let cut_width = rounded(height * input.width, input.height).clamp(1, width);
                let cut_height = rounded(width * input.height, input.width).clamp(1, height);
                let (left, top) = ((width - cut_width) / 2, (height - cut_height) / 2);
                Self { left, top, width: cut_width, height: cut_height, ..whole }
            }
            Fit::Letterbox => {
                let target_width = rounded(width * input.height, height).clamp(1, input.width);
                let target_height = rounded(height * input.width, width).clamp(1, input.height);
                Self { target_width, target_height, ..whole }
            }
        }
    }

    /// The part's pixels in another channel order.
    fn cut(&self, picture: &Picture, order: ChannelOrder, cut: &mut Vec<u8>) {
        cut.clear();
        let count = picture.channels.count();
        for row in picture.data.chunks_exact(picture.width * count).skip(self.top).take(self.height) {
            let row = &row[self.left * count..(self.left + self.width) * count];
            append_converted(row, picture.channels, order, cut);
        }
    }

    fn pad(&self, bytes: &[u8], input: &ImageInput, padded: &mut Vec<u8>) {
        let channels = input.channels.count();
        padded.clear();
        padded.resize(input.width * input.height * channels, input.pad);
        let (left, top) = ((input.width - self.target_width) / 2, (input.height - self.target_height) / 2);
        for (y, row) in bytes.chunks_exact(self.target_width * channels).enumerate() {
            let start = ((top + y) * input.width + left) * channels;
            padded[start..start + row.len()].copy_from_slice(row);
        }
    }
}

const fn rounded(numerator: usize, denominator: usize) -> usize {
    (numerator + denominator / 2) / denominator
}

/// Appends pixels in another channel order. Luminance as Pillow's `convert("L")`: ITU-R 601-2 in 16 bits.
fn append_converted(pixels: &[u8], from: Channels, to: ChannelOrder, converted: &mut Vec<u8>) {
    match (from, to) {
        (Channels::Gray, ChannelOrder::Gray) | (Channels::Rgb, ChannelOrder::Rgb) => {
            converted.extend_from_slice(pixels);
        }
        (Channels::Gray, ChannelOrder::Rgb | ChannelOrder::Bgr) => {
            converted.extend(pixels.iter().flat_map(|&level| [level; 3]));
        }
        (Channels::Rgb, ChannelOrder::Bgr) => {
            converted.extend(pixels.as_chunks::<3>().0.iter().flat_map(|[red, green, blue]| [*blue, *green, *red]));
        }
        (Channels::Rgb, ChannelOrder::Gray) => converted.extend(pixels.as_chunks::<3>().0.iter().map(luminance)),
    }
}

fn luminance(pixel: &[u8; 3]) -> u8 {
    let [red, green, blue] = pixel.map(u32::from);
    // The weights add up to 65,536, so the sum is at most 255 after the shift.
    ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
}
