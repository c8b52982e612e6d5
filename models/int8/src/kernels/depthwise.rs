//! Depthwise convolutions: every channel by itself, channels side by side.

#![allow(unsafe_code)]

use std::ops::Range;

use super::Kernels;
use super::convolution::Geometry;
use super::tile::{Finish, To};
use crate::graph::Convolution;
use crate::threads::Threads;

/// Channels that a kernel computes at once.
pub const CHANNELS: usize = 16;

/// The most elements of a window that the depthwise kernels take; larger ones are convolved in groups.
pub const MAXIMUM_TAPS: usize = 128;

/// One element of the window.
#[derive(Clone, Copy, Debug)]
pub struct Tap<'a> {
    /// The input from the first output pixel's element on; its channels come first.
    pub bytes: &'a [u8],
    /// From one output pixel's element to the next; 0 in the padding.
    pub step: usize,
}

/// A run of output pixels in one row.
pub struct Depthwise<'a> {
    /// The elements of the window.
    pub taps: &'a [Tap<'a>],
    /// How many output pixels.
    pub pixels: usize,
    /// For each block of channels, for each pair of taps, for each channel: both weights, their zero points taken off.
    pub weights: &'a [i16],
    /// What happens to the sums; its rows are the pixels, its columns the channels.
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
        let finish = self.block_finish(block);
        for pixel in 0..self.pixels {
            let mut sums = [0_i32; CHANNELS];
            for (at, tap) in self.taps.iter().enumerate() {
                let pair = &weights[at / 2 * 2 * CHANNELS..];
                let bytes = &tap.bytes[pixel * tap.step + block * CHANNELS..][..finish.columns];
                for (channel, byte) in bytes.iter().enumerate() {
                    let weight = i32::from(pair[2 * channel + at % 2]);
                    sums[channel] = sums[channel].wrapping_add(i32::from(*byte) * weight);
                }
            }
            // SAFETY: the caller's promise.
            unsafe { finish.store(pixel, &sums) };
        }
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
        let inner = self.inner_columns();
        threads.split(self.geometry.batch * height, 1, &|_, rows| {
            let nothing = Tap { bytes: padding, step: 0 };
            let mut taps = [nothing; MAXIMUM_TAPS];
            for row in rows {
                let edges = (0..inner.start).chain(inner.end..width).map(|column| column..column + 1);
                for columns in edges.chain([inner.clone()]).filter(|columns| !columns.is_empty()) {
                    let taps = self.taps([input, padding], row, columns.start, &mut taps);
                    let finish = self.finish(row * width + columns.start, bias, to);
                    let work = Depthwise { taps, pixels: columns.len(), weights: &self.weights, finish };
                    // SAFETY: `Kernels::available` saw that there are the instructions; rows are split among threads,
                    // so their pixels are this thread's alone.
                    unsafe { (self.kernels.depthwise)(&work) };
                }
            }
        });
    }

    /// The output columns whose windows don't touch the padding on the left and on the right.
    fn inner_columns(&self) -> Range<usize> {
        let Geometry { input_size: [_, length], output_size: [_, width], window, .. } = &self.geometry;
        let (stride, before) = (window.stride[1], window.pad_before[1]);
        let reach = (window.kernel[1] - 1) * window.dilation[1];
        let first = before.div_ceil(stride).min(*width);
        // The last window starts at `length + before − 1 − reach` at most, counted from the padding.
        let end = (length + before).checked_sub(reach + 1).map_or(0, |last| last / stride + 1).min(*width);
        first..end.max(first)
    }

    fn finish<'a>(&self, pixel: usize, bias: &'a [i32], to: To<'a>) -> Finish<'a> {
        let (pitch, columns) = (self.geometry.output_pitch, self.geometry.output_channels);
        Finish { bias, weight_zero_points: &[], row_sums: &[], to, start: pixel * pitch, pitch, columns }
    }

    /// The elements of the window at an output pixel.
    fn taps<'a, 'b>(
        &self,
        [input, padding]: [&'a [u8]; 2],
        row: usize,
        column: usize,
        taps: &'b mut [Tap<'a>],
    ) -> &'b [Tap<'a>] {
        let Geometry { output_size: [height, _], window, input_pitch, .. } = &self.geometry;
        let at = [row % height * window.stride[0], column * window.stride[1]];
        let [rows, columns] = window.kernel;
        for (tap, to) in taps.iter_mut().enumerate().take(rows * columns) {
            let place = [at[0] + tap / columns * window.dilation[0], at[1] + tap % columns * window.dilation[1]];
            *to = match self.geometry.pixel(row / height, place) {
                Some(start) => Tap { bytes: &input[start..], step: window.stride[1] * input_pitch },
                None => Tap { bytes: padding, step: 0 },
            };
        }
        &taps[..rows * columns]
    }
}
