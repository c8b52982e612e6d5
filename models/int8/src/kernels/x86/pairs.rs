//! Bytes multiplied by the instructions that saturate, without ever saturating.
//!
//! `vpmaddubsw` multiplies bytes and adds two products in 16 bits. It is exact where two weights' sum is from -128 to 128;
//! what other weights have more was taken off them as corrections, a few in a hundred. Rows are interleaved: four depths
//! of each of eight rows stand together. So a weight's four depths meet one row as a broadcast, and a correction meets
//! all eight rows at once.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::finish::{Store, Sums};
use crate::kernels::access::from;
use crate::kernels::tile::{Correction, Rows, Tile};

/// Rows of a tile.
pub const ROWS: usize = 8;

/// Bytes of four depths of all rows.
const STEP: usize = 4 * ROWS;

/// Interleaves rows in groups of eight. In a last group that isn't whole, the last row stands several times.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn interleave(rows: &Rows<'_>, interleaved: &mut [u8]) {
    let groups = interleaved.chunks_exact_mut(ROWS * rows.depth).take(rows.count.div_ceil(ROWS));
    for (group, interleaved) in groups.enumerate() {
        let starts: [usize; ROWS] = std::array::from_fn(|row| (group * ROWS + row).min(rows.count - 1) * rows.pitch);
        let whole = rows.depth / 32 * 32;
        for depth in (0..whole).step_by(32) {
            // SAFETY: every row has the next 32 bytes, and so has each of eight steps.
            unsafe { transpose_bytes(rows, starts.map(|start| start + depth), &mut interleaved[depth * ROWS..]) };
        }
        for depth in (whole..rows.depth).step_by(4) {
            for (row, start) in starts.iter().enumerate() {
                let four = &rows.bytes[start + depth..][..4];
                interleaved[depth * ROWS + row * 4..][..4].copy_from_slice(four);
            }
        }
    }
}

/// # Safety
/// The processor has AVX2; there are 32 bytes at each start.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose_bytes(rows: &Rows<'_>, starts: [usize; ROWS], interleaved: &mut [u8]) {
    let interleaved = &mut interleaved[..ROWS * 32];
    let mut vectors = [_mm256_setzero_si256(); ROWS];
    for (vector, start) in vectors.iter_mut().zip(starts) {
        // SAFETY: the caller's promise.
        *vector = unsafe { _mm256_loadu_si256(from(rows.bytes, start, 32).cast()) };
    }
    for (vector, to) in transpose(vectors).into_iter().zip(interleaved.as_chunks_mut::<32>().0) {
        // SAFETY: 32 bytes.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), vector) };
    }
}

/// Rows of eight 32-bit elements become columns.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose(rows: [__m256i; 8]) -> [__m256i; 8] {
    let mut twos = rows;
    for pair in 0..4 {
        twos[2 * pair] = _mm256_unpacklo_epi32(rows[2 * pair], rows[2 * pair + 1]);
        twos[2 * pair + 1] = _mm256_unpackhi_epi32(rows[2 * pair], rows[2 * pair + 1]);
    }
    let mut fours = twos;
    for half in [0, 4] {
        for part in 0..2 {
            fours[half + 2 * part] = _mm256_unpacklo_epi64(twos[half + part], twos[half + part + 2]);
            fours[half + 2 * part + 1] = _mm256_unpackhi_epi64(twos[half + part], twos[half + part + 2]);
        }
    }
    let mut columns = fours;
    for place in 0..4 {
        columns[place] = _mm256_permute2x128_si256::<0x20>(fours[place], fours[place + 4]);
        columns[place + 4] = _mm256_permute2x128_si256::<0x31>(fours[place], fours[place + 4]);
    }
    columns
}

/// # Safety
/// The processor has AVX2; rows are interleaved; the strip's results are the caller's alone.
#[target_feature(enable = "avx2")]
pub unsafe fn tile(strip: &Tile<'_>) {
    // SAFETY: the caller's promise.
    let store = unsafe { Store::new(&strip.finish, 0) };
    let middle = strip.corrections.partition_point(|correction| correction.column < 8);
    let corrections = strip.corrections.split_at(middle);
    for first in (0..strip.row_count).step_by(ROWS) {
        let group = Group { strip, rows: &strip.rows[first * strip.row_pitch..], corrections };
        // SAFETY: the caller's promise.
        unsafe {
            match strip.row_count - first {
                1 => store.rows(first, &group.sums::<1>()),
                2 => store.rows(first, &group.sums::<2>()),
                3 => store.rows(first, &group.sums::<3>()),
                4 => store.rows(first, &group.sums::<4>()),
                5 => store.rows(first, &group.sums::<5>()),
                6 => store.rows(first, &group.sums::<6>()),
                7 => store.rows(first, &group.sums::<7>()),
                _ => store.rows(first, &group.sums::<8>()),
            }
        }
    }
}

/// Eight interleaved rows by a panel; the corrections of its first and of its last eight columns.
struct Group<'a> {
    strip: &'a Tile<'a>,
    rows: &'a [u8],
    corrections: (&'a [Correction], &'a [Correction]),
}

impl Group<'_> {
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn sums<const COUNT: usize>(&self) -> Sums<COUNT> {
        let mut sums = [[_mm256_setzero_si256(); 2]; COUNT];
        // SAFETY: the caller's promise.
        unsafe {
            self.half::<COUNT, 0>(&mut sums);
            self.half::<COUNT, 1>(&mut sums);
        }
        sums
    }

    /// The sums of eight columns. A function of its own, so that the other half's sums take no registers.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    #[inline(never)]
    unsafe fn half<const COUNT: usize, const HALF: usize>(&self, whole: &mut Sums<COUNT>) {
        let mut sums = [_mm256_setzero_si256(); COUNT];
        let corrections = if HALF == 0 { self.corrections.0 } else { self.corrections.1 };
        // They are added at the end, so that nothing waits for them.
        // SAFETY: the caller's promise.
        let corrected = unsafe { self.correct(corrections) };
        let ones = _mm256_set1_epi16(1);
        for step in 0..self.strip.depth / 4 {
            // SAFETY: a panel has 64 weights for each step of four depths, and rows have four bytes each.
            unsafe {
                let weights = from(self.strip.weights, step * 64 + HALF * 32, 32);
                let weights = _mm256_loadu_si256(weights.cast());
                let rows = from(self.rows, step * STEP, STEP).cast::<i32>();
                for (row, sum) in sums.iter_mut().enumerate() {
                    let four = _mm256_set1_epi32(rows.add(row).read_unaligned());
                    let pairs = _mm256_maddubs_epi16(four, weights);
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
                }
            }
        }
        for (whole, (sum, corrected)) in whole.iter_mut().zip(sums.into_iter().zip(corrected)) {
            whole[HALF] = _mm256_add_epi32(sum, corrected);
        }
    }

    /// What the corrections make, by row.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    #[inline(never)]
    unsafe fn correct(&self, corrections: &[Correction]) -> [__m256i; ROWS] {
        let mut columns = [_mm256_setzero_si256(); 8];
        if corrections.is_empty() {
            return columns;
        }
        let ones = _mm256_set1_epi16(1);
        let mut place = 0;
        for (column, sums) in columns.iter_mut().enumerate() {
            let mut sum = _mm256_setzero_si256();
            while let Some(correction) = corrections.get(place)
                && correction.column as usize % 8 == column
            {
                let weights = _mm256_set1_epi32(i32::from_ne_bytes(correction.weights.map(|weight| weight as u8)));
                // SAFETY: the step is one of the panel's.
                let rows = unsafe { _mm256_loadu_si256(from(self.rows, correction.step as usize * STEP, STEP).cast()) };
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(rows, weights), ones));
                place += 1;
            }
            *sums = sum;
        }
        transpose(columns)
    }
}
