//! Depthwise convolutions: sixteen channels of several pixels at once.

#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::ops::Range;

use super::finish::{Store, Sums};
use crate::kernels::access::from;
use crate::kernels::depthwise::{CHANNELS, Depthwise, Sharing, Tap};
use crate::kernels::tile::Finish;

/// Pixels at once.
const PIXELS: usize = 4;
/// Blocks of channels that fill a cache line: they take turns at each group of pixels, so that a line is read once.
const LINE: usize = 64 / CHANNELS;

/// # Safety
/// The processor has AVX2; the pixels' results are the caller's alone.
#[target_feature(enable = "avx2")]
pub unsafe fn depthwise(work: &Depthwise<'_>) {
    let whole = work.whole_blocks();
    for first in (0..whole).step_by(LINE) {
        let blocks = first..whole.min(first + LINE);
        // SAFETY: the blocks are whole; the caller's promise.
        unsafe {
            match work.sharing {
                Some(Sharing { kernel: [3, 3], shift: 1 }) => line::<3, 1>(work, blocks),
                Some(Sharing { kernel: [3, 3], shift: 2 }) => line::<3, 2>(work, blocks),
                Some(Sharing { kernel: [5, 5], shift: 1 }) => line::<5, 1>(work, blocks),
                Some(Sharing { kernel: [5, 5], shift: 2 }) => line::<5, 2>(work, blocks),
                _ => line::<0, 0>(work, blocks),
            }
        }
    }
    if whole < work.blocks() {
        // SAFETY: the caller's promise.
        unsafe { work.plain_block(whole) };
    }
}

/// All pixels of a few blocks. A kernel of 0 is any.
///
/// # Safety
/// As [`depthwise`]; all of the blocks' channels exist.
#[target_feature(enable = "avx2")]
unsafe fn line<const KERNEL: usize, const SHIFT: usize>(work: &Depthwise<'_>, blocks: Range<usize>) {
    let finishes: [Finish<'_>; LINE] =
        std::array::from_fn(|place| work.block_finish((blocks.start + place).min(blocks.end - 1)));
    let [one, two, three, four] = &finishes;
    // SAFETY: the caller's promise.
    let stores = unsafe { [Store::new(one, 0), Store::new(two, 0), Store::new(three, 0), Store::new(four, 0)] };
    // One that is left is cheaper alone than as one of four.
    let whole = match work.pixels {
        pixels if pixels < PIXELS || pixels % PIXELS == 1 => pixels / PIXELS * PIXELS,
        pixels => pixels.next_multiple_of(PIXELS),
    };
    for first in (0..whole).step_by(PIXELS) {
        // The last ones may overlap those before: they are computed twice.
        let first = first.min(work.pixels - PIXELS);
        for (block, store) in blocks.clone().zip(&stores) {
            // SAFETY: the caller's promise.
            unsafe { store.rows(first, &Part::new(work, block, first).sums::<KERNEL, SHIFT, PIXELS>()) };
        }
    }
    for first in whole..work.pixels {
        for (block, store) in blocks.clone().zip(&stores) {
            // SAFETY: the caller's promise.
            unsafe { store.rows(first, &Part::new(work, block, first).sums::<KERNEL, SHIFT, 1>()) };
        }
    }
}

/// Some pixels and 16 channels.
struct Part<'a> {
    taps: &'a [Tap<'a>],
    weights: &'a [i16],
    /// Where the first pixel's channels are in every tap's bytes.
    start: usize,
    /// From one pixel to the next.
    step: usize,
}

/// Runs a method for so many of the places of a window that moves over some pixels, each as a constant.
macro_rules! each_place {
    ($count:expr, $part:ident.$method:ident, $pair:expr, $sums:expr, $($place:literal)+) => {
        // SAFETY: the caller's promises.
        $(if $place < $count { unsafe { $part.$method::<KERNEL, SHIFT, PIXELS, $place>($pair, $sums) } })+
    };
}

impl<'a> Part<'a> {
    #[inline(always)]
    fn new(work: &'a Depthwise<'a>, block: usize, first: usize) -> Self {
        let step = work.taps[0].step;
        let start = first * step + work.first_channel(block);
        Self { taps: work.taps, weights: work.block_weights(block), start, step }
    }

    /// # Safety
    /// As [`line`]; the pixels exist.
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
        let taps = self.taps.len();
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
            let tap = *from(self.taps, tap, 1);
            from(tap.bytes, self.start + pixel * self.step, CHANNELS)
        }
    }
}
