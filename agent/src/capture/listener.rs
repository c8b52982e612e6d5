//! What was heard lately, cut into windows at the model's rate. Pure.

use edgeval_models::Sound;

use super::clock_fit::Line;
use super::microphone::Chunk;
use super::resample::Resampler;
use super::skew::LOUDNESS_NS;
use super::sound_history::SoundHistory;
use crate::clock::Moment;

/// A window of which less than this share was heard has no sound.
const LEAST_HEARD: f64 = 0.5;
/// How long sound is kept beyond a window and its grace period, in nanoseconds.
const SLACK_NS: i64 = 2_000_000_000;

/// Keeps the latest sound.
pub struct Listener {
    rate_hz: u32,
    window_ns: i64,
    kept_ns: i64,
    heard: Option<Heard>,
}

/// The sound of one epoch of the microphone.
struct Heard {
    epoch: u64,
    rate_hz: u32,
    history: SoundHistory,
    resampler: Resampler,
    timeline: Line,
    /// The number of the first sample whose loudness wasn't taken yet.
    measured: u64,
}

impl Listener {
    /// For a model that listens at `rate_hz` to windows of `window_ns`.
    #[must_use]
    pub const fn new(rate_hz: u32, window_ns: i64, grace_ms: u32) -> Self {
        let kept_ns = window_ns + grace_ms as i64 * 1_000_000 + SLACK_NS;
        Self { rate_hz, window_ns, kept_ns, heard: None }
    }

    /// Takes a piece of sound; `each` gets the loudness of every complete [`LOUDNESS_NS`] of it.
    pub fn hear(&mut self, chunk: &Chunk, each: impl FnMut(Moment, f32)) {
        if self.heard.as_ref().is_none_or(|heard| heard.epoch != chunk.epoch || heard.rate_hz != chunk.rate_hz) {
            self.heard = self.begin(chunk);
        }
        if let Some(heard) = &mut self.heard {
            heard.timeline = chunk.timeline;
            heard.history.push(chunk.first, &chunk.samples);
            heard.measure(each);
        }
    }

    fn begin(&self, chunk: &Chunk) -> Option<Heard> {
        let resampler = Resampler::new(chunk.rate_hz, self.rate_hz)
            .inspect_err(|error| tracing::error!("{} Hz can't be made {} Hz: {error}", chunk.rate_hz, self.rate_hz))
            .ok()?;
        let capacity = samples_in(self.kept_ns, chunk.rate_hz) + 2 * resampler.margin();
        Some(Heard {
            epoch: chunk.epoch,
            rate_hz: chunk.rate_hz,
            history: SoundHistory::new(capacity),
            resampler,
            timeline: chunk.timeline,
            measured: chunk.first,
        })
    }

    /// Up to when windows can have all of their sound.
    #[must_use]
    pub fn reaches(&self) -> Moment {
        self.heard.as_ref().map_or(Moment::from_nanoseconds(i64::MIN), |heard| {
            let usable = heard.history.end() as f64 - heard.resampler.margin() as f64;
            Moment::from_nanoseconds(heard.timeline.at(usable) as i64)
        })
    }

    /// The sound of the window that begins at `start`; silence where it has holes, none when it is mostly hole.
    pub fn piece(&mut self, start: Moment) -> Option<Sound> {
        let (rate_hz, window_ns) = (self.rate_hz, self.window_ns);
        let heard = self.heard.as_mut()?;
        let count = samples_in(window_ns, heard.rate_hz);
        let margin = heard.resampler.margin();
        let first = heard.timeline.inverse(start.nanoseconds() as f64).round() as i64;
        let whole = heard.history.piece(first, count);
        if (whole.missing as f64) > (1.0 - LEAST_HEARD) * count as f64 {
            return None;
        }
        let wide = heard.history.piece(first - margin as i64, count + 2 * margin).samples;
        let samples = heard
            .resampler
            .resample(wide, samples_in(window_ns, rate_hz))
            .inspect_err(|error| tracing::error!("sound can't be resampled: {error}"))
            .ok()?;
        Some(Sound { sample_rate_hz: rate_hz, samples })
    }
}

impl Heard {
    /// Takes the loudness of what hasn't been measured.
    fn measure(&mut self, mut each: impl FnMut(Moment, f32)) {
        let length = samples_in(LOUDNESS_NS, self.rate_hz).max(1);
        // After a hole longer than all that is kept, what is gone isn't measured.
        let kept = self.history.end().saturating_sub(samples_in(SLACK_NS, self.rate_hz) as u64);
        self.measured = self.measured.max(kept);
        while self.measured + length as u64 <= self.history.end() {
            let piece = self.history.piece(i64::try_from(self.measured).unwrap_or(i64::MAX), length);
            let power = piece.samples.iter().map(|sample| sample * sample).sum::<f32>() / length as f32;
            if piece.missing == 0 {
                each(Moment::from_nanoseconds(self.timeline.at(self.measured as f64) as i64), power.sqrt());
            }
            self.measured += length as u64;
        }
    }
}

/// How many samples of `rate_hz` there are in `nanoseconds`.
fn samples_in(nanoseconds: i64, rate_hz: u32) -> usize {
    (nanoseconds as f64 * f64::from(rate_hz) / 1e9).round() as usize
}
