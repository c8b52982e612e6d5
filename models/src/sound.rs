//! Sound at another rate, and from sound to an audio tensor.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::log_mel::LogMelPlan;
use crate::manifest::{AudioInput, Features};
use crate::window::Sound;

/// Frames that the resampler takes at a time, at least.
const RESAMPLER_CHUNK: usize = 1024;

/// Why sound can't be brought to another rate.
#[derive(Debug, thiserror::Error)]
#[error("sound at {from_hz} Hz can't be brought to {to_hz} Hz: {reason}")]
pub struct ResampleError {
    from_hz: u32,
    to_hz: u32,
    reason: String,
}

impl Sound {
    /// The same sound at another rate, band-limited, without delay, `ceil(length × to / from)` samples long.
    ///
    /// The library below picks vector instructions at run time: the last bits may differ between processors.
    ///
    /// # Errors
    /// When a rate is one that the resampler can't do (0, for one).
    pub fn resampled(&self, to_hz: u32) -> Result<Self, ResampleError> {
        let from_hz = self.sample_rate_hz;
        if from_hz == to_hz || self.samples.is_empty() {
            return Ok(Self { sample_rate_hz: to_hz, samples: self.samples.clone() });
        }
        let failed = |reason: String| ResampleError { from_hz, to_hz, reason };
        let mut resampler =
            Fft::<f32>::new(from_hz as usize, to_hz as usize, chunk(from_hz, to_hz), 1, FixedSync::Both)
                .map_err(|error| failed(error.to_string()))?;
        let length = self.samples.len();
        let input = SequentialSlice::new(&self.samples, 1, length).map_err(|error| failed(error.to_string()))?;
        let output = resampler.process_all(&input, length, None).map_err(|error| failed(error.to_string()))?;
        Ok(Self { sample_rate_hz: to_hz, samples: output.take_data() })
    }
}

/// Frames for the resampler. Its delay is half of them: an even number of periods makes that a whole number on both
/// sides, so that no part of a sample's time is left over.
fn chunk(from_hz: u32, to_hz: u32) -> usize {
    let period = (from_hz / greatest_common_divisor(from_hz, to_hz).max(1)).max(1) as usize;
    period * RESAMPLER_CHUNK.div_ceil(period).next_multiple_of(2)
}

const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Everything about an audio input that can be known before a sound comes.
#[derive(Clone, Debug)]
pub struct SoundPlan {
    sample_rate_hz: u32,
    length: usize,
    log_mel: Option<LogMelPlan>,
    /// The sound at the input's rate and length.
    samples: Vec<f32>,
}

impl SoundPlan {
    /// Plans for an input of a checked manifest.
    #[must_use]
    pub fn new(input: &AudioInput) -> Self {
        let log_mel = match &input.features {
            Features::Waveform {} => None,
            Features::LogMel(options) => Some(LogMelPlan::new(options, input.sample_rate_hz)),
        };
        Self { sample_rate_hz: input.sample_rate_hz, length: input.samples(), log_mel, samples: Vec::new() }
    }

    /// The tensor's values for a sound: brought to the input's rate, cut or filled up with silence at its end.
    ///
    /// # Errors
    /// When the sound's rate can't be changed.
    pub fn fill(&mut self, sound: Option<&Sound>, values: &mut [f32]) -> Result<(), ResampleError> {
        self.samples.clear();
        match sound {
            Some(sound) if sound.sample_rate_hz == self.sample_rate_hz => {
                self.samples.extend_from_slice(&sound.samples)
            }
            Some(sound) => self.samples.append(&mut sound.resampled(self.sample_rate_hz)?.samples),
            None => {}
        }
        self.samples.resize(self.length, 0.0);
        match &mut self.log_mel {
            Some(plan) => plan.fill(&self.samples, values),
            None => values.copy_from_slice(&self.samples),
        }
        Ok(())
    }
}
