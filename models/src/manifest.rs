//! `model.toml`: what a bundle says of itself. `docs/model-bundle.md` shows it to people.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The schema number that this program reads.
pub const SCHEMA: u32 = 1;

/// A variant's arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Quantized to 8-bit integers.
    Int8,
    /// 32-bit floats.
    Fp32,
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Int8 => "int8",
            Self::Fp32 => "fp32",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "int8" => Ok(Self::Int8),
            "fp32" => Ok(Self::Fp32),
            _ => Err(format!("`{word}` isn't a precision: int8 or fp32")),
        }
    }
}

/// What a window can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// Words.
    Text,
}

impl fmt::Display for Modality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Text => "text",
        })
    }
}

/// The whole manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Schema number: 1.
    pub schema: u32,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// What it does; `classification` is the only task that this version knows.
    pub task: String,
    /// The licence of the weights (SPDX).
    pub licence: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// The classes, in the order of the logits.
    pub labels: Vec<String>,
    /// The graphs, by their arithmetic.
    #[serde(rename = "variant")]
    pub variants: BTreeMap<Precision, Variant>,
    /// What goes in.
    #[serde(rename = "input")]
    pub inputs: Vec<Input>,
    /// What comes out.
    #[serde(rename = "output")]
    pub outputs: Vec<Output>,
}

/// One graph.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The ONNX file, beside the manifest.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Said again for readers of the file; must agree with the variant's key.
    pub precision: Option<Precision>,
}

/// One input of the graph.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "modality", rename_all = "lowercase")]
pub enum Input {
    /// A picture.
    Image(ImageInput),
    /// Sound.
    Audio(AudioInput),
}

impl Input {
    /// The graph's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Image(image) => &image.name,
            Self::Audio(audio) => &audio.name,
        }
    }
}

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

/// How sound becomes a tensor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioInput {
    /// The graph's name for it.
    pub name: String,
    /// Samples a second that the features are made of.
    pub sample_rate_hz: u32,
    /// Length of the sound.
    pub window_ms: u32,
    /// What is made of it.
    pub features: Features,
}

impl AudioInput {
    /// Samples in the window.
    #[must_use]
    pub const fn samples(&self) -> usize {
        (self.sample_rate_hz as u64 * self.window_ms as u64 / 1000) as usize
    }
}

/// What is made of the sound.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Features {
    /// The samples themselves, −1 to 1.
    Waveform {},
    /// A log-mel spectrogram.
    LogMel(LogMel),
}

/// A log-mel spectrogram as `librosa.feature.melspectrogram` makes it, and its logarithm.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogMel {
    /// The analysis window.
    #[serde(default)]
    pub window: WindowShape,
    /// Its length in samples…
    pub window_samples: Option<usize>,
    /// … or in milliseconds.
    pub window_ms: Option<f64>,
    /// Step in samples…
    pub hop_samples: Option<usize>,
    /// … or in milliseconds.
    pub hop_ms: Option<f64>,
    /// Length of the Fourier transform; the window sits in its middle.
    pub fft: usize,
    /// Mel bands.
    pub bands: usize,
    /// Lower edge of the lowest band.
    pub low_hz: f64,
    /// Upper edge of the highest band.
    pub high_hz: f64,
    /// The mel scale.
    #[serde(default)]
    pub mel_scale: MelScale,
    /// How bands are weighted.
    #[serde(default)]
    pub mel_norm: MelNorm,
    /// Exponent of the magnitude: 1 or 2.
    #[serde(default = "two")]
    pub power: f64,
    /// Whether frames are centred on their time (the sound is padded by half an `fft` on both sides).
    #[serde(default)]
    pub center: bool,
    /// What the padding is.
    #[serde(default)]
    pub pad_mode: PadMode,
    /// The logarithm.
    pub log: LogKind,
    /// Smaller values are raised to this before the logarithm.
    pub floor: f64,
    /// Order of the tensor's dimensions.
    pub axes: Axes,
}

fn two() -> f64 {
    2.0
}

/// The analysis window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowShape {
    /// Periodic Hann, as `scipy.signal.get_window("hann", n)`.
    #[default]
    Hann,
    /// Periodic Hamming.
    Hamming,
}

/// The mel scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelScale {
    /// Slaney's Auditory Toolbox (1998): linear below 1 kHz.
    #[default]
    Slaney,
    /// HTK: 2595 · log10(1 + f / 700).
    Htk,
}

/// How bands are weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelNorm {
    /// Each band's triangle has unit area in hertz.
    #[default]
    Slaney,
    /// Each band's triangle has height 1.
    None,
}

/// What sound is padded with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PadMode {
    /// Zeros.
    #[default]
    Constant,
    /// The sound mirrored at its edge.
    Reflect,
}

/// The logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    /// Natural.
    Ln,
    /// To base 10.
    Log10,
    /// Ten times that to base 10.
    Db,
}

/// Order of a feature tensor's dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axes {
    /// Time, then frequency.
    FramesBands,
    /// Frequency, then time.
    BandsFrames,
}

/// One output of the graph.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Output {
    /// One number a class, before softmax.
    Logits {
        /// The graph's name for it.
        name: String,
    },
    /// A modality's place in the shared space.
    Embedding {
        /// The graph's name for it.
        name: String,
        /// Whose.
        modality: Modality,
    },
    /// How much each modality counted: weights that add up to 1.
    Attention {
        /// The graph's name for it.
        name: String,
        /// Whose weights, in order.
        modalities: Vec<Modality>,
    },
}

impl Output {
    /// The graph's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Logits { name } | Self::Embedding { name, .. } | Self::Attention { name, .. } => name,
        }
    }
}
