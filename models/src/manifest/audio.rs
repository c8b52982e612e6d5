//! What `model.toml` says of a sound.

use serde::Deserialize;

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
    /// Subtracted from the logarithm…
    #[serde(default)]
    pub mean: f64,
    /// … which is then divided by this.
    #[serde(default = "one")]
    pub std: f64,
    /// Order of the tensor's dimensions.
    pub axes: Axes,
}

fn one() -> f64 {
    1.0
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

impl LogMel {
    /// Samples in the analysis window.
    #[must_use]
    pub fn window_length(&self, sample_rate_hz: f64) -> usize {
        in_samples(self.window_samples, self.window_ms, sample_rate_hz)
    }

    /// Samples from one frame to the next.
    #[must_use]
    pub fn hop_length(&self, sample_rate_hz: f64) -> usize {
        in_samples(self.hop_samples, self.hop_ms, sample_rate_hz)
    }

    /// Dimensions of the features that so many samples make.
    #[must_use]
    pub fn shape(&self, samples: usize, sample_rate_hz: u32) -> [usize; 2] {
        let frames = self.frames(samples, f64::from(sample_rate_hz));
        match self.axes {
            Axes::FramesBands => [frames, self.bands],
            Axes::BandsFrames => [self.bands, frames],
        }
    }

    /// Frames that so many samples make.
    #[must_use]
    pub fn frames(&self, samples: usize, sample_rate_hz: f64) -> usize {
        let padded = if self.center { samples + self.fft / 2 * 2 } else { samples };
        padded.checked_sub(self.fft).map_or(0, |rest| rest / self.hop_length(sample_rate_hz).max(1) + 1)
    }
}

fn in_samples(samples: Option<usize>, milliseconds: Option<f64>, sample_rate_hz: f64) -> usize {
    samples.unwrap_or_else(|| milliseconds.map_or(0, |ms| (ms * sample_rate_hz / 1000.0).round() as usize))
}
