//! Rows for the kernels: the bytes under a window, one row for each output pixel.

use multiversion::multiversion;

use super::convolution::Geometry;
use super::{Form, Kernels};

/// Where rows come from.
#[derive(Clone, Copy, Debug)]
pub struct Gather<'a> {
    /// The convolution.
    pub geometry: &'a Geometry,
    /// Which group of channels.
    pub group: usize,
    /// The input.
    pub input: &'a [u8],
    /// What lies outside the input.
    pub zero_point: u8,
}

impl<'a> Gather<'a> {
    /// Bytes of one row as the kernels read it: (depth rounded up) × (size of an element).
    pub fn row_bytes(geometry: &Geometry, kernels: &Kernels) -> usize {
        kernels.padded(geometry.depth()) * kernels.form.bytes()
    }

    /// The rows where they are, and their pitch, when nothing needs to be gathered.
    pub fn direct(&self, kernels: &Kernels) -> Option<(&'a [u8], usize)> {
        let whole = kernels.padded(self.geometry.depth()) == self.geometry.depth();
        let as_it_is = kernels.form == Form::Bytes && whole && self.geometry.is_pointwise();
        as_it_is.then(|| (&self.input[self.first_channel()..], self.geometry.input_pitch))
    }

    /// Fills a block with the rows of the output pixels from `first` on.
    pub fn fill(&self, kernels: &Kernels, first: usize, block: &mut [u8]) {
        let length = kernels.padded(self.geometry.depth());
        match kernels.form {
            Form::Bytes => fill_bytes(self, first, length, block),
            // A block starts at a cache line, so it is aligned.
            Form::Wide => fill_wide(self, first, length, bytemuck::cast_slice_mut(block)),
        }
    }

    #[inline(always)]
    fn fill_cells<T: Cell>(&self, first: usize, length: usize, block: &mut [T]) {
        let Geometry { output_size: [height, width], input_pitch, .. } = *self.geometry;
        let depth = self.geometry.depth();
        if self.geometry.is_pointwise() && length == depth && input_pitch == depth {
            return copy(&self.input[first * depth..], block.len(), block);
        }
        let mut column = first % width;
        let mut row = first / width % height;
        let mut picture = first / width / height;
        for start in (0..block.len()).step_by(length) {
            self.fill_row(picture, [row, column], &mut block[start..]);
            // The weights there are zero; what stands there adds nothing, but it must stand still.
            block[start + depth..start + length].fill(T::of(0));
            column += 1;
            if column == width {
                (column, row) = (0, row + 1);
            }
            if row == height {
                (row, picture) = (0, picture + 1);
            }
        }
    }

    /// Fills the row that `cells` starts with. What comes after it may be overwritten: it is filled later.
    #[inline(always)]
    fn fill_row<T: Cell>(&self, picture: usize, at: [usize; 2], cells: &mut [T]) {
        let window = &self.geometry.window;
        let at = [at[0] * window.stride[0], at[1] * window.stride[1]];
        let channels = self.geometry.group_channels();
        let line = window.kernel[1] * channels;
        for row in 0..window.kernel[0] {
            let place = [at[0] + row * window.dilation[0], at[1]];
            if let Some(start) = self.whole_line(picture, place) {
                copy(&self.input[start..], line, &mut cells[row * line..]);
                continue;
            }
            for column in 0..window.kernel[1] {
                let place = [place[0], place[1] + column * window.dilation[1]];
                let cells = &mut cells[row * line + column * channels..];
                match self.geometry.pixel(picture, place) {
                    Some(start) => copy(&self.input[start + self.first_channel()..], channels, cells),
                    None => cells[..channels].fill(T::of(self.zero_point)),
                }
            }
        }
    }

    /// Where a whole row of the window lies in the input without a gap.
    #[inline(always)]
    fn whole_line(&self, picture: usize, place: [usize; 2]) -> Option<usize> {
        let Geometry { window, input_channels, input_pitch, groups, .. } = self.geometry;
        let together = *groups == 1 && input_channels == input_pitch && window.dilation[1] == 1;
        let last = [place[0], place[1] + window.kernel[1] - 1];
        self.geometry.pixel(picture, last).filter(|_| together)?;
        self.geometry.pixel(picture, place)
    }

    fn first_channel(&self) -> usize {
        self.group * self.geometry.group_channels()
    }
}

/// Elements that one vector holds.
const VECTOR: usize = 16;

/// Copies `length` elements. A short run is copied as a whole vector where there is room: it takes one instruction.
#[inline(always)]
fn copy<T: Cell>(from: &[u8], length: usize, to: &mut [T]) {
    if length <= VECTOR
        && let (Some(from), Some(to)) = (from.first_chunk::<VECTOR>(), to.first_chunk_mut::<VECTOR>())
    {
        *to = from.map(T::of);
        return;
    }
    T::copy(&from[..length], &mut to[..length]);
}

/// An element of a gathered row.
trait Cell: Copy {
    fn of(byte: u8) -> Self;
    /// Both are as long.
    fn copy(from: &[u8], to: &mut [Self]);
}

impl Cell for u8 {
    #[inline(always)]
    fn of(byte: u8) -> Self {
        byte
    }

    #[inline(always)]
    fn copy(from: &[u8], to: &mut [Self]) {
        to.copy_from_slice(from);
    }
}

impl Cell for u16 {
    #[inline(always)]
    fn of(byte: u8) -> Self {
        Self::from(byte)
    }

    #[inline(always)]
    fn copy(from: &[u8], to: &mut [Self]) {
        for (from, to) in from.iter().zip(to) {
            *to = Self::of(*from);
        }
    }
}

#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
fn fill_wide<'a>(gather: &'a Gather<'a>, first: usize, length: usize, block: &mut [u16]) {
    gather.fill_cells(first, length, block);
}

#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
fn fill_bytes<'a>(gather: &'a Gather<'a>, first: usize, length: usize, block: &mut [u8]) {
    gather.fill_cells(first, length, block);
}
