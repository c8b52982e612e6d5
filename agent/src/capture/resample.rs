//! A piece of sound at another rate.
//!
//! rubato's FFT resampler picks its instructions by processor, so the last bits of live sound may differ between
//! boards. Reference sets don't come through here.

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

/// Input frames that rubato takes at once. Longer means a steeper filter.
const CHUNK: usize = 2048;
/// Seconds of sound on each side of a piece that its filter looks at, as a fraction of the rate.
const MARGIN_PER_SECOND: u32 = 100;

/// From one rate to another, mono.
pub struct Resampler {
    inner: Option<Fft<f32>>,
    from_hz: u32,
    to_hz: u32,
}

impl Resampler {
    /// A resampler; none is needed when the rates are equal.
    ///
    /// # Errors
    /// When rubato can't do it (a rate of 0).
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, rubato::ResamplerConstructionError> {
        let build = || {
            // rubato's delay is half a chunk: an even number of frames on both sides makes it a whole number.
            let unit = 2 * from_hz.checked_div(greatest_common_divisor(from_hz, to_hz)).unwrap_or(1) as usize;
            let (chunk, window) = (CHUNK.next_multiple_of(unit), WindowFunction::BlackmanHarris2);
            Fft::new_custom(from_hz as usize, to_hz as usize, chunk, 1, 1, window, FixedSync::Both)
        };
        let inner = (from_hz != to_hz).then(build).transpose()?;
        Ok(Self { inner, from_hz, to_hz })
    }

    /// How many frames more than its own a piece needs on each side. A whole number of frames at both rates, where
    /// the rates allow.
    #[must_use]
    pub fn margin(&self) -> usize {
        if self.inner.is_none() {
            return 0;
        }
        let wished = self.from_hz.div_ceil(MARGIN_PER_SECOND);
        let unit = self.from_hz / greatest_common_divisor(self.from_hz, self.to_hz);
        let whole = if unit <= self.from_hz / 10 { wished.div_ceil(unit) * unit } else { wished };
        whole as usize
    }

    /// `frames` frames at the new rate, of a piece with [`Self::margin`] on each side.
    ///
    /// # Errors
    /// When rubato refuses.
    pub fn resample(&mut self, piece: Vec<f32>, frames: usize) -> Result<Vec<f32>, rubato::ResampleError> {
        let margin = self.margin() as f64 * f64::from(self.to_hz) / f64::from(self.from_hz);
        let mut samples = match &mut self.inner {
            None => piece,
            Some(inner) => convert(inner, piece)?,
        };
        samples.drain(..(margin.round() as usize).min(samples.len()));
        samples.resize(frames, 0.0);
        Ok(samples)
    }
}

fn convert(inner: &mut Fft<f32>, piece: Vec<f32>) -> Result<Vec<f32>, rubato::ResampleError> {
    let (length, channels) = (piece.len(), [piece]);
    // One channel as long as we say it is: the adapter can't refuse, and silence stands in if it did.
    let Ok(input) = SequentialSliceOfVecs::new(&channels, 1, length) else { return Ok(Vec::new()) };
    Ok(inner.process_all(&input, length, None)?.take_data())
}

const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone at `from_hz` comes out as the same tone at `to_hz`, in place and in strength.
    fn worst_error(from_hz: u32, to_hz: u32, tone_hz: f64) -> f64 {
        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        let margin = resampler.margin();
        let tone = |time: f64| (std::f64::consts::TAU * tone_hz * time).sin();
        let time_in = |number: usize| (number as f64 - margin as f64) / f64::from(from_hz);
        let piece = (0..from_hz as usize + 2 * margin).map(|number| tone(time_in(number)) as f32).collect();
        let out = resampler.resample(piece, to_hz as usize).unwrap();
        assert_eq!(out.len(), to_hz as usize);
        let error =
            |(number, &sample): (usize, &f32)| (f64::from(sample) - tone(number as f64 / f64::from(to_hz))).abs();
        out.iter().enumerate().map(error).fold(0.0, f64::max)
    }

    #[test]
    fn a_tone_stays_where_and_what_it_is() {
        for from_hz in [8000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
            let error = worst_error(from_hz, 16_000, 440.0);
            assert!(error < 2e-3, "{from_hz} Hz: {error}");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_hold_is_gone() {
        let mut resampler = Resampler::new(48_000, 16_000).unwrap();
        let tone = |number: usize| (std::f64::consts::TAU * 11_000.0 * number as f64 / 48_000.0).sin() as f32;
        let piece = (0..48_000 + 2 * resampler.margin()).map(tone).collect();
        let loudest =
            resampler.resample(piece, 16_000).unwrap()[500..15_500].iter().fold(0f32, |top, s| top.max(s.abs()));
        assert!(loudest < 1e-3, "{loudest}");
    }
}
