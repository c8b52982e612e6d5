//! Rows by panels: cut into blocks that stay in the caches, and into tiles.

#![allow(unsafe_code)]

use std::ops::Range;

use super::Kernels;
use super::access::Shared;
use super::convolution::Geometry;
use super::elementwise;
use super::gather::Gather;
use super::panels::Panels;
use super::tile::{Finish, Rows, Tile, To};
use crate::plan::ALIGNMENT;
use crate::threads::Threads;

/// Packed weights of any origin.
#[derive(Clone, Copy)]
pub enum Weights<'a> {
    /// Constant ones.
    Panels(&'a Panels),
    /// Those of a computed matrix.
    Computed(&'a [i8]),
}

/// All tiles of a convolution's group, or of a product.
pub struct Work<'a> {
    /// The instruction set.
    pub kernels: &'static Kernels,
    /// The rows.
    pub rows: Gather<'a>,
    /// Packed weights.
    pub panels: Weights<'a>,
    /// Output channels.
    pub columns: usize,
    /// Added to sums, by column, filled up to whole panels.
    pub bias: &'a [i32],
    /// Empty, or by column, filled up.
    pub weight_zero_points: &'a [i32],
    /// Where results go; multipliers are filled up.
    pub to: To<'a>,
    /// The first column's place in a row of the output.
    pub first: usize,
    /// Results from one row of the output to the next.
    pub pitch: usize,
}

/// Gathered rows that stay in the first cache while small panels pass by.
const SMALL_BLOCK_BYTES: usize = 24 << 10;
/// Gathered rows that stay in the second cache while panels pass by that don't.
const LARGE_BLOCK_BYTES: usize = 160 << 10;
/// Panels that the second cache holds.
const SMALL_PANELS_BYTES: usize = 256 << 10;

impl Work<'_> {
    /// Scratch memory that so many threads need.
    pub fn scratch_bytes(kernels: &Kernels, geometry: &Geometry, threads: usize) -> usize {
        threads * Self::thread_bytes(kernels, geometry)
    }

    fn thread_bytes(kernels: &Kernels, geometry: &Geometry) -> usize {
        let row_sums = block_rows(kernels, geometry) * size_of::<i32>();
        let interleaved = if kernels.interleave.is_some() { Self::block_bytes(kernels, geometry) } else { 0 };
        Self::block_bytes(kernels, geometry) + row_sums.next_multiple_of(ALIGNMENT) + interleaved
    }

    fn block_bytes(kernels: &Kernels, geometry: &Geometry) -> usize {
        (block_rows(kernels, geometry) * Gather::row_bytes(geometry, kernels)).next_multiple_of(ALIGNMENT)
    }

    /// Computes all tiles.
    pub fn run(&self, scratch: &mut [u8], threads: &Threads) {
        let geometry = self.rows.geometry;
        let thread_bytes = Self::thread_bytes(self.kernels, geometry);
        let scratch = Shared::new(scratch);
        // SAFETY: no two parts run under one thread's number at the same time, so its scratch is theirs alone.
        let own = |thread: usize| unsafe { scratch.get(thread * thread_bytes, thread_bytes) };
        let (rows, panels) = (geometry.rows(), self.columns.div_ceil(self.kernels.columns));
        let by_rows = |thread: usize, rows: Range<usize>| self.blocks(rows, 0..panels, own(thread));
        let grain = self.kernels.rows;
        // Few rows can't feed many threads: then each takes some of the panels.
        if rows < grain * threads.count() * 2 && panels > 1 {
            threads.split_once(panels, 1, &|thread, panels| self.blocks(0..rows, panels, own(thread)));
        } else if panels_bytes(geometry) > SMALL_PANELS_BYTES {
            // Every range reads all panels anew.
            threads.split_once(rows, grain, &by_rows);
        } else {
            threads.split(rows, 4 * grain, &by_rows);
        }
    }

    fn blocks(&self, rows: Range<usize>, panels: Range<usize>, scratch: &mut [u8]) {
        let length = block_rows(self.kernels, self.rows.geometry);
        let block_bytes = Self::block_bytes(self.kernels, self.rows.geometry);
        let (block, scratch) = scratch.split_at_mut(block_bytes);
        let (interleaved, row_sums) =
            scratch.split_at_mut(if self.kernels.interleave.is_some() { block_bytes } else { 0 });
        for first in rows.clone().step_by(length) {
            let count = length.min(rows.end - first);
            self.block(first..first + count, panels.clone(), [block, interleaved], bytemuck::cast_slice_mut(row_sums));
        }
    }

    /// A block of rows by panels.
    fn block(&self, rows: Range<usize>, panels: Range<usize>, memory: [&mut [u8]; 2], row_sums: &mut [i32]) {
        let [block, interleaved] = memory;
        let row_bytes = Gather::row_bytes(self.rows.geometry, self.kernels);
        let (bytes, pitch): (&[u8], usize) = match self.rows.direct(self.kernels) {
            Some((bytes, pitch)) => (&bytes[rows.start * pitch..], pitch),
            None => {
                let block = &mut block[..rows.len() * row_bytes];
                self.rows.fill(self.kernels, rows.start, block);
                (block, row_bytes)
            }
        };
        let row_sums = &mut row_sums[..if self.weight_zero_points.is_empty() { 0 } else { rows.len() }];
        self.sum_rows(bytes, pitch, row_sums);
        let (bytes, pitch) = match self.kernels.interleave {
            Some(interleave) => {
                let rows = Rows { bytes, pitch, count: rows.len(), depth: row_bytes };
                // SAFETY: `Kernels::available` saw that there are the instructions.
                unsafe { interleave(&rows, interleaved) };
                (&*interleaved, row_bytes)
            }
            None => (bytes, pitch),
        };
        for panel in panels {
            let finish = self.finish(rows.start, panel, row_sums);
            self.strip(bytes, pitch, rows.len(), panel, finish);
        }
    }

    fn sum_rows(&self, bytes: &[u8], pitch: usize, row_sums: &mut [i32]) {
        for (row, sum) in row_sums.iter_mut().enumerate() {
            let row = &bytes[row * pitch..][..Gather::row_bytes(self.rows.geometry, self.kernels)];
            // Wide rows have a zero byte beside each byte; it adds nothing.
            *sum = elementwise::sum(row);
        }
    }

    /// A block of rows by one panel.
    fn strip(&self, rows: &[u8], row_pitch: usize, row_count: usize, panel: usize, finish: Finish<'_>) {
        let depth = self.kernels.padded(self.rows.geometry.depth());
        let length = depth * self.kernels.columns;
        let (weights, corrections) = match self.panels {
            Weights::Panels(panels) => (&panels.weights[..], panels.corrections(panel)),
            Weights::Computed(weights) => (weights, &[][..]),
        };
        let weights = &weights[panel * length..(panel + 1) * length];
        let tile = Tile { rows, row_pitch, row_count, depth, weights, corrections, finish };
        // SAFETY: `Kernels::available` saw that there are the instructions; rows or panels are split among threads, so
        // a tile's results are this thread's alone.
        unsafe { (self.kernels.tile)(&tile) };
    }

    fn finish<'a>(&'a self, row: usize, panel: usize, row_sums: &'a [i32]) -> Finish<'a> {
        let first = panel * self.kernels.columns;
        let to = match self.to {
            To::Bytes { multipliers, zero_point, bounds, output } => {
                To::Bytes { multipliers: &multipliers[first..], zero_point, bounds, output }
            }
            sums @ To::Sums(_) => sums,
        };
        Finish {
            bias: &self.bias[first..],
            weight_zero_points: self.weight_zero_points.get(first..).unwrap_or(&[]),
            row_sums,
            to,
            start: row * self.pitch + self.first + first,
            pitch: self.pitch,
            columns: self.kernels.columns.min(self.columns - first),
        }
    }
}

/// How many rows a block has: a multiple of a tile's.
fn block_rows(kernels: &Kernels, geometry: &Geometry) -> usize {
    let row_bytes = Gather::row_bytes(geometry, kernels);
    let bytes = if panels_bytes(geometry) <= SMALL_PANELS_BYTES { SMALL_BLOCK_BYTES } else { LARGE_BLOCK_BYTES };
    let all = geometry.rows().next_multiple_of(kernels.rows);
    (bytes / row_bytes / kernels.rows * kernels.rows).clamp(kernels.rows, all)
}

/// Weights of one group.
const fn panels_bytes(geometry: &Geometry) -> usize {
    geometry.depth() * geometry.output_channels / geometry.groups
}
