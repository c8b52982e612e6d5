//! Products of two computed matrices.

use super::Kernels;
use super::access::Shared;
use super::convolution::Geometry;
use super::gather::Gather;
use super::panels::{Matrix, pack_into};
use super::tile::To;
use super::work::{Weights, Work};
use crate::graph::Window;
use crate::plan::ALIGNMENT;
use crate::quantization::Bounds;
use crate::threads::Threads;

/// Shapes and places: (rows × depth) by (depth × columns).
#[derive(Clone, Copy, Debug)]
pub struct ProductGeometry {
    /// Rows of the left side.
    pub rows: usize,
    /// Columns of the left side, rows of the right.
    pub depth: usize,
    /// Columns of the right side.
    pub columns: usize,
    /// From one row of the left side to the next; its columns lie together.
    pub left_pitch: usize,
    /// From one row, and from one column, of the right side to the next.
    pub right_strides: [usize; 2],
    /// From one row of the output to the next; its columns lie together.
    pub output_pitch: usize,
}

/// What sums become.
#[derive(Clone, Copy, Debug)]
pub struct Rescale {
    /// The zero points of left and right.
    pub zero_points: [u8; 2],
    /// Left scale × right scale / output scale.
    pub multiplier: f32,
    /// The output's zero point.
    pub output_zero_point: u8,
    /// The output's bounds.
    pub bounds: Bounds,
}

/// A product, prepared for one instruction set. The right side is packed while running.
#[derive(Clone, Debug)]
pub struct Product {
    kernels: &'static Kernels,
    product: ProductGeometry,
    rescale: Rescale,
    /// The left side as pixels of one picture.
    geometry: Geometry,
    multipliers: Vec<f32>,
    /// Zero points of the right side as signed bytes.
    zero_points: Vec<i32>,
}

impl Product {
    /// Prepares a product.
    #[must_use]
    pub fn new(kernels: &'static Kernels, product: ProductGeometry, rescale: Rescale) -> Self {
        let geometry = Geometry {
            batch: 1,
            input_size: [1, product.rows],
            input_channels: product.depth,
            output_size: [1, product.rows],
            output_channels: product.columns,
            window: Window::POINT,
            groups: 1,
            input_pitch: product.left_pitch,
            output_pitch: product.output_pitch,
        };
        let filled = product.columns.next_multiple_of(kernels.columns);
        // Unsigned bytes become signed ones, and so does their zero point: differences stay.
        let zero_point = i32::from(rescale.zero_points[1]) - 128;
        let zero_points = if zero_point == 0 { Vec::new() } else { vec![zero_point; filled] };
        Self { kernels, product, rescale, geometry, multipliers: vec![rescale.multiplier; filled], zero_points }
    }

    /// Scratch memory that so many threads need.
    #[must_use]
    pub fn scratch_bytes(&self, threads: usize) -> usize {
        self.packed_bytes() + self.bias_bytes() + Work::scratch_bytes(self.kernels, &self.geometry, threads)
    }

    fn filled(&self) -> usize {
        self.product.columns.next_multiple_of(self.kernels.columns)
    }

    fn packed_bytes(&self) -> usize {
        (self.filled() * self.kernels.padded(self.product.depth)).next_multiple_of(ALIGNMENT)
    }

    fn bias_bytes(&self) -> usize {
        (self.filled() * size_of::<i32>()).next_multiple_of(ALIGNMENT)
    }

    /// Multiplies. `scratch` starts at a cache line.
    pub fn run(&self, left: &[u8], right: &[u8], output: &mut [u8], scratch: &mut [u8], threads: &Threads) {
        let ProductGeometry { depth, columns, right_strides: [along_depth, along_columns], .. } = self.product;
        let (packed, scratch) = scratch.split_at_mut(self.packed_bytes());
        let (bias, scratch) = scratch.split_at_mut(self.bias_bytes());
        let packed: &mut [i8] = &mut bytemuck::cast_slice_mut(packed)[..self.filled() * self.kernels.padded(depth)];
        let strides = [along_depth, along_columns];
        pack_into(self.kernels, Matrix { bytes: right, strides, depth, columns, flip: 0x80 }, packed);
        let bias: &mut [i32] = &mut bytemuck::cast_slice_mut(bias)[..self.filled()];
        self.fold(packed, bias);
        let output = Shared::new(output);
        let Rescale { zero_points, output_zero_point: zero_point, bounds, .. } = self.rescale;
        let work = Work {
            kernels: self.kernels,
            rows: Gather { geometry: &self.geometry, group: 0, input: left, zero_point: zero_points[0] },
            panels: Weights::Computed(packed),
            columns,
            bias,
            weight_zero_points: &self.zero_points,
            to: To::Bytes { multipliers: &self.multipliers, zero_point, bounds, output: &output },
            first: 0,
            pitch: self.product.output_pitch,
        };
        work.run(scratch, threads);
    }

    /// What the left zero point takes off each column: itself times the sum of the column's differences. And what gives
    /// back what the tiles take off the left bytes.
    fn fold(&self, packed: &[i8], bias: &mut [i32]) {
        let Kernels { columns, depth, taken: taken_off, .. } = self.kernels;
        let taken = self.zero_points.first().copied().unwrap_or(0) * self.product.depth as i32;
        let panel = self.kernels.padded(self.product.depth) * columns;
        for (panel, bias) in packed.chunks(panel).zip(bias.chunks_mut(*columns)) {
            bias.fill(0);
            for cell in panel.chunks(columns * depth) {
                for (bias, weights) in bias.iter_mut().zip(cell.chunks(*depth)) {
                    *bias += weights.iter().map(|weight| i32::from(*weight)).sum::<i32>();
                }
            }
            let zero_point = i32::from(self.rescale.zero_points[0]);
            bias.iter_mut().for_each(|sum| *sum = *sum * taken_off - zero_point.wrapping_mul(*sum - taken));
        }
    }
}
