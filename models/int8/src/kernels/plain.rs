//! Kernels in plain Rust: what the others must equal, and what runs where there is nothing better.

#![allow(unsafe_code)]

use super::depthwise::Depthwise;
use super::tile::Tile;
use super::{Form, Kernels, elementwise};

const ROWS: usize = 4;
const COLUMNS: usize = 8;
const DEPTH: usize = 4;

/// Four rows by eight columns, four depths a step.
pub static KERNELS: Kernels = Kernels {
    name: "plain",
    form: Form::Bytes,
    rows: ROWS,
    columns: COLUMNS,
    depth: DEPTH,
    taken: 0,
    symmetric: None,
    large: None,
    interleave: None,
    tile,
    depthwise,
    look_up: elementwise::look_up,
    by_columns: false,
    shares_columns: false,
};

/// # Safety
/// The tile's results must be the caller's alone.
unsafe fn tile(tile: &Tile<'_>) {
    for row in 0..tile.row_count {
        let bytes = &tile.rows[row * tile.row_pitch..][..tile.depth];
        let mut sums = [0_i32; COLUMNS];
        for (bytes, weights) in bytes.chunks(DEPTH).zip(tile.weights.chunks(DEPTH * COLUMNS)) {
            for (sum, weights) in sums.iter_mut().zip(weights.chunks(DEPTH)) {
                let products = bytes.iter().zip(weights).map(|(byte, weight)| i32::from(*byte) * i32::from(*weight));
                *sum = sum.wrapping_add(products.sum());
            }
        }
        // SAFETY: the caller's promise.
        unsafe { tile.finish.store(row, &sums) };
    }
}

/// # Safety
/// The pixel's results must be the caller's alone.
unsafe fn depthwise(work: &Depthwise<'_>) {
    for block in 0..work.blocks() {
        // SAFETY: the caller's promise.
        unsafe { work.plain_block(block) };
    }
}
