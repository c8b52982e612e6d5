//! Tiles: rows of bytes by 16 columns of weights.

use std::arch::aarch64::*;

use super::finish::finish_tile;
use super::instructions::{dot, multiply_matrices};
use super::{COLUMNS, VECTORS};
use crate::kernels::access::from;
use crate::kernels::tile::{Tile, by_rows};

/// # Safety
/// The processor has dotprod; the tile's results are the caller's alone.
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn dotprod(strip: &Tile<'_>) {
    by_rows!(strip, rows_dotprod, 6, 1 2 3 4 5);
}

/// # Safety
/// The processor has i8mm; the tile's results are the caller's alone.
#[target_feature(enable = "neon,i8mm")]
pub unsafe fn i8mm(strip: &Tile<'_>) {
    // Rows go in pairs; the last may stand twice.
    for tile in strip.tiles(6) {
        match tile.row_count.div_ceil(2) {
            // SAFETY: the caller's promises.
            1 => unsafe { pairs_i8mm::<1, 2>(&tile) },
            // SAFETY: as above.
            2 => unsafe { pairs_i8mm::<2, 4>(&tile) },
            // SAFETY: as above.
            _ => unsafe { pairs_i8mm::<3, 6>(&tile) },
        }
    }
}

/// # Safety
/// The tile's results are the caller's alone.
#[target_feature(enable = "neon")]
pub unsafe fn neon(strip: &Tile<'_>) {
    by_rows!(strip, rows_neon_full, 4, 1 2 3);
}

/// # Safety
/// The tile's results are the caller's alone; no weight is −128.
#[target_feature(enable = "neon")]
pub unsafe fn neon_symmetric(strip: &Tile<'_>) {
    by_rows!(strip, rows_neon_symmetric, 4, 1 2 3);
}

/// The biases of the tile's columns.
#[target_feature(enable = "neon")]
#[inline]
pub fn bias(tile: &Tile<'_>) -> [int32x4_t; VECTORS] {
    // SAFETY: there are as many biases as columns.
    [0, 1, 2, 3].map(|vector| unsafe { vld1q_s32(from(tile.finish.bias, vector * 4, 4)) })
}

/// Sixteen bytes of a row, less 128.
///
/// # Safety
/// They must lie inside the rows.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn sixteen_signed(tile: &Tile<'_>, row: usize, offset: usize) -> int8x16_t {
    // SAFETY: the caller's promise.
    let bytes = unsafe { vld1q_u8(from(tile.rows, row * tile.row_pitch + offset, 16)) };
    vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(128)))
}

/// Four bytes of a row, less 128, four times.
///
/// # Safety
/// They must lie inside the rows.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn four_signed(tile: &Tile<'_>, row: usize, offset: usize) -> int8x16_t {
    // SAFETY: the caller's promise; an unaligned read of plain bytes.
    let four = unsafe { from(tile.rows, row * tile.row_pitch + offset, 4).cast::<u32>().read_unaligned() };
    vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_u32(vdupq_n_u32(four)), vdupq_n_u8(128)))
}

/// Sixteen weights.
///
/// # Safety
/// They must lie inside the panel.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn sixteen_weights(tile: &Tile<'_>, start: usize) -> int8x16_t {
    // SAFETY: the caller's promise.
    unsafe { vld1q_s8(from(tile.weights, start, 16)) }
}

/// # Safety
/// As [`dotprod`].
#[target_feature(enable = "neon,dotprod")]
#[inline]
unsafe fn rows_dotprod<const ROWS: usize>(tile: &Tile<'_>) {
    let mut sums = [bias(tile); ROWS];
    let mut bytes = [vdupq_n_s8(0); ROWS];
    let whole = tile.depth / 16 * 16;
    for depth in (0..whole).step_by(16) {
        // SAFETY: there are sixteen more depths.
        unsafe {
            for (row, bytes) in bytes.iter_mut().enumerate() {
                *bytes = sixteen_signed(tile, row, depth);
            }
            dot_step::<0, ROWS>(tile, depth, &bytes, &mut sums);
            dot_step::<1, ROWS>(tile, depth + 4, &bytes, &mut sums);
            dot_step::<2, ROWS>(tile, depth + 8, &bytes, &mut sums);
            dot_step::<3, ROWS>(tile, depth + 12, &bytes, &mut sums);
        }
    }
    for depth in (whole..tile.depth).step_by(4) {
        // SAFETY: depths are a multiple of four.
        unsafe {
            for (row, bytes) in bytes.iter_mut().enumerate() {
                *bytes = four_signed(tile, row, depth);
            }
            dot_step::<0, ROWS>(tile, depth, &bytes, &mut sums);
        }
    }
    // SAFETY: the caller's promise.
    unsafe { finish_tile(&tile.finish, &sums) };
}

/// Four depths: one lane of the rows' bytes.
///
/// # Safety
/// As [`dotprod`]; the depths exist.
#[target_feature(enable = "neon,dotprod")]
#[inline]
pub unsafe fn dot_step<const LANE: i32, const ROWS: usize>(
    tile: &Tile<'_>,
    depth: usize,
    bytes: &[int8x16_t; ROWS],
    sums: &mut [[int32x4_t; VECTORS]; ROWS],
) {
    for vector in 0..VECTORS {
        // SAFETY: a panel has four weights of each column for four depths.
        let weights = unsafe { sixteen_weights(tile, depth * COLUMNS + vector * 16) };
        for (sums, bytes) in sums.iter_mut().zip(bytes) {
            sums[vector] = dot::<LANE>(sums[vector], weights, *bytes);
        }
    }
}

/// # Safety
/// As [`i8mm`].
#[target_feature(enable = "neon,i8mm")]
#[inline]
unsafe fn pairs_i8mm<const PAIRS: usize, const ROWS: usize>(tile: &Tile<'_>) {
    const PAIR_COLUMNS: usize = COLUMNS / 2;
    let mut sums = [[vdupq_n_s32(0); PAIR_COLUMNS]; PAIRS];
    for depth in (0..tile.depth).step_by(8) {
        // SAFETY: depths are a multiple of eight, and a panel has eight weights of each column for them.
        unsafe {
            let mut bytes = [vdupq_n_u8(0); PAIRS];
            for (pair, bytes) in bytes.iter_mut().enumerate() {
                let rows = [2 * pair, (2 * pair + 1).min(tile.row_count - 1)];
                let [one, two] = rows.map(|row| vld1_u8(from(tile.rows, row * tile.row_pitch + depth, 8)));
                *bytes = vcombine_u8(one, two);
            }
            for column in 0..PAIR_COLUMNS {
                let weights = sixteen_weights(tile, depth * COLUMNS + column * 16);
                for (sums, bytes) in sums.iter_mut().zip(&bytes) {
                    sums[column] = multiply_matrices(sums[column], *bytes, weights);
                }
            }
        }
    }
    let bias = bias(tile);
    let mut rows = [bias; ROWS];
    for (pair, sums) in sums.iter().enumerate() {
        rows[2 * pair] = row_of_pair::<0>(sums, &bias);
        rows[2 * pair + 1] = row_of_pair::<1>(sums, &bias);
    }
    if tile.row_count == ROWS {
        // SAFETY: the caller's promise.
        return unsafe { finish_tile(&tile.finish, &rows) };
    }
    for (row, sums) in rows.iter().enumerate().take(tile.row_count) {
        // SAFETY: the caller's promise.
        unsafe { finish_tile(&tile.finish.of_rows_from(row), &[*sums]) };
    }
}

/// One row of a pair's sums, and the bias.
#[target_feature(enable = "neon")]
#[inline]
fn row_of_pair<const SECOND: usize>(
    sums: &[int32x4_t; COLUMNS / 2],
    bias: &[int32x4_t; VECTORS],
) -> [int32x4_t; VECTORS] {
    let half = |vector: int32x4_t| vreinterpretq_s64_s32(vector);
    let mut row = *bias;
    for (vector, row) in row.iter_mut().enumerate() {
        let (one, two) = (half(sums[2 * vector]), half(sums[2 * vector + 1]));
        let together = if SECOND == 0 { vzip1q_s64(one, two) } else { vzip2q_s64(one, two) };
        *row = vaddq_s32(*row, vreinterpretq_s32_s64(together));
    }
    row
}

/// # Safety
/// As [`neon`].
#[target_feature(enable = "neon")]
#[inline]
unsafe fn rows_neon_full<const ROWS: usize>(tile: &Tile<'_>) {
    // SAFETY: the caller's promise.
    unsafe { rows_neon::<ROWS, false>(tile) };
}

/// # Safety
/// As [`neon_symmetric`].
#[target_feature(enable = "neon")]
#[inline]
unsafe fn rows_neon_symmetric<const ROWS: usize>(tile: &Tile<'_>) {
    // SAFETY: the caller's promise.
    unsafe { rows_neon::<ROWS, true>(tile) };
}

/// # Safety
/// The tile's results are the caller's alone; when `SYMMETRIC`, no weight is −128.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn rows_neon<const ROWS: usize, const SYMMETRIC: bool>(tile: &Tile<'_>) {
    let mut sums = [bias(tile); ROWS];
    for vector in 0..VECTORS {
        // SAFETY: the caller's promise.
        let four = unsafe { four_columns::<ROWS, SYMMETRIC>(tile, vector) };
        for (sums, four) in sums.iter_mut().zip(four) {
            let [one, two, three, four] = four;
            let total = vpaddq_s32(vpaddq_s32(one, two), vpaddq_s32(three, four));
            sums[vector] = vaddq_s32(sums[vector], total);
        }
    }
    // SAFETY: the caller's promise.
    unsafe { finish_tile(&tile.finish, &sums) };
}

/// Four columns' sums, each in four parts.
///
/// # Safety
/// As [`rows_neon`].
#[target_feature(enable = "neon")]
#[inline]
unsafe fn four_columns<const ROWS: usize, const SYMMETRIC: bool>(
    tile: &Tile<'_>,
    vector: usize,
) -> [[int32x4_t; 4]; ROWS] {
    let mut sums = [[vdupq_n_s32(0); 4]; ROWS];
    for depth in (0..tile.depth).step_by(16) {
        let mut bytes = [vdupq_n_s8(0); ROWS];
        for (row, bytes) in bytes.iter_mut().enumerate() {
            // SAFETY: depths are a multiple of 16.
            *bytes = unsafe { sixteen_signed(tile, row, depth) };
        }
        for column in 0..4 {
            // SAFETY: a panel has 16 weights of each column for 16 depths.
            let weights = unsafe { sixteen_weights(tile, depth * COLUMNS + (vector * 4 + column) * 16) };
            for (sums, bytes) in sums.iter_mut().zip(&bytes) {
                sums[column] = add_products::<SYMMETRIC>(sums[column], *bytes, weights);
            }
        }
    }
    sums
}

/// Adds 16 products. 16 bits hold two of them unless all four factors are −128.
#[target_feature(enable = "neon")]
#[inline]
fn add_products<const SYMMETRIC: bool>(sums: int32x4_t, bytes: int8x16_t, weights: int8x16_t) -> int32x4_t {
    let products = vmull_s8(vget_low_s8(bytes), vget_low_s8(weights));
    if SYMMETRIC {
        vpadalq_s16(sums, vmlal_high_s8(products, bytes, weights))
    } else {
        vpadalq_s16(vpadalq_s16(sums, products), vmull_high_s8(bytes, weights))
    }
}
