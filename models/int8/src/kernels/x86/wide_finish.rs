//! Sums become bytes with AVX-512, four rows of sixteen at a time: the steps of [`super::finish`].

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::finish::Store;
use crate::kernels::access::{Shared, from};
use crate::kernels::tile::{Finish, To};
use crate::quantization::Bounds;

/// As [`Store`].
pub struct WideStore<'a> {
    narrow: Store<'a>,
    scale: Option<(WideScale, &'a Shared<'a, u8>)>,
}

impl<'a> WideStore<'a> {
    /// As [`Store::new`].
    ///
    /// # Safety
    /// The processor has AVX-512; biases and multipliers are filled up to whole panels.
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl")]
    #[inline]
    pub unsafe fn new(finish: &'a Finish<'a>, column: usize) -> Self {
        let whole = column + 16 <= finish.columns && finish.row_sums.is_empty();
        let scale = match finish.to {
            To::Bytes { multipliers, zero_point, bounds, output } if whole => {
                // SAFETY: the caller's promise.
                Some((unsafe { WideScale::new(finish.bias, multipliers, column, zero_point, bounds) }, output))
            }
            _ => None,
        };
        // SAFETY: the caller's promise.
        Self { narrow: unsafe { Store::new(finish, column) }, scale }
    }

    /// As [`Store::rows`].
    ///
    /// # Safety
    /// The processor has AVX-512; the results are the caller's alone.
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl")]
    #[inline]
    pub unsafe fn rows<const ROWS: usize>(&self, first: usize, sums: &[__m512i; ROWS]) {
        let Store { finish, column, .. } = self.narrow;
        if let Some((scale, output)) = &self.scale {
            let output = output.rows(finish.start + first * finish.pitch + column, 16, ROWS, finish.pitch);
            // SAFETY: `rows` found room for as many rows.
            unsafe { scale.store(sums, output, finish.pitch) };
            return;
        }
        for (row, sums) in sums.iter().enumerate() {
            let sums = [_mm512_castsi512_si256(*sums), _mm512_extracti64x4_epi64::<1>(*sums)];
            // SAFETY: the caller's promise.
            unsafe { self.narrow.odd_row(first + row, sums) };
        }
    }
}

/// How the sums of sixteen columns become bytes: the steps of [`requantize`](crate::quantization::requantize).
struct WideScale {
    bias: __m512i,
    multipliers: __m512,
    zero_point: __m512i,
    low: __m512i,
    high: __m512i,
}

impl WideScale {
    /// # Safety
    /// The processor has AVX-512; the columns exist.
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl")]
    #[inline]
    unsafe fn new(bias: &[i32], multipliers: &[f32], column: usize, zero_point: u8, bounds: Bounds) -> Self {
        // SAFETY: the caller's promise.
        let (bias, multipliers) = unsafe {
            (_mm512_loadu_si512(from(bias, column, 16).cast()), _mm512_loadu_ps(from(multipliers, column, 16)))
        };
        Self {
            bias,
            multipliers,
            zero_point: _mm512_set1_epi16(i16::from(zero_point)),
            low: _mm512_set1_epi8(bounds.low as i8),
            high: _mm512_set1_epi8(bounds.high as i8),
        }
    }

    /// Stores rows of sixteen bytes, `pitch` apart.
    ///
    /// # Safety
    /// The processor has AVX-512, and there is room at `output`.
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl")]
    #[inline]
    unsafe fn store<const ROWS: usize>(&self, sums: &[__m512i; ROWS], output: *mut u8, pitch: usize) {
        for (four, rows) in sums.chunks(4).enumerate() {
            let row = |at: usize| rows[at.min(rows.len() - 1)];
            let bytes = self.bytes([row(0), row(1), row(2), row(3)]);
            let parts = [
                _mm512_castsi512_si128(bytes),
                _mm512_extracti32x4_epi32::<1>(bytes),
                _mm512_extracti32x4_epi32::<2>(bytes),
                _mm512_extracti32x4_epi32::<3>(bytes),
            ];
            for (row, part) in parts.iter().enumerate().take(rows.len()) {
                // SAFETY: the caller's promise.
                unsafe { _mm_storeu_si128(output.add((4 * four + row) * pitch).cast(), *part) };
            }
        }
    }

    /// Four rows as bytes, one after the other.
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl")]
    #[inline]
    fn bytes(&self, [one, two, three, four]: [__m512i; 4]) -> __m512i {
        let upper = _mm512_packs_epi32(self.steps(one), self.steps(two));
        let lower = _mm512_packs_epi32(self.steps(three), self.steps(four));
        let upper = _mm512_adds_epi16(upper, self.zero_point);
        let bytes = _mm512_packus_epi16(upper, _mm512_adds_epi16(lower, self.zero_point));
        let bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, self.low), self.high);
        // Packing left the rows' first quarters side by side, then their second ones, and so on.
        let quarters = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_permutexvar_epi32(quarters, bytes)
    }

    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl")]
    #[inline]
    fn steps(&self, sums: __m512i) -> __m512i {
        let sums = _mm512_cvtepi32_ps(_mm512_add_epi32(sums, self.bias));
        let scaled = _mm512_mul_ps(sums, self.multipliers);
        // What is greater can't become an integer; what is less, or no number, becomes the least integer.
        _mm512_cvtps_epi32(_mm512_min_ps(_mm512_set1_ps(65536.0), scaled))
    }
}
