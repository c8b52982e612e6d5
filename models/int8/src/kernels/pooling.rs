//! Pools over pixels whose channels lie together: the greatest or the mean of each channel under a window.
//!
//! A block of channels stays in registers while the window's pixels pass by. Reals are added in the order of the pixels.

use multiversion::multiversion;

use crate::formula::{average, requantizing_table};
use crate::graph::{Pool, PoolKind, Window};
use crate::quantization::{Bounds, Quantization};

/// A pool, prepared.
#[derive(Clone, Debug)]
pub struct Pooling {
    kind: PoolKind,
    bounds: Bounds,
    /// Elements of a whole window.
    window: usize,
    channels: usize,
    /// Elements from one picture to the next, and from one row of it to the next.
    pitches: [usize; 2],
    /// What the window sees at each row and at each column of the output.
    rows: Vec<Side>,
    columns: Vec<Side>,
    /// What bytes mean before and after.
    meanings: [Quantization; 2],
    /// Brings greatest bytes to the output's quantization, when it differs.
    table: Option<Box<[u8; 256]>>,
}

impl Pooling {
    /// Prepares a pool of pixels of so many channels, of pictures of one height and width to those of another.
    #[must_use]
    pub fn new(pool: &Pool, channels: usize, [from, to]: [[usize; 2]; 2], meanings: [Quantization; 2]) -> Self {
        let sides = |axis: usize| (0..to[axis]).map(|at| Side::new(&pool.window, axis, at, from[axis])).collect();
        Self {
            kind: pool.kind,
            bounds: pool.bounds,
            window: pool.window.kernel.iter().product(),
            channels,
            pitches: [from[0] * from[1] * channels, from[1] * channels],
            rows: sides(0),
            columns: sides(1),
            meanings,
            table: (meanings[0] != meanings[1]).then(|| requantizing_table(meanings[0], meanings[1])),
        }
    }

    /// Makes the output's pixels from `first` on.
    pub fn run(&self, input: &[u8], first: usize, output: &mut [u8]) {
        fill(self, input, first, output);
    }

    #[inline(always)]
    fn fill(&self, input: &[u8], first: usize, output: &mut [u8]) {
        match self.channels {
            ..4 => self.fill_blocks::<1>(input, first, output),
            4..16 => self.fill_blocks::<4>(input, first, output),
            16..32 => self.fill_blocks::<16>(input, first, output),
            _ => self.fill_blocks::<32>(input, first, output),
        }
    }

    /// Pixel by pixel, so many channels at a time. The last block of a pixel may be over the one before: both give the same there.
    #[inline(always)]
    fn fill_blocks<const BLOCK: usize>(&self, input: &[u8], first: usize, output: &mut [u8]) {
        let (width, height) = (self.columns.len(), self.rows.len());
        let (mut column, mut row, mut picture) = (first % width, first / width % height, first / width / height);
        for output in output.chunks_exact_mut(self.channels) {
            let sides = [self.rows[row], self.columns[column]];
            for start in (0..self.channels).step_by(BLOCK) {
                let start = start.min(self.channels - BLOCK);
                let seen = Seen { input: &input[picture * self.pitches[0] + start..], sides };
                let result: [u8; BLOCK] = self.block(&seen);
                output[start..start + BLOCK].copy_from_slice(&result);
            }
            column += 1;
            if column == width {
                (column, row) = (0, row + 1);
            }
            if row == height {
                (row, picture) = (0, picture + 1);
            }
        }
    }

    #[inline(always)]
    fn block<const BLOCK: usize>(&self, seen: &Seen<'_>) -> [u8; BLOCK] {
        match self.kind {
            PoolKind::Max => self.greatest(seen),
            PoolKind::Average { count_include_pad: true } => self.mean(seen, self.window),
            PoolKind::Average { count_include_pad: false } => {
                self.mean(seen, seen.sides[0].count * seen.sides[1].count)
            }
        }
    }

    #[inline(always)]
    fn greatest<const BLOCK: usize>(&self, seen: &Seen<'_>) -> [u8; BLOCK] {
        let mut greatest = [0; BLOCK];
        self.visit(seen, |bytes: &[u8; BLOCK]| {
            greatest.iter_mut().zip(bytes).for_each(|(greatest, byte)| *greatest = (*greatest).max(*byte));
        });
        if let Some(table) = &self.table {
            greatest.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
        }
        greatest.iter_mut().for_each(|byte| *byte = (*byte).clamp(self.bounds.low, self.bounds.high));
        greatest
    }

    #[inline(always)]
    fn mean<const BLOCK: usize>(&self, seen: &Seen<'_>, count: usize) -> [u8; BLOCK] {
        let [from, to] = self.meanings;
        let mut sums = [0.0; BLOCK];
        self.visit(seen, |bytes: &[u8; BLOCK]| {
            sums.iter_mut().zip(bytes).for_each(|(sum, byte)| *sum += from.dequantize(*byte));
        });
        let mut means = [0; BLOCK];
        means.iter_mut().zip(sums).for_each(|(mean, sum)| *mean = average(sum, count as f32, to, self.bounds));
        means
    }

    /// Visits a block of every pixel of the window that lies inside the input, row by row.
    #[inline(always)]
    fn visit<const BLOCK: usize>(&self, seen: &Seen<'_>, mut visit: impl FnMut(&[u8; BLOCK])) {
        let [rows, columns] = seen.sides;
        for row in 0..rows.count {
            let line = (rows.first + row * rows.step) * self.pitches[1];
            for column in 0..columns.count {
                let start = line + (columns.first + column * columns.step) * self.channels;
                if let Some(bytes) = seen.input.get(start..).and_then(|bytes| bytes.first_chunk()) {
                    visit(bytes);
                }
            }
        }
    }
}

/// The input from a block of channels on, and the window's places in it.
struct Seen<'a> {
    input: &'a [u8],
    sides: [Side; 2],
}

/// Places along an axis.
#[derive(Clone, Copy, Debug)]
struct Side {
    first: usize,
    step: usize,
    count: usize,
}

impl Side {
    /// A window's places that lie inside an input of this length.
    fn new(window: &Window, axis: usize, at: usize, length: usize) -> Self {
        let (step, start, before) = (window.dilation[axis], at * window.stride[axis], window.pad_before[axis]);
        let outside = before.saturating_sub(start).div_ceil(step);
        let end = (length + before).saturating_sub(start).div_ceil(step).min(window.kernel[axis]);
        Self { first: (start + outside * step).wrapping_sub(before), step, count: end.saturating_sub(outside) }
    }
}

#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
fn fill<'a>(pooling: &'a Pooling, input: &'a [u8], first: usize, output: &mut [u8]) {
    pooling.fill(input, first, output);
}
