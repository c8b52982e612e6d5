//! What a model is asked about: one picture, one second of sound, one text, at the same time.

use crate::manifest::Modality;

/// How many values a pixel has, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One luminance value.
    Gray,
    /// Red, green, blue.
    Rgb,
}

impl Channels {
    /// Bytes per pixel.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// A decoded picture, 8 bits a channel, rows from the top, no padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// What the bytes of a pixel are.
    pub channels: Channels,
    /// `width * height * channels.count()` bytes.
    pub data: Vec<u8>,
}

/// A piece of mono sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Samples a second.
    pub sample_rate_hz: u32,
    /// Values in −1 to 1.
    pub samples: Vec<f32>,
}

/// What belongs to one moment. A live window and a sample of a reference set are this same type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// What the camera saw; `None` when there is no picture.
    pub image: Option<Picture>,
    /// What the microphone heard; `None` when there is no sound.
    pub audio: Option<Sound>,
    /// What was typed.
    pub text: Option<String>,
    /// What is asked for, of a model that can be asked for several things: `answer`, `caption`, …; `None` is its first.
    pub ask: Option<String>,
    /// What was said before, the oldest first.
    pub turns: Vec<Turn>,
}

impl Window {
    /// Takes a modality out of it: no picture, no sound, or nothing said.
    pub fn remove(&mut self, modality: Modality) {
        match modality {
            Modality::Image => self.image = None,
            Modality::Audio => self.audio = None,
            Modality::Text => (self.text, self.turns) = (None, Vec::new()),
        }
    }
}

/// A question of a dialogue, and what was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// What was asked.
    pub text: String,
    /// What was answered.
    pub answer: String,
}
