//! How a window becomes tensors, and what stands in for a window where there is none.

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::error::ModelError;
use crate::graph::Port;
use crate::image::ImagePlan;
use crate::manifest::{ChannelOrder, Features, Input, Modality, Output};
use crate::sound::SoundPlan;
use crate::tensor::{Tensor, Tensors};
use crate::text::{TextError, TextPlan};
use crate::window::{Channels, Picture, Sound, Window};

/// How one input is made.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Image(String, Box<ImagePlan>),
    Sound(String, Box<SoundPlan>),
    Text(Box<TextPlan>),
}

impl Plan {
    /// Plans for an input of a checked manifest; `directory` is the bundle's.
    ///
    /// # Errors
    /// When a tokenizer can't be used.
    pub fn new(input: &Input, directory: &Path) -> Result<Self, TextError> {
        Ok(match input {
            Input::Image(image) => Self::Image(image.name.clone(), Box::new(ImagePlan::new(image))),
            Input::Audio(audio) => Self::Sound(audio.name.clone(), Box::new(SoundPlan::new(audio))),
            Input::Text(text) => Self::Text(Box::new(TextPlan::new(text, directory)?)),
        })
    }

    /// What it is made of.
    pub const fn modality(&self) -> Modality {
        match self {
            Self::Image(..) => Modality::Image,
            Self::Sound(..) => Modality::Audio,
            Self::Text(_) => Modality::Text,
        }
    }

    /// Fills the tensors that are made of it.
    ///
    /// # Errors
    /// When the window can't be used.
    pub fn fill(&mut self, window: &Window, tensors: &mut Tensors) -> Result<(), ModelError> {
        match self {
            Self::Image(name, plan) => {
                let Some(tensor) = tensors.get_mut(name) else { return Ok(()) };
                Ok(plan.fill(window.image.as_ref(), &mut tensor.values)?)
            }
            Self::Sound(name, plan) => {
                let Some(tensor) = tensors.get_mut(name) else { return Ok(()) };
                Ok(plan.fill(window.audio.as_ref(), &mut tensor.values)?)
            }
            Self::Text(plan) => Ok(plan.fill(window, tensors)?),
        }
    }
}

/// Zeros of a port's shape.
pub(crate) fn zeros(port: &Port) -> Tensor {
    Tensor { name: port.name.clone(), shape: port.shape.clone(), values: vec![0.0; port.values()] }
}

/// Random tensors for ports: −1 to 1, and 0 or 1 where whole numbers are wanted, which are places of a table or a mask.
pub(crate) fn seeded_tensors(ports: &[Port], seed: u64) -> Tensors {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let fill = |port: &Port| {
        let mut tensor = zeros(port);
        tensor.values.iter_mut().for_each(|value| {
            *value =
                if port.is_discrete() { random.random_range(0..2_u8).into() } else { random.random_range(-1.0..1.0) }
        });
        tensor
    };
    ports.iter().map(fill).collect()
}

/// A window of noise that fits the inputs.
pub(crate) fn seeded_window<'a>(inputs: impl Iterator<Item = (&'a Input, &'a Plan)>, seed: u64) -> Window {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut window = Window::default();
    for (input, plan) in inputs {
        match (input, plan) {
            (Input::Image(image), _) => {
                let channels = if image.channels == ChannelOrder::Gray { Channels::Gray } else { Channels::Rgb };
                let data = (0..image.width * image.height * channels.count()).map(|_| random.random()).collect();
                window.image = Some(Picture { width: image.width, height: image.height, channels, data });
            }
            (Input::Audio(audio), _) => {
                let samples = (0..audio.samples()).map(|_| random.random_range(-0.1..0.1)).collect();
                window.audio = Some(Sound { sample_rate_hz: audio.sample_rate_hz, samples });
            }
            (Input::Text(_), Plan::Text(plan)) => window.text = plan.seeded_text(&mut random).ok(),
            (Input::Text(_), _) => {}
        }
    }
    window
}

/// What the input that makes this tensor is, in words.
pub(crate) fn meaning_of_input(input: &Input, tensor: &str) -> String {
    match input {
        Input::Image(image) => {
            format!("picture, {} × {} {:?}", image.width, image.height, image.channels).to_lowercase()
        }
        Input::Audio(audio) => {
            let kind = if matches!(audio.features, Features::LogMel(_)) { "log-mel" } else { "waveform" };
            format!("sound, {} ms at {} Hz, {kind}", audio.window_ms, audio.sample_rate_hz)
        }
        Input::Text(text) if text.mask.as_deref() == Some(tensor) => format!("where {} has tokens", text.name),
        Input::Text(text) if text.segments.as_deref() == Some(tensor) => format!("segments of {}", text.name),
        Input::Text(text) => format!("text, {} tokens", text.max_tokens),
    }
}

/// What an output is, in words.
pub(crate) fn meaning_of_output(output: &Output) -> String {
    match output {
        Output::Logits { .. } => "logits".to_owned(),
        Output::Embedding { modality, .. } => format!("embedding of {modality}"),
        Output::Attention { modalities, .. } => {
            let names: Vec<String> = modalities.iter().map(Modality::to_string).collect();
            format!("attention to {}", names.join(", "))
        }
        Output::State { .. } => "for the decoder".to_owned(),
    }
}
