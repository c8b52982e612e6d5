//! Depthwise convolutions: sixteen channels of several pixels at once.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::finish::finish_tile;
use crate::kernels::access::from;
use crate::kernels::depthwise::{CHANNELS, Depthwise, Tap};
use crate::kernels::tile::Finish;

/// # Safety
/// The processor has AVX2; the pixel's results are the caller's alone.
#[target_feature(enable = "avx2")]
pub unsafe fn depthwise(work: &Depthwise<'_>) {
    let whole = work.finish.columns / CHANNELS;
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
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn depthwise_block(work: &Depthwise<'_>, block: usize) {
    const PIXELS: usize = 4;
    let finish = work.block_finish(block);
    let mut pixel = 0;
    while pixel < work.pixels {
        // SAFETY: the caller's promise.
        unsafe {
            if pixel + PIXELS <= work.pixels {
                depthwise_pixels::<PIXELS>(work, block, pixel, &finish);
                pixel += PIXELS;
            } else {
                depthwise_pixels::<1>(work, block, pixel, &finish);
                pixel += 1;
            }
        }
    }
}

/// # Safety
/// As [`depthwise_block`]; the pixels exist.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn depthwise_pixels<const PIXELS: usize>(work: &Depthwise<'_>, block: usize, first: usize, finish: &Finish<'_>) {
    let weights = work.block_weights(block);
    let mut sums = [[_mm256_setzero_si256(); 2]; PIXELS];
    for (pair, taps) in work.taps.chunks(2).enumerate() {
        // The weight beside a missing second tap is zero.
        let (one, two) = (taps[0], taps[taps.len() - 1]);
        // SAFETY: every pixel has the block's 16 channels, and every pair of taps 32 weights.
        unsafe {
            let weights = from(weights, pair * 32, 32);
            let low_weights = _mm256_loadu_si256(weights.cast());
            let high_weights = _mm256_loadu_si256(weights.add(16).cast());
            for (pixel, sums) in sums.iter_mut().enumerate() {
                let load = |tap: Tap<'_>| {
                    let start = (first + pixel) * tap.step + block * CHANNELS;
                    _mm_loadu_si128(from(tap.bytes, start, CHANNELS).cast())
                };
                let (one, two) = (load(one), load(two));
                let low = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(one, two));
                let high = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(one, two));
                sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(low, low_weights));
                sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(high, high_weights));
            }
        }
    }
    let start = finish.start + first * finish.pitch;
    // SAFETY: the caller's promise.
    unsafe { finish_tile(&Finish { start, ..*finish }, &sums) };
}
