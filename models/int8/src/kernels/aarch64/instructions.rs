//! Instructions for which stable Rust has no functions yet.

use std::arch::aarch64::{int8x16_t, int32x4_t, uint8x16_t};
use std::arch::asm;

/// Adds to each sum four products: of its four weights by the four bytes of one lane.
#[target_feature(enable = "neon,dotprod")]
#[inline]
pub fn dot<const LANE: i32>(mut sums: int32x4_t, weights: int8x16_t, bytes: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers alone; the function's features include the instruction.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {weights:v}.16b, {bytes:v}.4b[{lane}]",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            bytes = in(vreg) bytes,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// Adds to each sum four products: of its four weights by its four bytes.
#[target_feature(enable = "neon,dotprod")]
#[inline]
pub fn dot_all(mut sums: int32x4_t, weights: int8x16_t, bytes: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers alone; the function's features include the instruction.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {weights:v}.16b, {bytes:v}.16b",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            bytes = in(vreg) bytes,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// Adds the products of two rows of eight bytes by two columns of eight weights: row by row, two sums each.
#[target_feature(enable = "neon,i8mm")]
#[inline]
pub fn multiply_matrices(mut sums: int32x4_t, bytes: uint8x16_t, weights: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers alone; the function's features include the instruction.
    unsafe {
        asm!(
            "usmmla {sums:v}.4s, {bytes:v}.16b, {weights:v}.16b",
            sums = inout(vreg) sums,
            bytes = in(vreg) bytes,
            weights = in(vreg) weights,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
