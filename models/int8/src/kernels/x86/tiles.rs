//! Strips of rows by panels of weights.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::finish::{Store, Sums};
use super::wide_finish::WideStore;
use crate::kernels::access::from;
use crate::kernels::tile::Tile;

/// Runs a strip, so many rows at a time: rows are a constant in each copy, so that sums stay in registers.
macro_rules! by_rows {
    ($strip:expr, $kernel:ident, $stores:expr, $most:literal, $($rows:literal)+) => {
        let stores = $stores;
        for first in (0..$strip.row_count).step_by($most) {
            match $strip.row_count - first {
                // SAFETY: the caller's promises.
                $($rows => unsafe { $kernel::<$rows>($strip, first, &stores) },)+
                // SAFETY: the caller's promises.
                _ => unsafe { $kernel::<$most>($strip, first, &stores) },
            }
        }
    };
}

/// # Safety
/// The processor has AVX2; the strip's results are the caller's alone.
#[target_feature(enable = "avx2")]
pub unsafe fn avx2(strip: &Tile<'_>) {
    // SAFETY: the caller's promise.
    let store = unsafe { Store::new(&strip.finish, 0) };
    by_rows!(strip, rows_avx2, store, 6, 1 2 3 4 5);
}

/// # Safety
/// The processor has AVX2 and AVX-VNNI; the strip's results are the caller's alone.
#[target_feature(enable = "avx2,avxvnni")]
pub unsafe fn avx_vnni(strip: &Tile<'_>) {
    // SAFETY: the caller's promise.
    let store = unsafe { Store::new(&strip.finish, 0) };
    by_rows!(strip, rows_avx_vnni, store, 6, 1 2 3 4 5);
}

/// # Safety
/// The processor has AVX-512 with VNNI; the strip's results are the caller's alone.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn avx512_vnni(strip: &Tile<'_>) {
    // SAFETY: the caller's promise.
    let stores = unsafe { [WideStore::new(&strip.finish, 0), WideStore::new(&strip.finish, 16)] };
    by_rows!(strip, rows_avx512_vnni, stores, 12, 1 2 3 4 5 6 7 8 9 10 11);
}

/// Two neighbouring elements of a wide row, four of a row of bytes.
///
/// # Safety
/// They must lie inside the rows.
#[inline(always)]
unsafe fn four_bytes(strip: &Tile<'_>, row: usize, offset: usize) -> i32 {
    // SAFETY: the caller's promise; an unaligned read of plain bytes.
    unsafe { from(strip.rows, row * strip.row_pitch + offset, 4).cast::<i32>().read_unaligned() }
}

/// # Safety
/// As [`avx2`]; the rows exist.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn rows_avx2<const ROWS: usize>(strip: &Tile<'_>, first: usize, store: &Store<'_>) {
    let mut sums: Sums<ROWS> = [[_mm256_setzero_si256(); 2]; ROWS];
    for step in 0..strip.depth / 2 {
        // SAFETY: a panel has 32 weights for each step of two depths, and each row four bytes.
        unsafe {
            let weights = from(strip.weights, step * 32, 32);
            let low = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.cast()));
            let high = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.add(16).cast()));
            for (row, sums) in sums.iter_mut().enumerate() {
                let pair = _mm256_set1_epi32(four_bytes(strip, first + row, step * 4));
                sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(pair, low));
                sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(pair, high));
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { store.rows(first, &sums) };
}

/// # Safety
/// As [`avx_vnni`]; the rows exist.
#[target_feature(enable = "avx2,avxvnni")]
#[inline]
unsafe fn rows_avx_vnni<const ROWS: usize>(strip: &Tile<'_>, first: usize, store: &Store<'_>) {
    let mut sums: Sums<ROWS> = [[_mm256_setzero_si256(); 2]; ROWS];
    for step in 0..strip.depth / 4 {
        // SAFETY: a panel has 64 weights for each step of four depths, and each row four bytes.
        unsafe {
            let weights = from(strip.weights, step * 64, 64);
            let low = _mm256_loadu_si256(weights.cast());
            let high = _mm256_loadu_si256(weights.add(32).cast());
            for (row, sums) in sums.iter_mut().enumerate() {
                let four = _mm256_set1_epi32(four_bytes(strip, first + row, step * 4));
                sums[0] = _mm256_dpbusd_avx_epi32(sums[0], four, low);
                sums[1] = _mm256_dpbusd_avx_epi32(sums[1], four, high);
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { store.rows(first, &sums) };
}

/// # Safety
/// As [`avx512_vnni`]; the rows exist.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn rows_avx512_vnni<const ROWS: usize>(strip: &Tile<'_>, first: usize, stores: &[WideStore<'_>; 2]) {
    // SAFETY: the caller's promise.
    unsafe {
        if strip.finish.columns <= 16 {
            halves_avx512_vnni::<ROWS, 1>(strip, first, stores);
        } else {
            halves_avx512_vnni::<ROWS, 2>(strip, first, stores);
        }
    }
}

/// The first sixteen columns of a panel, or both times sixteen.
///
/// # Safety
/// As [`rows_avx512_vnni`].
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn halves_avx512_vnni<const ROWS: usize, const HALVES: usize>(
    strip: &Tile<'_>,
    first: usize,
    stores: &[WideStore<'_>; 2],
) {
    let mut sums = [[_mm512_setzero_si512(); ROWS]; HALVES];
    for step in 0..strip.depth / 4 {
        // SAFETY: a panel has 128 weights for each step of four depths, and each row four bytes.
        unsafe {
            let mut weights = [_mm512_setzero_si512(); HALVES];
            for (half, weights) in weights.iter_mut().enumerate() {
                *weights = _mm512_loadu_si512(from(strip.weights, step * 128 + half * 64, 64).cast());
            }
            for row in 0..ROWS {
                let four = _mm512_set1_epi32(four_bytes(strip, first + row, step * 4));
                for (sums, weights) in sums.iter_mut().zip(weights) {
                    sums[row] = _mm512_dpbusd_epi32(sums[row], four, weights);
                }
            }
        }
    }
    for (store, sums) in stores.iter().zip(&sums) {
        // SAFETY: the caller's promise.
        unsafe { store.rows(first, sums) };
    }
}
