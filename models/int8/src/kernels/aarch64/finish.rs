//! How a tile's sums leave.

use std::arch::aarch64::*;

use super::{COLUMNS, VECTORS};
use crate::kernels::access::from;
use crate::kernels::tile::{Finish, To};
use crate::quantization::Bounds;

/// Stores a tile's sums, which hold their bias. Always inlined: as a call it would keep the sums in memory.
///
/// # Safety
/// The processor has NEON; the results are the caller's alone.
#[inline(always)]
pub unsafe fn finish_tile<const ROWS: usize>(finish: &Finish<'_>, sums: &[[int32x4_t; VECTORS]; ROWS]) {
    match &finish.to {
        To::Bytes { multipliers, zero_point, bounds, output }
            if finish.columns == COLUMNS && finish.row_sums.is_empty() =>
        {
            let output = output.rows(finish.start, COLUMNS, ROWS, finish.pitch);
            // SAFETY: there is a multiplier for each column, and `rows` found room for as many rows.
            unsafe {
                let scale = Scale::new(multipliers, *zero_point, *bounds);
                for (row, sums) in sums.iter().enumerate() {
                    vst1q_u8(output.add(row * finish.pitch), scale.bytes(sums));
                }
            }
        }
        _ => {
            for (row, sums) in sums.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { finish_row(finish, row, *sums) };
            }
        }
    }
}

/// Stores a row of sums (given as a copy: a place in memory would keep the tile's loops from using registers) that may have zero points to be taken off, and perhaps not all of its columns.
///
/// # Safety
/// As [`finish_tile`].
#[target_feature(enable = "neon")]
unsafe fn finish_row(finish: &Finish<'_>, row: usize, sums: [int32x4_t; VECTORS]) {
    let start = finish.start + row * finish.pitch;
    // SAFETY: every column array is filled up to whole panels; results are the caller's alone.
    unsafe {
        let sums = without_zero_points(finish, row, &sums);
        match &finish.to {
            To::Bytes { multipliers, zero_point, bounds, output } => {
                let mut whole = [0_u8; COLUMNS];
                let scale = Scale::new(multipliers, *zero_point, *bounds);
                vst1q_u8(whole.as_mut_ptr(), scale.bytes(&sums));
                output.get(start, finish.columns).copy_from_slice(&whole[..finish.columns]);
            }
            To::Sums(output) => {
                let mut whole = [0_i32; COLUMNS];
                for (whole, sums) in whole.chunks_exact_mut(4).zip(sums) {
                    vst1q_s32(whole.as_mut_ptr(), sums);
                }
                output.get(start, finish.columns).copy_from_slice(&whole[..finish.columns]);
            }
        }
    }
}

/// Takes off what the weights' zero points add.
///
/// # Safety
/// There is a zero point for each column, or no row sum.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn without_zero_points(finish: &Finish<'_>, row: usize, sums: &[int32x4_t; VECTORS]) -> [int32x4_t; VECTORS] {
    let mut sums = *sums;
    if let Some(row_sum) = finish.row_sums.get(row) {
        for (vector, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let zero_points = unsafe { vld1q_s32(from(finish.weight_zero_points, vector * 4, 4)) };
            *sums = vmlsq_n_s32(*sums, zero_points, *row_sum);
        }
    }
    sums
}

/// How sums become bytes: [`requantize`](crate::quantization::requantize), its bounds put off to the end, where sixteen bytes are bounded at once.
/// Saturation in between changes nothing: bounds are integers from 0 to 255. A sum times a multiplier is a number: multipliers are finite.
pub struct Scale {
    multipliers: [float32x4_t; VECTORS],
    zero_point: int16x8_t,
    low: uint8x16_t,
    high: uint8x16_t,
}

impl Scale {
    /// # Safety
    /// There are 16 multipliers.
    #[target_feature(enable = "neon")]
    #[inline]
    pub unsafe fn new(multipliers: &[f32], zero_point: u8, bounds: Bounds) -> Self {
        Self {
            // SAFETY: the caller's promise.
            multipliers: [0, 4, 8, 12].map(|column| unsafe { vld1q_f32(from(multipliers, column, 4)) }),
            zero_point: vdupq_n_s16(i16::from(zero_point)),
            low: vdupq_n_u8(bounds.low),
            high: vdupq_n_u8(bounds.high),
        }
    }

    #[target_feature(enable = "neon")]
    #[inline]
    pub fn bytes(&self, sums: &[int32x4_t; VECTORS]) -> uint8x16_t {
        let steps = |vector: usize| vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sums[vector]), self.multipliers[vector]));
        let words =
            |low: int32x4_t, high: int32x4_t| vqaddq_s16(vqmovn_high_s32(vqmovn_s32(low), high), self.zero_point);
        let (low, high) = (words(steps(0), steps(1)), words(steps(2), steps(3)));
        vminq_u8(vmaxq_u8(vqmovun_high_s16(vqmovun_s16(low), high), self.low), self.high)
    }
}
