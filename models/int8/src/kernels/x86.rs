//! x86-64: AVX2, AVX-VNNI and AVX-512 VNNI.
//!
//! Processors without VNNI can multiply bytes and add pairs of products only with saturation to 16 bits. The AVX2 tile
//! multiplies 16-bit integers instead, which is exact; it needs no more multiplications, as the saturating way needs two
//! instructions for 32 products, too.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::access::from;
use super::depthwise::{CHANNELS, Depthwise, Tap};
use super::tile::{Finish, Tile, To, by_rows};
use super::{Form, Kernels};
use crate::quantization::Bounds;

/// Adds what this processor can run, fastest first.
pub fn add_available(available: &mut Vec<&'static Kernels>) {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    if avx2 && avx512 {
        available.push(&AVX512_VNNI);
    }
    if avx2 && is_x86_feature_detected!("avxvnni") {
        available.push(&AVX_VNNI);
    }
    if avx2 {
        available.push(&AVX2);
    }
}

static AVX2: Kernels = Kernels {
    name: "avx2",
    form: Form::Wide,
    rows: 6,
    columns: 16,
    depth: 2,
    taken: 0,
    symmetric: None,
    tile: tile_avx2,
    depthwise,
    by_columns: false,
};

static AVX_VNNI: Kernels = Kernels {
    name: "avx-vnni",
    form: Form::Bytes,
    rows: 6,
    columns: 16,
    depth: 4,
    taken: 0,
    symmetric: None,
    tile: tile_avx_vnni,
    depthwise,
    by_columns: false,
};

static AVX512_VNNI: Kernels = Kernels {
    name: "avx512-vnni",
    form: Form::Bytes,
    rows: 12,
    columns: 32,
    depth: 4,
    taken: 0,
    symmetric: None,
    tile: tile_avx512_vnni,
    depthwise,
    by_columns: false,
};

/// # Safety
/// The processor has AVX2; the tile's results are the caller's alone.
#[target_feature(enable = "avx2")]
unsafe fn tile_avx2(strip: &Tile<'_>) {
    by_rows!(strip, rows_avx2, 6, 1 2 3 4 5);
}

/// # Safety
/// The processor has AVX2 and AVX-VNNI; the tile's results are the caller's alone.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn tile_avx_vnni(strip: &Tile<'_>) {
    by_rows!(strip, rows_avx_vnni, 6, 1 2 3 4 5);
}

/// # Safety
/// The processor has AVX-512 with VNNI; the tile's results are the caller's alone.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tile_avx512_vnni(strip: &Tile<'_>) {
    by_rows!(strip, rows_avx512_vnni, 12, 1 2 3 4 5 6 7 8 9 10 11);
}

/// Two neighbouring elements of a wide row, four of a row of bytes.
///
/// # Safety
/// They must lie inside the rows.
#[inline(always)]
unsafe fn four_bytes(tile: &Tile<'_>, row: usize, offset: usize) -> i32 {
    // SAFETY: the caller's promise; an unaligned read of plain bytes.
    unsafe { from(tile.rows, row * tile.row_pitch + offset, 4).cast::<i32>().read_unaligned() }
}

/// # Safety
/// As [`tile_avx2`].
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn rows_avx2<const ROWS: usize>(tile: &Tile<'_>) {
    let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
    for step in 0..tile.depth / 2 {
        // SAFETY: a panel has 32 weights for each step of two depths, and each row four bytes.
        unsafe {
            let weights = from(tile.weights, step * 32, 32);
            let low = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.cast()));
            let high = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.add(16).cast()));
            for (row, sums) in sums.iter_mut().enumerate() {
                let pair = _mm256_set1_epi32(four_bytes(tile, row, step * 4));
                sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(pair, low));
                sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(pair, high));
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { finish_tile(&tile.finish, &sums) };
}

/// # Safety
/// As [`tile_avx_vnni`].
#[target_feature(enable = "avx2,avxvnni")]
#[inline]
unsafe fn rows_avx_vnni<const ROWS: usize>(tile: &Tile<'_>) {
    let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
    for step in 0..tile.depth / 4 {
        // SAFETY: a panel has 64 weights for each step of four depths, and each row four bytes.
        unsafe {
            let weights = from(tile.weights, step * 64, 64);
            let low = _mm256_loadu_si256(weights.cast());
            let high = _mm256_loadu_si256(weights.add(32).cast());
            for (row, sums) in sums.iter_mut().enumerate() {
                let four = _mm256_set1_epi32(four_bytes(tile, row, step * 4));
                sums[0] = _mm256_dpbusd_avx_epi32(sums[0], four, low);
                sums[1] = _mm256_dpbusd_avx_epi32(sums[1], four, high);
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { finish_tile(&tile.finish, &sums) };
}

/// # Safety
/// As [`tile_avx512_vnni`].
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn rows_avx512_vnni<const ROWS: usize>(tile: &Tile<'_>) {
    let mut sums = [[_mm512_setzero_si512(); 2]; ROWS];
    for step in 0..tile.depth / 4 {
        // SAFETY: a panel has 128 weights for each step of four depths, and each row four bytes.
        unsafe {
            let weights = from(tile.weights, step * 128, 128);
            let low = _mm512_loadu_si512(weights.cast());
            let high = _mm512_loadu_si512(weights.add(64).cast());
            for (row, sums) in sums.iter_mut().enumerate() {
                let four = _mm512_set1_epi32(four_bytes(tile, row, step * 4));
                sums[0] = _mm512_dpbusd_epi32(sums[0], four, low);
                sums[1] = _mm512_dpbusd_epi32(sums[1], four, high);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let halves = |sums: __m512i| [_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64::<1>(sums)];
        for (half, sums) in sums.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { finish_row(&tile.finish, row, half * 16, halves(*sums)) };
        }
    }
}

/// Stores a tile's sums of 16 columns.
///
/// # Safety
/// The processor has AVX2; the results are the caller's alone.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn finish_tile<const ROWS: usize>(finish: &Finish<'_>, sums: &[[__m256i; 2]; ROWS]) {
    match &finish.to {
        To::Bytes { multipliers, zero_point, bounds, output } if finish.columns == 16 && finish.row_sums.is_empty() => {
            let scale = Scale { multipliers, zero_point: *zero_point, bounds: *bounds };
            let output = output.rows(finish.start, 16, ROWS, finish.pitch);
            // SAFETY: there are 16 biases, and `rows` found room for as many rows.
            unsafe {
                let bias = [0, 8].map(|column| _mm256_loadu_si256(from(finish.bias, column, 8).cast()));
                for (row, sums) in sums.iter().enumerate() {
                    let sums = [_mm256_add_epi32(sums[0], bias[0]), _mm256_add_epi32(sums[1], bias[1])];
                    _mm_storeu_si128(output.add(row * finish.pitch).cast(), scale.bytes(0, sums));
                }
            }
        }
        _ => {
            for (row, sums) in sums.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { finish_row(finish, row, 0, *sums) };
            }
        }
    }
}

/// Stores the sums of 16 columns from `column` on.
///
/// # Safety
/// As [`finish_tile`].
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn finish_row(finish: &Finish<'_>, row: usize, column: usize, sums: [__m256i; 2]) {
    if column >= finish.columns {
        return;
    }
    let count = (finish.columns - column).min(16);
    let start = finish.start + row * finish.pitch + column;
    // SAFETY: every column array is filled up to whole panels; results are the caller's alone.
    unsafe {
        let sums = [0, 1].map(|half| _mm256_add_epi32(sums[half], addend(finish, row, column + half * 8)));
        match &finish.to {
            To::Bytes { multipliers, zero_point, bounds, output } => {
                let scale = Scale { multipliers, zero_point: *zero_point, bounds: *bounds };
                let bytes = scale.bytes(column, sums);
                let output = output.get(start, count);
                if count == 16 {
                    _mm_storeu_si128(output.as_mut_ptr().cast(), bytes);
                } else {
                    let mut whole = [0_u8; 16];
                    _mm_storeu_si128(whole.as_mut_ptr().cast(), bytes);
                    output.copy_from_slice(&whole[..count]);
                }
            }
            To::Sums(output) => {
                let mut whole = [0_i32; 16];
                _mm256_storeu_si256(whole.as_mut_ptr().cast(), sums[0]);
                _mm256_storeu_si256(whole.as_mut_ptr().add(8).cast(), sums[1]);
                output.get(start, count).copy_from_slice(&whole[..count]);
            }
        }
    }
}

/// Bias, and what zero points take off, of eight columns.
///
/// # Safety
/// The processor has AVX2; the columns exist.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn addend(finish: &Finish<'_>, row: usize, column: usize) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe {
        let bias = _mm256_loadu_si256(from(finish.bias, column, 8).cast());
        if finish.row_sums.is_empty() {
            return bias;
        }
        let zero_points = _mm256_loadu_si256(from(finish.weight_zero_points, column, 8).cast());
        _mm256_sub_epi32(bias, _mm256_mullo_epi32(zero_points, _mm256_set1_epi32(finish.row_sums[row])))
    }
}

/// How sums become bytes: the steps of [`requantize`](crate::quantization::requantize).
struct Scale<'a> {
    multipliers: &'a [f32],
    zero_point: u8,
    bounds: Bounds,
}

impl Scale<'_> {
    /// Sixteen bytes from the sums of the columns from `column` on.
    ///
    /// # Safety
    /// The processor has AVX2; the columns exist.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn bytes(&self, column: usize, sums: [__m256i; 2]) -> __m128i {
        let zero_point = i32::from(self.zero_point);
        let low = _mm256_set1_ps((i32::from(self.bounds.low) - zero_point) as f32);
        let high = _mm256_set1_ps((i32::from(self.bounds.high) - zero_point) as f32);
        let step = |half: usize| {
            // SAFETY: the caller's promise.
            let multipliers = unsafe { _mm256_loadu_ps(from(self.multipliers, column + half * 8, 8)) };
            let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[half]), multipliers);
            _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(scaled, low), high))
        };
        let words = _mm256_packs_epi32(step(0), step(1));
        let words = _mm256_adds_epi16(words, _mm256_set1_epi16(i16::from(self.zero_point)));
        // Packing works in halves of 128 bits: the middle quarters come in each other's place.
        let bytes = _mm256_permute4x64_epi64::<0b1101_1000>(_mm256_packus_epi16(words, words));
        let ordered = _mm256_castsi256_si128(bytes);
        _mm_shuffle_epi32::<0b1101_1000>(ordered)
    }
}

/// # Safety
/// The processor has AVX2; the pixel's results are the caller's alone.
#[target_feature(enable = "avx2")]
unsafe fn depthwise(work: &Depthwise<'_>) {
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
