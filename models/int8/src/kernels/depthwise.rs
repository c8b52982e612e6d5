//! Depthwise convolutions: every channel by itself, channels side by side.

#![allow(unsafe_code)]

use super::Kernels;
use super::convolution::Geometry;
use super::tile::{Finish, To};
use crate::graph::Convolution;
use crate::threads::Threads;

/// Channels that a kernel computes at once.
pub const CHANNELS: usize = 16;

/// The most elements of a window that the depthwise kernels take; larger ones are convolved in groups.
pub const MAXIMUM_TAPS: usize = 128;

/// One pixel's work.
pub struct Depthwise<'a> {
    /// The pixels under the window, each with its channels.
    pub taps: &'a [&'a [u8]],
    /// For each block of channels, for each pair of taps, for each channel: both weights, their zero points taken off.
    pub weights: &'a [i16],
    /// What happens to the sums; its columns are the channels.
    pub finish: Finish<'a>,
}

impl Depthwise<'_> {
    /// Blocks of channels, the last of them perhaps not whole.
    pub fn blocks(&self) -> usize {
        self.finish.columns.div_ceil(CHANNELS)
    }

    /// The weights of one block.
    pub fn block_weights(&self, block: usize) -> &[i16] {
        let length = pairs(self.taps.len()) * 2 * CHANNELS;
        &self.weights[block * length..(block + 1) * length]
    }

    /// Computes one block the plain way.
    ///
    /// # Safety
    /// The block's results must be the caller's alone.
    pub unsafe fn plain_block(&self, block: usize) {
        let weights = self.block_weights(block);
        let mut sums = [0_i32; CHANNELS];
        for (tap, pixel) in self.taps.iter().enumerate() {
            let pair = &weights[tap / 2 * 2 * CHANNELS..];
            for (channel, byte) in pixel[block * CHANNELS..].iter().take(CHANNELS).enumerate() {
                let weight = i32::from(pair[2 * channel + tap % 2]);
                sums[channel] = sums[channel].wrapping_add(i32::from(*byte) * weight);
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.block_finish(block).store(0, &sums) };
    }

    /// What happens to the sums of one block.
    #[inline(always)]
    pub fn block_finish(&self, block: usize) -> Finish<'_> {
        let Finish { bias, to, start, pitch, columns, .. } = &self.finish;
        let first = block * CHANNELS;
        let to = match *to {
            To::Bytes { multipliers, zero_point, bounds, output } => {
                To::Bytes { multipliers: &multipliers[first..], zero_point, bounds, output }
            }
            sums @ To::Sums(_) => sums,
        };
        Finish {
            bias: &bias[first..],
            weight_zero_points: &[],
            row_sums: &[],
            to,
            start: start + first,
            pitch: *pitch,
            columns: (columns - first).min(CHANNELS),
        }
    }
}

const fn pairs(taps: usize) -> usize {
    taps.div_ceil(2)
}

/// A depthwise convolution, packed.
#[derive(Clone, Debug)]
pub struct DepthwiseConvolution {
    kernels: &'static Kernels,
    geometry: Geometry,
    weights: Vec<i16>,
}

impl DepthwiseConvolution {
    /// Whether a convolution is one of these.
    pub fn is(geometry: &Geometry) -> bool {
        let taps = geometry.window.kernel[0] * geometry.window.kernel[1];
        let each = geometry.groups == geometry.input_channels && geometry.output_channels == geometry.groups;
        each && geometry.groups > 1 && taps <= MAXIMUM_TAPS
    }

    /// Packs the weights, their zero points taken off.
    pub fn new(kernels: &'static Kernels, geometry: Geometry, convolution: &Convolution) -> Self {
        let taps = geometry.window.kernel[0] * geometry.window.kernel[1];
        let blocks = geometry.output_channels.div_ceil(CHANNELS);
        let mut weights = vec![0; blocks * pairs(taps) * 2 * CHANNELS];
        for channel in 0..geometry.output_channels {
            let zero_point = convolution.weight_zero_points.get(channel).copied().unwrap_or(0);
            let block = channel / CHANNELS * pairs(taps);
            for tap in 0..taps {
                let place = ((block + tap / 2) * CHANNELS + channel % CHANNELS) * 2 + tap % 2;
                weights[place] = i16::from(convolution.weights[channel * taps + tap]) - i16::from(zero_point);
            }
        }
        Self { kernels, geometry, weights }
    }

    /// Convolves. `padding` is a pixel of the input's zero point; `bias` is filled up to whole blocks.
    pub fn run(&self, [input, padding]: [&[u8]; 2], bias: &[i32], to: To<'_>, threads: &Threads) {
        let [height, width] = self.geometry.output_size;
        threads.split(self.geometry.batch * height, 1, &|_, rows| {
            let mut taps: [&[u8]; MAXIMUM_TAPS] = [padding; MAXIMUM_TAPS];
            for pixel in rows.start * width..rows.end * width {
                let count = self.taps([input, padding], pixel, &mut taps);
                let work =
                    Depthwise { taps: &taps[..count], weights: &self.weights, finish: self.finish(pixel, bias, to) };
                // SAFETY: `Kernels::available` saw that there are the instructions; rows are split among threads, so a
                // pixel is this thread's alone.
                unsafe { (self.kernels.depthwise)(&work) };
            }
        });
    }

    fn finish<'a>(&self, pixel: usize, bias: &'a [i32], to: To<'a>) -> Finish<'a> {
        let (start, columns) = (pixel * self.geometry.output_pitch, self.geometry.output_channels);
        Finish { bias, weight_zero_points: &[], row_sums: &[], to, start, pitch: 0, columns }
    }

    /// The pixels under the window for an output pixel.
    fn taps<'a>(&self, [input, padding]: [&'a [u8]; 2], pixel: usize, taps: &mut [&'a [u8]]) -> usize {
        let Geometry { output_size: [height, width], window, input_channels, .. } = &self.geometry;
        let picture = pixel / (height * width);
        let at = [pixel / width % height * window.stride[0], pixel % width * window.stride[1]];
        let mut count = 0;
        for row in 0..window.kernel[0] {
            for column in 0..window.kernel[1] {
                let place = [at[0] + row * window.dilation[0], at[1] + column * window.dilation[1]];
                let inside = self.geometry.pixel(picture, place);
                taps[count] = inside.map_or(padding, |place| &input[place..place + input_channels]);
                count += 1;
            }
        }
        count
    }
}
