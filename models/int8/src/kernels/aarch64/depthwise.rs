//! Depthwise convolutions.

use std::arch::aarch64::*;

use super::VECTORS;
use super::finish::finish_tile;
use crate::kernels::access::from;
use crate::kernels::depthwise::{CHANNELS, Depthwise, Tap};
use crate::kernels::tile::Finish;

/// # Safety
/// The pixels' results must be the caller's alone.
#[target_feature(enable = "neon")]
pub unsafe fn depthwise(work: &Depthwise<'_>) {
    let whole = work.whole_blocks();
    for block in 0..whole {
        // SAFETY: the block is whole.
        unsafe { depthwise_block(work, block) };
    }
    if whole < work.blocks() {
        // SAFETY: the caller's promise.
        unsafe { work.plain_block(whole) };
    }
}

/// # Safety
/// As [`depthwise`]; all of the block's channels exist.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn depthwise_block(work: &Depthwise<'_>, block: usize) {
    const PIXELS: usize = 4;
    let finish = work.block_finish(block);
    let whole = work.pixels / PIXELS * PIXELS;
    for pixel in (0..whole).step_by(PIXELS) {
        // SAFETY: the caller's promise.
        unsafe { depthwise_pixels::<PIXELS>(work, block, pixel, &finish) };
    }
    for pixel in whole..work.pixels {
        // SAFETY: the caller's promise.
        unsafe { depthwise_pixels::<1>(work, block, pixel, &finish) };
    }
}

/// # Safety
/// As [`depthwise_block`]; the pixels exist.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn depthwise_pixels<const PIXELS: usize>(work: &Depthwise<'_>, block: usize, first: usize, finish: &Finish<'_>) {
    let weights = work.block_weights(block);
    // SAFETY: there are as many biases as channels.
    let bias = [0, 4, 8, 12].map(|channel| unsafe { vld1q_s32(from(finish.bias, channel, 4)) });
    let mut sums = [bias; PIXELS];
    for (pair, taps) in work.taps.chunks(2).enumerate() {
        // SAFETY: every pixel has the block's 16 channels, and every pair of taps 32 weights, both taps' in turn.
        unsafe {
            let low = vld2q_s16(from(weights, pair * 32, 16));
            let high = vld2q_s16(from(weights, pair * 32 + 16, 16));
            let place = Place { first, channel: work.first_channel(block) };
            add_tap(&taps[0], place, [low.0, high.0], &mut sums);
            if let Some(tap) = taps.get(1) {
                add_tap(tap, place, [low.1, high.1], &mut sums);
            }
        }
    }
    let start = finish.start + first * finish.pitch;
    // SAFETY: the caller's promise.
    unsafe { finish_tile(&Finish { start, ..*finish }, &sums) };
}

/// Where a tile of pixels and channels begins.
#[derive(Clone, Copy)]
struct Place {
    first: usize,
    channel: usize,
}

/// Adds one tap's products to every pixel's sums.
///
/// # Safety
/// The pixels and 16 channels exist.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn add_tap<const PIXELS: usize>(
    tap: &Tap<'_>,
    place: Place,
    [low, high]: [int16x8_t; 2],
    sums: &mut [[int32x4_t; VECTORS]; PIXELS],
) {
    for (pixel, sums) in sums.iter_mut().enumerate() {
        let start = (place.first + pixel) * tap.step + place.channel;
        // SAFETY: the caller's promise.
        let bytes = unsafe { vld1q_u8(from(tap.bytes, start, CHANNELS)) };
        let first = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
        let second = vreinterpretq_s16_u16(vmovl_high_u8(bytes));
        sums[0] = vmlal_s16(sums[0], vget_low_s16(first), vget_low_s16(low));
        sums[1] = vmlal_high_s16(sums[1], first, low);
        sums[2] = vmlal_s16(sums[2], vget_low_s16(second), vget_low_s16(high));
        sums[3] = vmlal_high_s16(sums[3], second, high);
    }
}
