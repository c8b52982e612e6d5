//! Rows by panels, as [`tiles`](super::tiles) multiplies them with dotprod, for products of several panels: what each panel would do
//! anew with the same rows is done once. Rows are interleaved and lose their 128, so that a tile reads them one after the other.

#![allow(unsafe_code)]

use std::arch::aarch64::*;

use super::VECTORS;
use super::finish::finish_tile;
use super::tiles::{bias, dot_step};
use crate::kernels::access::from;
use crate::kernels::tile::{Rows, Tile, by_rows};

/// Rows of a tile.
pub const ROWS: usize = 6;

/// Depths of one row that stand together.
const DEPTH: usize = 16;

/// Interleaves rows in groups of six: sixteen depths of each row, then the next sixteen; what is left, four by four. In a last group that isn't
/// whole, nothing is read of the rows that it lacks.
///
/// # Safety
/// The processor has NEON.
#[target_feature(enable = "neon")]
pub unsafe fn interleave(rows: &Rows<'_>, interleaved: &mut [u8]) {
    let groups = interleaved.chunks_exact_mut(ROWS * rows.depth).take(rows.count.div_ceil(ROWS));
    for (group, interleaved) in groups.enumerate() {
        let (whole, rest) = interleaved.split_at_mut(rows.depth / DEPTH * DEPTH * ROWS);
        for row in 0..ROWS.min(rows.count - group * ROWS) {
            let bytes = &rows.bytes[(group * ROWS + row) * rows.pitch..][..rows.depth];
            let (blocks, fours) = bytes.as_chunks::<DEPTH>();
            put(blocks, row, whole);
            put(fours.as_chunks::<4>().0, row, rest);
        }
    }
}

/// A row's blocks to their places among the other rows', less 128.
#[inline(always)]
fn put<const LENGTH: usize>(blocks: &[[u8; LENGTH]], row: usize, interleaved: &mut [u8]) {
    let (places, _) = interleaved.as_chunks_mut::<LENGTH>().0.as_chunks_mut::<ROWS>();
    for (block, places) in blocks.iter().zip(places) {
        places[row] = block.map(|byte| byte ^ 128);
    }
}

/// # Safety
/// The processor has dotprod; rows are interleaved; the strip's results are the caller's alone.
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn tile(strip: &Tile<'_>) {
    by_rows!(strip, rows, 6, 1 2 3 4 5);
}

/// The first rows of a group.
///
/// # Safety
/// As [`tile`].
#[target_feature(enable = "neon,dotprod")]
#[inline]
unsafe fn rows<const COUNT: usize>(tile: &Tile<'_>) {
    let mut sums: [[int32x4_t; VECTORS]; COUNT] = [bias(tile); COUNT];
    let mut bytes = [vdupq_n_s8(0); COUNT];
    let whole = tile.depth / DEPTH * DEPTH;
    for depth in (0..whole).step_by(DEPTH) {
        // SAFETY: a group has sixteen more depths of six rows.
        unsafe {
            let group = from(tile.rows, depth * ROWS, DEPTH * COUNT).cast::<i8>();
            for (row, bytes) in bytes.iter_mut().enumerate() {
                *bytes = vld1q_s8(group.add(row * DEPTH));
            }
            dot_step::<0, COUNT>(tile, depth, &bytes, &mut sums);
            dot_step::<1, COUNT>(tile, depth + 4, &bytes, &mut sums);
            dot_step::<2, COUNT>(tile, depth + 8, &bytes, &mut sums);
            dot_step::<3, COUNT>(tile, depth + 12, &bytes, &mut sums);
        }
    }
    for depth in (whole..tile.depth).step_by(4) {
        // SAFETY: depths are a multiple of four; an unaligned read of plain bytes.
        unsafe {
            let group = from(tile.rows, depth * ROWS, 4 * COUNT).cast::<u32>();
            for (row, bytes) in bytes.iter_mut().enumerate() {
                *bytes = vreinterpretq_s8_u32(vdupq_n_u32(group.add(row).read_unaligned()));
            }
            dot_step::<0, COUNT>(tile, depth, &bytes, &mut sums);
        }
    }
    // SAFETY: the caller's promise.
    unsafe { finish_tile(&tile.finish, &sums) };
}
