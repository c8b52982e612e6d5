//! Depthwise convolutions: every channel by itself, channels side by side.

#![allow(unsafe_code)]

use super::Kernels;
use super::convolution::Geometry;
use super::gather::Gather;
use super::tile::{Finish, To};
use crate::graph::{Convolution, Window};
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
    /// From one output pixel's element to the next.
    pub step: usize,
}

/// A run of output pixels in one row.
#[allow(dead_code, reason = "each instruction set reads what it needs")]
pub struct Depthwise<'a> {
    /// The elements of the window.
    pub taps: &'a [Tap<'a>],
    /// How many output pixels.
    pub pixels: usize,
    /// For each block of channels, for each pair of taps, for each channel: both weights, their zero points taken off.
    pub weights: &'a [i16],
    /// Empty, or in place of the weights: for each block, for each column of the window, for each channel: the column's
    /// three weights and a zero.
    pub columns: &'a [i8],
    /// Whether a pixel's second and third column are the next one's first and second.
    pub overlap: bool,
    /// How neighbouring pixels share columns of the window, where the kernel asks for it.
    pub sharing: Option<Sharing>,
    /// What happens to the sums; its rows are the pixels, its columns the channels.
    pub finish: Finish<'a>,
}

/// Neighbouring pixels see the same columns of the input. Taps stand column by column then, each column filled up to
/// whole pairs by its last element with a weight of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// A pixel's column of this number is the next pixel's first.
    pub shift: usize,
}

impl Sharing {
    /// The windows that kernels know.
    fn of(kernels: &Kernels, window: &Window) -> Option<Self> {
        let Window { kernel, stride, dilation, .. } = *window;
        let shift = stride[1] / dilation[1];
        let known = matches!((kernel, shift), ([3, 3] | [5, 5], 1 | 2)) && stride[1].is_multiple_of(dilation[1]);
        (kernels.shares_columns && known).then_some(Self { kernel, shift })
    }
}

/// The elements of a window in the order in which kernels take them: row and column; twice, if the second counts nothing.
fn order(kernel: [usize; 2], sharing: Option<Sharing>) -> impl Iterator<Item = [usize; 2]> {
    let [rows, columns] = kernel;
    let filled = if sharing.is_some() { rows.next_multiple_of(2) } else { rows };
    (0..filled * columns).map(move |tap| match sharing {
        None => [tap / columns, tap % columns],
        Some(_) => [(tap % filled).min(rows - 1), tap / filled],
    })
}

impl Depthwise<'_> {
    /// Blocks of channels. The last one may overlap the one before: those channels are computed twice.
    pub fn blocks(&self) -> usize {
        self.finish.columns.div_ceil(CHANNELS)
    }

    /// Blocks that have all their channels: all, or none where there are too few channels for one.
    pub fn whole_blocks(&self) -> usize {
        if self.finish.columns < CHANNELS { 0 } else { self.blocks() }
    }

    /// The first channel of a block.
    pub fn first_channel(&self, block: usize) -> usize {
        first_channel(block, self.finish.columns)
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
                let bytes = &tap.bytes[pixel * tap.step + self.first_channel(block)..][..finish.columns];
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
        let first = self.first_channel(block);
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

/// The first channel of a block.
fn first_channel(block: usize, channels: usize) -> usize {
    (block * CHANNELS).min(channels.saturating_sub(CHANNELS))
}

/// All blocks with their channels, of which each has its place in the block.
fn channels_of_blocks(channels: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..channels.div_ceil(CHANNELS)).flat_map(move |block| {
        let first = first_channel(block, channels);
        (first..channels.min(first + CHANNELS)).map(move |channel| (block, channel - first, channel))
    })
}

const fn pairs(taps: usize) -> usize {
    taps.div_ceil(2)
}

/// A depthwise convolution, packed.
#[derive(Clone, Debug)]
pub struct DepthwiseConvolution {
    kernels: &'static Kernels,
    geometry: Geometry,
    sharing: Option<Sharing>,
    weights: Vec<i16>,
    columns: Vec<i8>,
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
        if by_columns(kernels, &geometry, convolution) {
            let columns = pack_columns(&geometry, &convolution.weights);
            return Self { kernels, geometry, sharing: None, weights: Vec::new(), columns };
        }
        let [rows, columns] = geometry.window.kernel;
        let sharing = Sharing::of(kernels, &geometry.window);
        let taps: Vec<[usize; 2]> = order([rows, columns], sharing).collect();
        let blocks = geometry.output_channels.div_ceil(CHANNELS);
        let mut weights = vec![0; blocks * pairs(taps.len()) * 2 * CHANNELS];
        for (block, lane, channel) in channels_of_blocks(geometry.output_channels) {
            let zero_point = convolution.weight_zero_points.get(channel).copied().unwrap_or(0);
            let block = block * pairs(taps.len());
            for (at, [row, column]) in taps.iter().enumerate() {
                if at > 0 && taps[at - 1] == [*row, *column] {
                    continue;
                }
                let place = ((block + at / 2) * CHANNELS + lane) * 2 + at % 2;
                let weight = convolution.weights[(channel * rows + row) * columns + column];
                weights[place] = i16::from(weight) - i16::from(zero_point);
            }
        }
        Self { kernels, geometry, sharing, weights, columns: Vec::new() }
    }

    /// What the kernel takes off every byte before it multiplies it.
    pub fn taken(&self) -> i32 {
        if self.columns.is_empty() { 0 } else { 128 }
    }

    /// Scratch memory that it needs: room for the padded input.
    pub fn scratch_bytes(&self) -> usize {
        let padded = self.padded();
        if self.is_padded() {
            padded.batch * padded.input_size[0] * padded.input_size[1] * padded.input_pitch
        } else {
            0
        }
    }

    /// Convolves. `bias` is filled up to whole blocks.
    pub fn run(&self, gather: Gather<'_>, bias: &[i32], to: To<'_>, scratch: &mut [u8], threads: &Threads) {
        let geometry = self.padded();
        let input = if self.is_padded() { self.pad(gather, scratch, threads) } else { gather.input };
        let [height, width] = geometry.output_size;
        let overlap = geometry.window.stride[1] == geometry.window.dilation[1];
        threads.split(geometry.batch * height, 1, &|_, rows| {
            let mut taps = [Tap { bytes: &[], step: 0 }; MAXIMUM_TAPS];
            for row in rows {
                let taps = taps_of_row(&geometry, self.sharing, input, row, &mut taps);
                let (start, pitch) = (row * width * geometry.output_pitch, geometry.output_pitch);
                let columns = geometry.output_channels;
                let finish = Finish { bias, weight_zero_points: &[], row_sums: &[], to, start, pitch, columns };
                let (weights, columns) = (&self.weights[..], &self.columns[..]);
                let (pixels, sharing) = (width, self.sharing);
                let work = Depthwise { taps, pixels, weights, columns, overlap, sharing, finish };
                // SAFETY: `Kernels::available` saw that there are the instructions; rows are split among threads, so
                // their pixels are this thread's alone.
                unsafe { (self.kernels.depthwise)(&work) };
            }
        });
    }

    fn is_padded(&self) -> bool {
        let window = &self.geometry.window;
        window.pad_before != [0, 0] || window.pad_after != [0, 0]
    }

    /// The same convolution over an input that holds its padding.
    fn padded(&self) -> Geometry {
        let Geometry { input_size, window, input_channels, .. } = self.geometry;
        if !self.is_padded() {
            return self.geometry;
        }
        let along = |axis: usize| input_size[axis] + window.pad_before[axis] + window.pad_after[axis];
        let window = Window { pad_before: [0, 0], pad_after: [0, 0], ..window };
        Geometry { input_size: [along(0), along(1)], window, input_pitch: input_channels, ..self.geometry }
    }

    /// Copies the input into the middle of padding: a small part of the work, and then no window is a special case.
    fn pad<'a>(&self, gather: Gather<'_>, scratch: &'a mut [u8], threads: &Threads) -> &'a [u8] {
        let (Geometry { input_size: [height, width], window, .. }, padded) = (self.geometry, self.padded());
        let (channels, pitch) = (self.geometry.input_channels, self.geometry.input_pitch);
        let line = padded.input_size[1] * channels;
        let scratch = &mut scratch[..self.scratch_bytes()];
        threads.split_slice(scratch, line, &|start, lines| {
            for (at, cells) in (start / line..).zip(lines.chunks_exact_mut(line)) {
                cells.fill(gather.zero_point);
                let (picture, row) = (at / padded.input_size[0], at % padded.input_size[0]);
                let Some(row) = row.checked_sub(window.pad_before[0]).filter(|row| *row < height) else { continue };
                let from = &gather.input[(picture * height + row) * width * pitch..];
                let inside = &mut cells[window.pad_before[1] * channels..][..width * channels];
                copy_pixels(from, pitch, inside, channels);
            }
        });
        scratch
    }
}

/// Whether a kernel takes whole columns of this convolution's windows.
fn by_columns(kernels: &Kernels, geometry: &Geometry, convolution: &Convolution) -> bool {
    let whole = geometry.window.kernel == [3, 3] && geometry.output_channels >= CHANNELS;
    kernels.by_columns && whole && convolution.weight_zero_points.iter().all(|zero_point| *zero_point == 0)
}

fn pack_columns(geometry: &Geometry, weights: &[i8]) -> Vec<i8> {
    let mut columns = vec![0; geometry.output_channels.next_multiple_of(CHANNELS) * 3 * 4];
    for (block, lane, channel) in channels_of_blocks(geometry.output_channels) {
        for (tap, weight) in weights[channel * 9..(channel + 1) * 9].iter().enumerate() {
            let column = block * 3 + tap % 3;
            columns[(column * CHANNELS + lane) * 4 + tap / 3] = *weight;
        }
    }
    columns
}

/// Copies pixels that lie `pitch` apart side by side.
fn copy_pixels(from: &[u8], pitch: usize, to: &mut [u8], channels: usize) {
    if pitch == channels {
        return to.copy_from_slice(&from[..to.len()]);
    }
    for (from, to) in from.chunks(pitch).zip(to.chunks_exact_mut(channels)) {
        to.copy_from_slice(&from[..channels]);
    }
}

/// The elements of the window at the first pixel of an output row.
fn taps_of_row<'a, 'b>(
    geometry: &Geometry,
    sharing: Option<Sharing>,
    input: &'a [u8],
    row: usize,
    taps: &'b mut [Tap<'a>],
) -> &'b [Tap<'a>] {
    let Geometry { input_size: [height, width], output_size, window, input_pitch, .. } = geometry;
    let (picture, row) = (row / output_size[0], row % output_size[0] * window.stride[0]);
    let mut count = 0;
    for ([down, right], to) in order(window.kernel, sharing).zip(taps.iter_mut()) {
        let (down, right) = (down * window.dilation[0], right * window.dilation[1]);
        let start = ((picture * height + row + down) * width + right) * input_pitch;
        *to = Tap { bytes: &input[start..], step: window.stride[1] * input_pitch };
        count += 1;
    }
    &taps[..count]
}
