//! Depthwise convolutions of 3 × 3 windows: one instruction multiplies and adds a column of the window.
//!
//! A column's three rows are interleaved, with a fourth of nothing, so that the bytes of each channel stand together.
//! Where neighbouring windows overlap, each column is interleaved once for the three pixels that see it.

use std::arch::aarch64::*;

use super::VECTORS;
use super::finish::{Scale, finish_tile};
use super::instructions::dot_all;
use crate::kernels::access::from;
use crate::kernels::depthwise::{CHANNELS, Depthwise};
use crate::kernels::tile::{Finish, To};

/// Sixteen channels of a column: three bytes of each, less 128, and one that means nothing.
type Column = [int8x16_t; VECTORS];

/// # Safety
/// The processor has dotprod; the pixels' results are the caller's alone.
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn depthwise(work: &Depthwise<'_>) {
    if work.columns.is_empty() {
        // SAFETY: the caller's promise.
        return unsafe { super::depthwise::depthwise(work) };
    }
    for block in 0..work.blocks() {
        // SAFETY: columns are packed for whole blocks only.
        unsafe { depthwise_block(work, block) };
    }
}

/// # Safety
/// As [`depthwise`]; all of the block's channels exist.
#[target_feature(enable = "neon,dotprod")]
unsafe fn depthwise_block(work: &Depthwise<'_>, block: usize) {
    let finish = work.block_finish(block);
    // SAFETY: there are as many biases as channels, and the caller's promises.
    unsafe {
        let bias = [0, 4, 8, 12].map(|channel| vld1q_s32(from(finish.bias, channel, 4)));
        let mut taps = [&[][..]; 9];
        for (to, tap) in taps.iter_mut().zip(work.taps) {
            *to = &tap.bytes[work.first_channel(block)..];
        }
        let Depthwise { pixels, overlap, .. } = *work;
        let sums = Sums { taps, step: work.taps[0].step, pixels, overlap, bias, weights: block_weights(work, block) };
        match &finish.to {
            To::Bytes { multipliers, zero_point, bounds, output } => {
                let scale = Scale::new(multipliers, *zero_point, *bounds);
                let output = output.rows(finish.start, CHANNELS, work.pixels, finish.pitch);
                sums.of_all_pixels(|pixel, sums| vst1q_u8(output.add(pixel * finish.pitch), scale.bytes(&sums)));
            }
            To::Sums(_) => sums.of_all_pixels(|pixel, sums| {
                let start = finish.start + pixel * finish.pitch;
                finish_tile(&Finish { start, ..finish.of_rows_from(0) }, &[sums]);
            }),
        }
    }
}

/// # Safety
/// There are columns, and the block exists.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn block_weights(work: &Depthwise<'_>, block: usize) -> [Column; 3] {
    [0, 1, 2].map(|column| {
        let start = (block * 3 + column) * VECTORS * 16;
        // SAFETY: each column of a block has 64 weights.
        [0, 1, 2, 3].map(|vector| unsafe { vld1q_s8(from(work.columns, start + vector * 16, 16)) })
    })
}

/// The sums of a block of channels. It goes by value: what others can see stays in memory.
#[derive(Clone, Copy)]
struct Sums<'a> {
    /// The window's elements at the first pixel, by rows.
    taps: [&'a [u8]; 9],
    /// From one pixel to the next.
    step: usize,
    pixels: usize,
    overlap: bool,
    bias: [int32x4_t; VECTORS],
    weights: [Column; 3],
}

impl Sums<'_> {
    /// Gives every pixel's sums to `store`.
    ///
    /// # Safety
    /// As [`depthwise_block`].
    #[target_feature(enable = "neon,dotprod")]
    #[inline]
    unsafe fn of_all_pixels(self, store: impl Fn(usize, [int32x4_t; VECTORS])) {
        // SAFETY: the pixels exist.
        unsafe {
            if self.overlap {
                return self.of_overlapping_pixels(store);
            }
            for pixel in 0..self.pixels {
                store(pixel, self.of([&self.column(0, pixel), &self.column(1, pixel), &self.column(2, pixel)]));
            }
        }
    }

    /// A pixel's second and third columns are the next one's first and second: three pixels later all have moved round.
    ///
    /// # Safety
    /// As [`depthwise_block`].
    #[target_feature(enable = "neon,dotprod")]
    #[inline]
    unsafe fn of_overlapping_pixels(self, store: impl Fn(usize, [int32x4_t; VECTORS])) {
        let pixels = self.pixels;
        // SAFETY: the pixels exist.
        unsafe {
            let [mut first, mut second] = [self.column(0, 0), self.column(1, 0)];
            let mut pixel = 0;
            while pixel + 3 <= pixels {
                let third = self.column(2, pixel);
                store(pixel, self.of([&first, &second, &third]));
                first = self.column(2, pixel + 1);
                store(pixel + 1, self.of([&second, &third, &first]));
                second = self.column(2, pixel + 2);
                store(pixel + 2, self.of([&third, &first, &second]));
                pixel += 3;
            }
            for pixel in pixel..pixels {
                let third = self.column(2, pixel);
                store(pixel, self.of([&first, &second, &third]));
                (first, second) = (second, third);
            }
        }
    }

    #[target_feature(enable = "neon,dotprod")]
    #[inline]
    fn of(self, columns: [&Column; 3]) -> [int32x4_t; VECTORS] {
        let mut sums = self.bias;
        for (column, weights) in columns.into_iter().zip(&self.weights) {
            for (vector, sums) in sums.iter_mut().enumerate() {
                *sums = dot_all(*sums, weights[vector], column[vector]);
            }
        }
        sums
    }

    /// # Safety
    /// The pixel exists.
    #[target_feature(enable = "neon")]
    #[inline]
    unsafe fn column(self, column: usize, pixel: usize) -> Column {
        // SAFETY: every pixel has the block's 16 channels.
        let row = |row: usize| unsafe {
            veorq_u8(vld1q_u8(from(self.taps[row * 3 + column], pixel * self.step, CHANNELS)), vdupq_n_u8(128))
        };
        let (one, two, three, nothing) = (row(0), row(1), row(2), vdupq_n_u8(0));
        let pairs = |low: uint8x16_t, high: uint8x16_t| {
            [vzip1q_u8(low, high), vzip2q_u8(low, high)].map(|pairs| vreinterpretq_u16_u8(pairs))
        };
        let ([low, high], [low_rest, high_rest]) = (pairs(one, two), pairs(three, nothing));
        [vzip1q_u16(low, low_rest), vzip2q_u16(low, low_rest), vzip1q_u16(high, high_rest), vzip2q_u16(high, high_rest)]
            .map(|fours| vreinterpretq_s8_u16(fours))
    }
}
