//! What `model.toml` says of a picture.

use serde::Deserialize;

/// How a picture becomes a tensor: fitted, resized as Pillow does, then `(byte × scale − mean) / std`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    /// The graph's name for it.
    pub name: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Channels and their order.
    pub channels: ChannelOrder,
    /// Order of the tensor's dimensions.
    #[serde(default)]
    pub layout: Layout,
    /// What happens to a picture of another aspect ratio.
    #[serde(default)]
    pub fit: Fit,
    /// How it is resized.
    #[serde(default)]
    pub filter: Filter,
    /// Grey level, 0 to 255, of letterbox borders.
    #[serde(default)]
    pub pad: u8,
    /// Factor that bytes are multiplied with first.
    #[serde(default = "one_255th")]
    pub scale: f64,
    /// Subtracted then: one value, or one a channel.
    #[serde(default = "zero")]
    pub mean: Vec<f64>,
    /// Divided by at last: one value, or one a channel.
    #[serde(default = "one")]
    pub std: Vec<f64>,
}

fn one_255th() -> f64 {
    1.0 / 255.0
}

fn zero() -> Vec<f64> {
    vec![0.0]
}

fn one() -> Vec<f64> {
    vec![1.0]
}

/// Channels and their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Luminance (ITU-R 601-2, as Pillow's mode L).
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

impl ChannelOrder {
    /// How many.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb | Self::Bgr => 3,
        }
    }
}

/// Order of an image tensor's dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channel, row, column.
    #[default]
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
}

/// What happens to a picture of another aspect ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The largest centred part of the right ratio.
    #[default]
    Crop,
    /// All of it, with borders.
    Letterbox,
    /// All of it, distorted.
    Stretch,
}

/// How a picture is resized, as Pillow's `Image.resize` with the filter of the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// A triangle, widened when shrinking.
    #[default]
    Bilinear,
    /// Keys's cubic with a = −0.5, widened when shrinking.
    Bicubic,
}
