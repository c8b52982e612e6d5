//! Rows for the kernels: the bytes under a window, one row for each output pixel.

use std::array::from_fn;
use std::ops::Range;

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
        let mut cells = block;
        while !cells.is_empty() {
            let count = (width - column).min(cells.len() / length);
            self.fill_line(picture, row, column..column + count, length, cells);
            cells = &mut cells[count * length..];
            (column, row) = (0, row + 1);
            if row == height {
                (row, picture) = (0, picture + 1);
            }
        }
    }

    /// Fills the rows of some output pixels of a line. What comes after them may be overwritten: it is filled later.
    #[inline(always)]
    fn fill_line<T: Cell>(&self, picture: usize, row: usize, columns: Range<usize>, length: usize, cells: &mut [T]) {
        let depth = self.geometry.depth();
        let (lines, inner) = self.lines(picture, row);
        let step = self.geometry.window.stride[1] * self.geometry.input_pitch;
        let mut column = columns.start;
        while column < columns.end {
            let cells = &mut cells[(column - columns.start) * length..];
            if inner.contains(&column) {
                let offset = (column - inner.start) * step;
                let most = inner.end.min(columns.end) - column;
                let done = self.fill_short(&lines, offset, [length, most], cells);
                column += done;
                if done > 0 {
                    continue;
                }
                self.fill_inner(&lines, offset, cells);
            } else {
                self.fill_row(picture, [row, column], cells);
            }
            // The weights there are zero; what stands there adds nothing, but it must stand still.
            if depth < length {
                cells[depth..length].fill(T::of(0));
            }
            column += 1;
        }
    }

    /// Fills rows of short lines, as far as there is room, and tells how many.
    #[inline(always)]
    fn fill_short<T: Cell>(&self, lines: &Lines, offset: usize, [length, most]: [usize; 2], cells: &mut [T]) -> usize {
        let line = lines.length;
        if line > LONG_LINE {
            return 0;
        }
        let padding = [self.zero_point; LONG_LINE];
        let step = self.geometry.window.stride[1] * self.geometry.input_pitch;
        let source = |at: usize| match lines.starts[at] {
            Some(start) => Line { bytes: &self.input[start + offset..], step },
            None => Line { bytes: &padding, step: 0 },
        };
        let shape = Short { line, depth: self.geometry.depth(), length };
        if line > VECTOR {
            return if lines.count == 3 { shape.fill::<T, 3, LONG_LINE>(from_fn(source), most, cells) } else { 0 };
        }
        match lines.count {
            1 => shape.fill::<T, 1, VECTOR>(from_fn(source), most, cells),
            2 => shape.fill::<T, 2, VECTOR>(from_fn(source), most, cells),
            3 => shape.fill::<T, 3, VECTOR>(from_fn(source), most, cells),
            4 => shape.fill::<T, 4, VECTOR>(from_fn(source), most, cells),
            5 => shape.fill::<T, 5, VECTOR>(from_fn(source), most, cells),
            7 => shape.fill::<T, 7, VECTOR>(from_fn(source), most, cells),
            9 => shape.fill::<T, 9, VECTOR>(from_fn(source), most, cells),
            // The first layer of well-known networks for keywords.
            10 => shape.fill::<T, 10, VECTOR>(from_fn(source), most, cells),
            _ => 0,
        }
    }

    /// The lines of the windows of an output row, and the output columns whose windows lie in the input's columns. No columns where the
    /// window has too many lines.
    #[inline(always)]
    fn lines(&self, picture: usize, row: usize) -> (Lines, Range<usize>) {
        let Geometry { window, input_size, input_channels, input_pitch, output_size, groups, .. } = self.geometry;
        let [height, width] = window.kernel;
        // Without a gap, all of a window's pixels in a row of the input are one line; else each is one.
        let together = *groups == 1 && input_channels == input_pitch && window.dilation[1] == 1;
        let in_row = if together { 1 } else { width };
        let channels = self.geometry.group_channels();
        let mut lines = Lines { starts: [None; MOST_LINES], count: height * in_row, length: width / in_row * channels };
        let (padding, stride, reach) = (window.pad_before[1], window.stride[1], (width - 1) * window.dilation[1] + 1);
        let Some(room) = (input_size[1] + padding).checked_sub(reach).filter(|_| lines.count <= MOST_LINES) else {
            return (lines, 0..0);
        };
        let first = padding.div_ceil(stride);
        let mut starts = lines.starts.iter_mut();
        for line in 0..height {
            let start = self.line(picture, row * window.stride[0] + line * window.dilation[0]);
            for (at, to) in starts.by_ref().take(in_row).enumerate() {
                let column = (first * stride + at * window.dilation[1]).wrapping_sub(padding);
                *to = start.map(|start| start + column * input_pitch);
            }
        }
        (lines, first..(room / stride + 1).min(output_size[1]))
    }

    /// Fills the row that `cells` starts with, of a window that is `offset` elements behind the first. What comes after it may be
    /// overwritten: it is filled later.
    #[inline(always)]
    fn fill_inner<T: Cell>(&self, lines: &Lines, offset: usize, cells: &mut [T]) {
        for (at, start) in lines.starts[..lines.count].iter().enumerate() {
            let cells = &mut cells[at * lines.length..];
            match start {
                Some(start) => copy(&self.input[start + offset..], lines.length, cells),
                None => pad(self.zero_point, lines.length, cells),
            }
        }
    }

    /// Fills the row that `cells` starts with, element by element of its window.
    #[inline(always)]
    fn fill_row<T: Cell>(&self, picture: usize, at: [usize; 2], mut cells: &mut [T]) {
        let Geometry { window, input_size, input_pitch, .. } = self.geometry;
        let channels = self.geometry.group_channels();
        for row in 0..window.kernel[0] {
            let start = self.line(picture, at[0] * window.stride[0] + row * window.dilation[0]);
            for column in 0..window.kernel[1] {
                let place = at[1] * window.stride[1] + column * window.dilation[1];
                let column = place.wrapping_sub(window.pad_before[1]);
                match start.filter(|_| column < input_size[1]) {
                    Some(start) => copy(&self.input[start + column * input_pitch..], channels, cells),
                    None => pad(self.zero_point, channels, cells),
                }
                cells = &mut cells[channels..];
            }
        }
    }

    /// Where the group's channels of a line of the input start; none in the padding. `place` counts the padding above.
    #[inline(always)]
    fn line(&self, picture: usize, place: usize) -> Option<usize> {
        let [height, width] = self.geometry.input_size;
        let row = place.wrapping_sub(self.geometry.window.pad_before[0]);
        let start = || (picture * height + row) * width * self.geometry.input_pitch;
        (row < height).then(|| start() + self.first_channel())
    }

    fn first_channel(&self) -> usize {
        self.group * self.geometry.group_channels()
    }
}

/// Elements that one vector holds.
const VECTOR: usize = 16;

/// Elements of a longer line that is copied at once: three pixels of 16 channels, which are common behind a first layer.
const LONG_LINE: usize = 3 * VECTOR;

/// Lines of a window that are looked up once for all columns.
const MOST_LINES: usize = 16;

/// Copies `length` elements, as whole vectors where there is room: those take few instructions.
#[inline(always)]
fn copy<T: Cell>(from: &[u8], length: usize, to: &mut [T]) {
    let whole = length.next_multiple_of(VECTOR);
    if whole > LONG || from.len() < whole || to.len() < whole {
        return T::copy(&from[..length], &mut to[..length]);
    }
    let (from, _) = from[..whole].as_chunks::<VECTOR>();
    let (to, _) = to[..whole].as_chunks_mut::<VECTOR>();
    from.iter().zip(to).for_each(|(from, to)| T::copy_whole(from, to));
}

/// Writes `byte` to `length` elements, as one whole vector where that holds them: a call for a pixel of few channels takes longer.
#[inline(always)]
fn pad<T: Cell>(byte: u8, length: usize, to: &mut [T]) {
    match to.first_chunk_mut::<VECTOR>() {
        Some(vector) if length <= VECTOR => *vector = [T::of(byte); VECTOR],
        _ => to[..length].fill(T::of(byte)),
    }
}

/// Runs that are longer are copied by the library.
const LONG: usize = 256;

/// Runs of elements that a window sees.
struct Lines {
    /// Where the first window that lies in the input's columns sees each; none in the padding.
    starts: [Option<usize>; MOST_LINES],
    /// How many of them there are.
    count: usize,
    /// Elements of each.
    length: usize,
}

/// A line of the input, from the first window's start in it.
#[derive(Clone, Copy)]
struct Line<'a> {
    bytes: &'a [u8],
    /// Elements from one window to the next.
    step: usize,
}

/// Rows of windows with short lines: one vector holds each, or three.
#[derive(Clone, Copy)]
struct Short {
    /// Elements of a line.
    line: usize,
    /// Elements of a row that count.
    depth: usize,
    /// Elements from one row to the next.
    length: usize,
}

impl Short {
    /// Fills rows while there is room for `LINE` elements, each line over the end of the one before; no more than `most`.
    #[inline(always)]
    fn fill<T: Cell, const LINES: usize, const LINE: usize>(
        self,
        lines: [Line<'_>; LINES],
        most: usize,
        cells: &mut [T],
    ) -> usize {
        for row in 0..most {
            let Some(cells) = cells.get_mut(row * self.length..) else { return row };
            for (at, line) in lines.iter().enumerate() {
                let from = line.bytes.get(row * line.step..).and_then(|bytes| bytes.first_chunk::<LINE>());
                let to = cells.get_mut(at * self.line..).and_then(|cells| cells.first_chunk_mut::<LINE>());
                let (Some(from), Some(to)) = (from, to) else { return row };
                T::copy_whole(from, to);
            }
            let rest = cells.get_mut(self.depth..).and_then(|cells| cells.first_chunk_mut::<VECTOR>());
            let Some(rest) = rest else { return row };
            *rest = [T::of(0); VECTOR];
        }
        most
    }
}

/// An element of a gathered row.
trait Cell: Copy {
    fn of(byte: u8) -> Self;
    /// Both are as long.
    fn copy(from: &[u8], to: &mut [Self]);
    /// The same of a number that is known while compiling, without a loop.
    fn copy_whole<const COUNT: usize>(from: &[u8; COUNT], to: &mut [Self; COUNT]);
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

    #[inline(always)]
    fn copy_whole<const COUNT: usize>(from: &[u8; COUNT], to: &mut [Self; COUNT]) {
        *to = *from;
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

    #[inline(always)]
    fn copy_whole<const COUNT: usize>(from: &[u8; COUNT], to: &mut [Self; COUNT]) {
        *to = from.map(Self::of);
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
