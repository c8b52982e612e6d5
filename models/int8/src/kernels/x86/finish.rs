//! Sums become bytes, sixteen at a time.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::kernels::access::{Shared, from};
use crate::kernels::tile::{Finish, To};
use crate::quantization::Bounds;

/// Sums of sixteen neighbouring columns, by row.
pub type Sums<const ROWS: usize> = [[__m256i; 2]; ROWS];

/// Stores rows of sixteen columns. What all rows share is made ready once.
pub struct Store<'a> {
    pub(super) finish: &'a Finish<'a>,
    pub(super) column: usize,
    scale: Option<(Scale, &'a Shared<'a, u8>)>,
}

impl<'a> Store<'a> {
    /// For the sixteen columns from `column` on, if there are so many.
    ///
    /// # Safety
    /// The processor has AVX2; biases and multipliers are filled up to whole panels.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub unsafe fn new(finish: &'a Finish<'a>, column: usize) -> Self {
        let scale = match finish.to {
            To::Bytes { multipliers, zero_point, bounds, output } if column < finish.columns => {
                // SAFETY: the caller's promise.
                Some((unsafe { Scale::new(finish.bias, multipliers, column, zero_point, bounds) }, output))
            }
            _ => None,
        };
        Self { finish, column, scale }
    }

    /// Stores the sums of the rows from `first` on.
    ///
    /// # Safety
    /// The processor has AVX2; the results are the caller's alone.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub unsafe fn rows<const ROWS: usize>(&self, first: usize, sums: &Sums<ROWS>) {
        let whole = self.column + 16 <= self.finish.columns && self.finish.row_sums.is_empty();
        if let (Some((scale, output)), true) = (&self.scale, whole) {
            let start = self.finish.start + first * self.finish.pitch + self.column;
            let output = output.rows(start, 16, ROWS, self.finish.pitch);
            // SAFETY: `rows` found room for as many rows.
            unsafe { scale.store(sums, output, self.finish.pitch) };
            return;
        }
        for (row, sums) in sums.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { self.odd_row(first + row, *sums) };
        }
    }

    /// Any row: of fewer columns, with weights that have zero points, or of sums.
    ///
    /// # Safety
    /// As [`Self::rows`].
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn odd_row(&self, row: usize, sums: [__m256i; 2]) {
        let (finish, column) = (self.finish, self.column);
        if column >= finish.columns {
            return;
        }
        let count = (finish.columns - column).min(16);
        let start = finish.start + row * finish.pitch + column;
        // SAFETY: every column array is filled up to whole panels; results are the caller's alone.
        unsafe {
            let [low, high] = [taken_off(finish, row, column), taken_off(finish, row, column + 8)];
            let sums = [_mm256_sub_epi32(sums[0], low), _mm256_sub_epi32(sums[1], high)];
            match (&self.scale, finish.to) {
                (Some((scale, output)), _) => {
                    let mut bytes = [0; 16];
                    scale.store(&[sums], bytes.as_mut_ptr(), 0);
                    output.get(start, count).copy_from_slice(&bytes[..count]);
                }
                (None, To::Sums(output)) => {
                    let bias = from(finish.bias, column, 16).cast::<__m256i>();
                    let mut whole = [0_i32; 16];
                    let to = whole.as_mut_ptr().cast::<__m256i>();
                    _mm256_storeu_si256(to, _mm256_add_epi32(sums[0], _mm256_loadu_si256(bias)));
                    _mm256_storeu_si256(to.add(1), _mm256_add_epi32(sums[1], _mm256_loadu_si256(bias.add(1))));
                    output.get(start, count).copy_from_slice(&whole[..count]);
                }
                (None, To::Bytes { .. }) => {}
            }
        }
    }
}

/// What the weights' zero points take off eight columns.
///
/// # Safety
/// The processor has AVX2; the columns exist.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn taken_off(finish: &Finish<'_>, row: usize, column: usize) -> __m256i {
    if finish.row_sums.is_empty() {
        return _mm256_setzero_si256();
    }
    // SAFETY: the caller's promise.
    let zero_points = unsafe { _mm256_loadu_si256(from(finish.weight_zero_points, column, 8).cast()) };
    _mm256_mullo_epi32(zero_points, _mm256_set1_epi32(finish.row_sums[row]))
}

/// How the sums of sixteen columns become bytes: the steps of [`requantize`](crate::quantization::requantize).
struct Scale {
    bias: [__m256i; 2],
    multipliers: [__m256; 2],
    zero_point: __m256i,
    low: __m256i,
    high: __m256i,
}

impl Scale {
    /// # Safety
    /// The processor has AVX2; the columns exist.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn new(bias: &[i32], multipliers: &[f32], column: usize, zero_point: u8, bounds: Bounds) -> Self {
        // SAFETY: the caller's promise.
        let (bias, multipliers) = unsafe {
            let bias = from(bias, column, 16);
            let multipliers = from(multipliers, column, 16);
            (
                [_mm256_loadu_si256(bias.cast()), _mm256_loadu_si256(bias.add(8).cast())],
                [_mm256_loadu_ps(multipliers), _mm256_loadu_ps(multipliers.add(8))],
            )
        };
        Self {
            bias,
            multipliers,
            zero_point: _mm256_set1_epi16(i16::from(zero_point)),
            low: _mm256_set1_epi8(bounds.low as i8),
            high: _mm256_set1_epi8(bounds.high as i8),
        }
    }

    /// Stores rows of sixteen bytes, `pitch` apart.
    ///
    /// # Safety
    /// The processor has AVX2, and there is room at `output`.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn store<const ROWS: usize>(&self, sums: &Sums<ROWS>, output: *mut u8, pitch: usize) {
        for (pair, rows) in sums.chunks(2).enumerate() {
            let bytes = self.bytes(self.words(&rows[0]), self.words(&rows[rows.len() - 1]));
            // SAFETY: the caller's promise.
            unsafe {
                let output = output.add(2 * pair * pitch);
                _mm_storeu_si128(output.cast(), _mm256_castsi256_si128(bytes));
                if rows.len() == 2 {
                    _mm_storeu_si128(output.add(pitch).cast(), _mm256_extracti128_si256::<1>(bytes));
                }
            }
        }
    }

    /// A row as steps from the zero point, plus the zero point, not bounded yet. Its quarters lie in the order 0, 2, 1, 3.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn words(&self, sums: &[__m256i; 2]) -> __m256i {
        let steps = _mm256_packs_epi32(self.steps(0, sums[0]), self.steps(1, sums[1]));
        _mm256_adds_epi16(steps, self.zero_point)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn steps(&self, half: usize, sums: __m256i) -> __m256i {
        let sums = _mm256_cvtepi32_ps(_mm256_add_epi32(sums, self.bias[half]));
        let scaled = _mm256_mul_ps(sums, self.multipliers[half]);
        // What is greater can't become an integer; what is less, or no number, becomes the least integer.
        _mm256_cvtps_epi32(_mm256_min_ps(_mm256_set1_ps(65536.0), scaled))
    }

    /// Two rows of words as bytes, one row after the other. Bounds are integers, so it makes no difference that the
    /// rounding comes first here.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn bytes(&self, one: __m256i, two: __m256i) -> __m256i {
        let bytes = _mm256_packus_epi16(one, two);
        let bytes = _mm256_min_epu8(_mm256_max_epu8(bytes, self.low), self.high);
        _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))
    }
}
