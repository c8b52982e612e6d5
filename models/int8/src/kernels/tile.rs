//! A tile: a few rows of bytes by one panel of weights.

use super::access::Shared;
use crate::quantization::{Bounds, requantize};

#[cfg(target_arch = "aarch64")]
/// Runs a strip, so many rows at a time: rows are a constant in each copy, so that sums stay in registers.
macro_rules! by_rows {
    ($strip:expr, $kernel:ident, $most:literal, $($rows:literal)+) => {
        for tile in $strip.tiles($most) {
            match tile.row_count {
                // SAFETY: the caller's promises.
                $($rows => unsafe { $kernel::<$rows>(&tile) },)+
                // SAFETY: the caller's promises.
                _ => unsafe { $kernel::<$most>(&tile) },
            }
        }
    };
}

#[cfg(target_arch = "aarch64")]
pub(super) use by_rows;

/// What a kernel multiplies, and where the results go.
pub struct Tile<'a> {
    /// The rows, one after the other, `row_pitch` apart, in the kernel's form; each `depth` long (a multiple of the
    /// kernel's depth).
    pub rows: &'a [u8],
    /// Bytes from one row to the next.
    pub row_pitch: usize,
    /// How many rows. A kernel is given a strip of any number, and computes it tile by tile.
    pub row_count: usize,
    /// How deep rows and weights are, in elements.
    pub depth: usize,
    /// The panel: for each step of the kernel's depth, for each column, that many weights.
    pub weights: &'a [i8],
    /// What the weights lack, in the order of columns.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only AVX2 takes weights in pairs"))]
    pub corrections: &'a [Correction],
    /// What happens to the sums.
    pub finish: Finish<'a>,
}

/// Rows of bytes.
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code, reason = "for SIMD kernels"))]
pub struct Rows<'a> {
    /// The rows, one after the other.
    pub bytes: &'a [u8],
    /// From one row to the next.
    pub pitch: usize,
    /// How many.
    pub count: usize,
    /// How long each is: a multiple of four.
    pub depth: usize,
}

/// What some neighbouring weights of a column lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Which column of the panel.
    pub column: u32,
    /// Which step of the kernel's depth.
    pub step: u32,
    /// What is to be added to the weights.
    pub weights: [i8; 4],
}

#[cfg(target_arch = "aarch64")]
impl Tile<'_> {
    /// A strip as tiles of no more than `most` rows.
    #[inline(always)]
    pub fn tiles(&self, most: usize) -> impl Iterator<Item = Tile<'_>> {
        (0..self.row_count).step_by(most).map(move |first| {
            let Finish { row_sums, start, pitch, .. } = self.finish;
            let row_sums = row_sums.get(first..).unwrap_or(&[]);
            let finish = Finish { row_sums, start: start + first * pitch, ..self.finish };
            let row_count = most.min(self.row_count - first);
            Tile { rows: &self.rows[first * self.row_pitch..], row_count, finish, ..*self }
        })
    }
}

/// What happens to a tile's sums.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// Added to each column's sums: bias and zero points. As many as the kernel's columns.
    pub bias: &'a [i32],
    /// Zero points of the columns' weights and the sums of the rows' bytes: their product is taken off. Both empty when
    /// the zero points are 0.
    pub weight_zero_points: &'a [i32],
    /// One for each row.
    pub row_sums: &'a [i32],
    /// Where results go.
    pub to: To<'a>,
    /// Place of the first row's first result.
    pub start: usize,
    /// Results from one row to the next.
    pub pitch: usize,
    /// How many of the panel's columns count.
    pub columns: usize,
}

/// Where results go.
#[derive(Clone, Copy)]
pub enum To<'a> {
    /// To bytes, requantized.
    Bytes {
        /// One for each column.
        multipliers: &'a [f32],
        /// The output's zero point.
        zero_point: u8,
        /// The output's bounds.
        bounds: Bounds,
        /// The output.
        output: &'a Shared<'a, u8>,
    },
    /// To sums.
    Sums(&'a Shared<'a, i32>),
}

impl Finish<'_> {
    /// The same for the rows from `row` on.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    pub fn of_rows_from(&self, row: usize) -> Self {
        let row_sums = self.row_sums.get(row..).unwrap_or(&[]);
        Self { row_sums, start: self.start + row * self.pitch, ..*self }
    }

    /// Bias, and what the zero points take off, for a row and a column.
    #[inline(always)]
    pub fn addend(&self, row: usize, column: usize) -> i32 {
        let taken =
            if self.row_sums.is_empty() { 0 } else { self.weight_zero_points[column].wrapping_mul(self.row_sums[row]) };
        self.bias[column].wrapping_sub(taken)
    }

    /// Stores a row's sums, one after the other: the plain way, for kernels' odd ends.
    ///
    /// # Safety
    /// The row's results must be the caller's alone.
    #[allow(unsafe_code)]
    pub unsafe fn store(&self, row: usize, sums: &[i32]) {
        let start = self.start + row * self.pitch;
        match &self.to {
            To::Bytes { multipliers, zero_point, bounds, output } => {
                // SAFETY: the caller's promise.
                let output = unsafe { output.get(start, self.columns) };
                for (column, byte) in output.iter_mut().enumerate() {
                    let sum = sums[column].wrapping_add(self.addend(row, column));
                    *byte = requantize(sum, multipliers[column], *zero_point, *bounds);
                }
            }
            To::Sums(output) => {
                // SAFETY: the caller's promise.
                let output = unsafe { output.get(start, self.columns) };
                for (column, result) in output.iter_mut().enumerate() {
                    *result = sums[column].wrapping_add(self.addend(row, column));
                }
            }
        }
    }
}
