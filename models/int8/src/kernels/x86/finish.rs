//! Sums become bytes, sixteen at a time.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::kernels::access::from;
use crate::kernels::tile::{Finish, To};
use crate::quantization::Bounds;

/// Stores a tile's sums of 16 columns.
///
/// # Safety
/// The processor has AVX2; the results are the caller's alone.
#[target_feature(enable = "avx2")]
#[inline]
pub unsafe fn finish_tile<const ROWS: usize>(finish: &Finish<'_>, sums: &[[__m256i; 2]; ROWS]) {
    match &finish.to {
        To::Bytes { multipliers, zero_point, bounds, output } if finish.columns == 16 && finish.row_sums.is_empty() => {
            let scale = Scale { multipliers, zero_point: *zero_point, bounds: *bounds };
            let output = output.rows(finish.start, 16, ROWS, finish.pitch);
            // SAFETY: there are 16 biases, and `rows` found room for as many rows.
            unsafe {
                let bias = [0, 8].map(|column| _mm256_loadu_si256(from(finish.bias, column, 8).cast()));
                let words = |sums: &[__m256i; 2]| {
                    scale.words(0, [_mm256_add_epi32(sums[0], bias[0]), _mm256_add_epi32(sums[1], bias[1])])
                };
                for (pair, rows) in sums.chunks(2).enumerate() {
                    let bytes = scale.bytes([words(&rows[0]), words(&rows[rows.len() - 1])]);
                    let output = output.add(2 * pair * finish.pitch);
                    _mm_storeu_si128(output.cast(), _mm256_castsi256_si128(bytes));
                    if rows.len() == 2 {
                        let bytes = _mm256_extracti128_si256::<1>(bytes);
                        _mm_storeu_si128(output.add(finish.pitch).cast(), bytes);
                    }
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
pub unsafe fn finish_row(finish: &Finish<'_>, row: usize, column: usize, sums: [__m256i; 2]) {
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
                let words = scale.words(column, sums);
                let bytes = _mm256_castsi256_si128(scale.bytes([words, words]));
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
    /// Sums of the 16 columns from `column` on as steps from the zero point, plus the zero point, not bounded yet. Their
    /// quarters lie in the order 0, 2, 1, 3.
    ///
    /// # Safety
    /// The processor has AVX2; the columns exist.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn words(&self, column: usize, sums: [__m256i; 2]) -> __m256i {
        // What is greater can't become an integer; what is less, or no number, becomes the least integer.
        let most = _mm256_set1_ps(65536.0);
        let step = |half: usize| {
            // SAFETY: the caller's promise.
            let multipliers = unsafe { _mm256_loadu_ps(from(self.multipliers, column + half * 8, 8)) };
            let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[half]), multipliers);
            _mm256_cvtps_epi32(_mm256_min_ps(most, scaled))
        };
        let zero_point = _mm256_set1_epi16(i16::from(self.zero_point));
        _mm256_adds_epi16(_mm256_packs_epi32(step(0), step(1)), zero_point)
    }

    /// Two rows of words as bytes, one row after the other. Bounds are integers, so it makes no difference that the
    /// rounding comes first here.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn bytes(&self, rows: [__m256i; 2]) -> __m256i {
        let bytes = _mm256_packus_epi16(rows[0], rows[1]);
        let [low, high] = [self.bounds.low, self.bounds.high].map(|bound| _mm256_set1_epi8(bound as i8));
        let bytes = _mm256_min_epu8(_mm256_max_epu8(bytes, low), high);
        _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))
    }
}
