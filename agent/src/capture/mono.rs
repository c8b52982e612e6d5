//! Whatever a sound card delivers, as mono floating point. Allocates nothing: it runs inside the sound callback.

use cpal::{Data, FromSample, I24, Sample, SampleFormat, SizedSample, U24};

/// Whether samples of this format are understood. DSD, a stream of single bits, isn't.
#[must_use]
pub const fn is_understood(format: SampleFormat) -> bool {
    !matches!(format, SampleFormat::DsdU8 | SampleFormat::DsdU16 | SampleFormat::DsdU32)
}

/// Calls `each` with the mean over the channels of every sample frame, −1 to 1. False when the format isn't understood.
pub fn for_each_frame(data: &Data, channels: usize, each: impl FnMut(f32)) -> bool {
    match data.sample_format() {
        SampleFormat::I8 => mix::<i8>(data, channels, each),
        SampleFormat::I16 => mix::<i16>(data, channels, each),
        SampleFormat::I24 => mix::<I24>(data, channels, each),
        SampleFormat::I32 => mix::<i32>(data, channels, each),
        SampleFormat::I64 => mix::<i64>(data, channels, each),
        SampleFormat::U8 => mix::<u8>(data, channels, each),
        SampleFormat::U16 => mix::<u16>(data, channels, each),
        SampleFormat::U24 => mix::<U24>(data, channels, each),
        SampleFormat::U32 => mix::<u32>(data, channels, each),
        SampleFormat::U64 => mix::<u64>(data, channels, each),
        SampleFormat::F32 => mix::<f32>(data, channels, each),
        SampleFormat::F64 => mix::<f64>(data, channels, each),
        _ => false,
    }
}

fn mix<T>(data: &Data, channels: usize, each: impl FnMut(f32)) -> bool
where
    T: SizedSample,
    f32: FromSample<T>,
{
    data.as_slice::<T>().map(|samples| mix_samples(samples, channels, each)).is_some()
}

fn mix_samples<T>(samples: &[T], channels: usize, mut each: impl FnMut(f32))
where
    T: Sample,
    f32: FromSample<T>,
{
    let channels = channels.max(1);
    let scale = 1.0 / channels as f32;
    for frame in samples.chunks_exact(channels) {
        each(frame.iter().map(|&sample| f32::from_sample(sample)).sum::<f32>() * scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed<T: Sample>(samples: &[T], channels: usize) -> Vec<f32>
    where
        f32: FromSample<T>,
    {
        let mut out = Vec::new();
        mix_samples(samples, channels, |sample| out.push(sample));
        out
    }

    #[test]
    fn every_format_has_the_same_scale() {
        assert_eq!(mixed(&[i16::MIN, 0, 16384], 1), [-1.0, 0.0, 0.5]);
        assert_eq!(mixed(&[0u8, 128, 192], 1), [-1.0, 0.0, 0.5]);
        assert_eq!(mixed(&[i32::MIN, 0, 1 << 30], 1), [-1.0, 0.0, 0.5]);
        assert_eq!(mixed(&[I24::new_unchecked(-(1 << 23)), I24::new_unchecked(1 << 22)], 1), [-1.0, 0.5]);
        assert_eq!(mixed(&[0.25f64, -0.5], 1), [0.25, -0.5]);
    }

    #[test]
    fn channels_are_averaged_and_an_incomplete_frame_is_left_out() {
        assert_eq!(mixed(&[0.5f32, -0.5, 1.0, 0.0, 0.7], 2), [0.0, 0.5]);
    }
}
