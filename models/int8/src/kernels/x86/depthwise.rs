//! Depthwise convolutions: sixteen channels of several pixels at once.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::finish::{Store, Sums};
use crate::kernels::access::from;
use crate::kernels::depthwise::{CHANNELS, Depthwise, Sharing};

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

/// Pixels at once.
const PIXELS: usize = 4;

/// # Safety
/// As [`depthwise`]; all of the block's channels exist.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn depthwise_block(work: &Depthwise<'_>, block: usize) {
    let finish = work.block_finish(block);
    // SAFETY: the caller's promise.
    unsafe {
        let store = Store::new(&finish, 0);
        match work.sharing {
            Some(Sharing { kernel: [3, 3], shift: 1 }) => pixels::<3, 1>(work, block, &store),
            Some(Sharing { kernel: [3, 3], shift: 2 }) => pixels::<3, 2>(work, block, &store),
            Some(Sharing { kernel: [5, 5], shift: 1 }) => pixels::<5, 1>(work, block, &store),
            Some(Sharing { kernel: [5, 5], shift: 2 }) => pixels::<5, 2>(work, block, &store),
            _ => pixels::<0, 0>(work, block, &store),
        }
    }
}

/// All pixels. A kernel of 0 is any.
///
/// # Safety
/// As [`depthwise_block`].
#[target_feature(enable = "avx2")]
unsafe fn pixels<const KERNEL: usize, const SHIFT: usize>(work: &Depthwise<'_>, block: usize, store: &Store<'_>) {
    let weights = work.block_weights(block);
    let part = |first: usize| Part { work, channel: block * CHANNELS, weights, first };
    let whole = if work.pixels < PIXELS { 0 } else { work.pixels.next_multiple_of(PIXELS) };
    for first in (0..whole).step_by(PIXELS) {
        // The last ones may overlap those before: they are computed twice.
        let first = first.min(work.pixels - PIXELS);
        // SAFETY: the caller's promise.
        unsafe { store.rows(first, &part(first).sums::<KERNEL, SHIFT, PIXELS>()) };
    }
    for first in whole..work.pixels {
        // SAFETY: the caller's promise.
        unsafe { store.rows(first, &part(first).sums::<KERNEL, SHIFT, 1>()) };
    }
}

/// Some pixels and 16 channels.
struct Part<'a> {
    work: &'a Depthwise<'a>,
    channel: usize,
    weights: &'a [i16],
    first: usize,
}

/// Runs a method for so many of the places of a window that moves over some pixels, each as a constant.
macro_rules! each_place {
    ($count:expr, $part:ident.$method:ident, $pair:expr, $sums:expr, $($place:literal)+) => {
        // SAFETY: the caller's promises.
        $(if $place < $count { unsafe { $part.$method::<KERNEL, SHIFT, PIXELS, $place>($pair, $sums) } })+
    };
}

impl Part<'_> {
    /// # Safety
    /// As [`depthwise_block`]; the pixels exist.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn sums<const KERNEL: usize, const SHIFT: usize, const PIXELS: usize>(&self) -> Sums<PIXELS> {
        // SAFETY: the caller's promise.
        unsafe { if KERNEL == 0 { self.separate() } else { self.shared::<KERNEL, SHIFT, PIXELS>() } }
    }

    /// Each column of the input is unpacked once for all pixels that see it.
    ///
    /// # Safety
    /// As [`Self::sums`].
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn shared<const KERNEL: usize, const SHIFT: usize, const PIXELS: usize>(&self) -> Sums<PIXELS> {
        let mut sums = [[_mm256_setzero_si256(); 2]; PIXELS];
        let places = (PIXELS - 1) * SHIFT + KERNEL;
        for pair in 0..KERNEL.div_ceil(2) {
            each_place!(places, self.column, pair, &mut sums, 0 1 2 3 4 5 6 7 8 9 10 11 12);
        }
        sums
    }

    /// Two rows of one column of the input, for all pixels.
    ///
    /// # Safety
    /// As [`Self::sums`].
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn column<const KERNEL: usize, const SHIFT: usize, const PIXELS: usize, const PLACE: usize>(
        &self,
        pair: usize,
        sums: &mut Sums<PIXELS>,
    ) {
        let pairs = KERNEL.div_ceil(2);
        let pixel = PLACE.checked_div(SHIFT).unwrap_or(0).min(PIXELS - 1);
        let tap = ((PLACE - pixel * SHIFT) * pairs + pair) * 2;
        // SAFETY: every pixel has the block's 16 channels, and every pair of taps 32 weights.
        unsafe {
            let columns =
                if 2 * pair + 1 == KERNEL { self.single(tap, pixel) } else { self.pair([tap, tap + 1], pixel) };
            for (pixel, sums) in sums.iter_mut().enumerate() {
                let column = PLACE.wrapping_sub(pixel * SHIFT);
                if column < KERNEL {
                    self.add(column * pairs + pair, columns, sums);
                }
            }
        }
    }

    /// Each pixel by itself.
    ///
    /// # Safety
    /// As [`Self::sums`].
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn separate<const PIXELS: usize>(&self) -> Sums<PIXELS> {
        let mut sums = [[_mm256_setzero_si256(); 2]; PIXELS];
        let taps = self.work.taps.len();
        for pair in 0..taps.div_ceil(2) {
            for (pixel, sums) in sums.iter_mut().enumerate() {
                // SAFETY: every pixel has the block's 16 channels, and every pair of taps 32 weights; the weight beside
                // a missing second tap is zero.
                unsafe { self.add(pair, self.pair([2 * pair, (2 * pair + 1).min(taps - 1)], pixel), sums) };
            }
        }
        sums
    }

    /// # Safety
    /// The pair of taps exists.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn add(&self, pair: usize, bytes: [__m256i; 2], sums: &mut [__m256i; 2]) {
        for (half, sum) in sums.iter_mut().enumerate() {
            // SAFETY: a pair has 32 weights.
            let weights = unsafe { _mm256_loadu_si256(from(self.weights, pair * 32 + half * 16, 16).cast()) };
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(bytes[half], weights));
        }
    }

    /// The bytes of two taps side by side, as words.
    ///
    /// # Safety
    /// The taps and the pixel exist.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn pair(&self, taps: [usize; 2], pixel: usize) -> [__m256i; 2] {
        // SAFETY: the caller's promise.
        let (one, two) = unsafe {
            (_mm_loadu_si128(self.bytes(taps[0], pixel).cast()), _mm_loadu_si128(self.bytes(taps[1], pixel).cast()))
        };
        [_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(one, two)), _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(one, two))]
    }

    /// The bytes of one tap beside zeros, as words.
    ///
    /// # Safety
    /// The tap and the pixel exist.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn single(&self, tap: usize, pixel: usize) -> [__m256i; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let bytes = self.bytes(tap, pixel);
            let (low, high) = (_mm_loadl_epi64(bytes.cast()), _mm_loadl_epi64(bytes.add(8).cast()));
            [_mm256_cvtepu8_epi32(low), _mm256_cvtepu8_epi32(high)]
        }
    }

    /// # Safety
    /// The tap and the pixel exist.
    #[inline(always)]
    unsafe fn bytes(&self, tap: usize, pixel: usize) -> *const u8 {
        // SAFETY: every pixel has the block's 16 channels.
        unsafe {
            let tap = *from(self.work.taps, tap, 1);
            from(tap.bytes, (self.first + pixel) * tap.step + self.channel, CHANNELS)
        }
    }
}
