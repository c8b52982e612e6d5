//! Operations on floats: plain loops over contiguous runs, compiled for several instruction sets (see [`super::elementwise`]).

use multiversion::multiversion;

use super::elementwise::Runs;
use crate::float::{FloatFunction, FloatOperator, LANES, Loop, Loop2, Reduction, exponential};

/// A function of every element.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn function(input: &[f32], function: FloatFunction, output: &mut [f32]) {
    function.drive(Map { input, output });
}

struct Map<'a> {
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for Map<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self, function: impl Fn(f32) -> f32) {
        self.input.iter().zip(self.output).for_each(|(from, to)| *to = function(*from));
    }
}

/// Sums as floats.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn from_sums(input: &[i32], output: &mut [f32]) {
    input.iter().zip(output).for_each(|(from, to)| *to = *from as f32);
}

/// Two operands, element by element.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn binary(inputs: [&[f32]; 2], runs: Runs, operator: FloatOperator, output: &mut [f32]) {
    operator.drive(Map2 { inputs, runs, output });
}

struct Map2<'a> {
    inputs: [&'a [f32]; 2],
    runs: Runs,
    output: &'a mut [f32],
}

impl Loop2 for Map2<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self, operator: impl Fn(f32, f32) -> f32) {
        self.runs.run(self.inputs, self.output, operator);
    }
}

/// What is left of each row of `length` elements.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn reduce(input: &[f32], length: usize, reduction: Reduction, output: &mut [f32]) {
    for (row, result) in output.iter_mut().enumerate() {
        *result = reduced(&input[row * length..], length, reduction);
    }
}

/// What is left of the row of `length` elements that `from` starts with.
#[inline(always)]
fn reduced(from: &[f32], length: usize, reduction: Reduction) -> f32 {
    let mut lanes = [reduction.start(); LANES];
    let (whole, rest) = from[..length].as_chunks::<LANES>();
    for chunk in whole {
        for (lane, element) in lanes.iter_mut().zip(chunk) {
            *lane = reduction.join(*lane, *element);
        }
    }
    // What comes after the row is read with its end, as a whole vector, and counts nothing.
    match from[length - rest.len()..].first_chunk::<LANES>() {
        Some(chunk) => {
            for (place, (lane, element)) in lanes.iter_mut().zip(chunk).enumerate() {
                let joined = reduction.join(*lane, *element);
                *lane = if place < rest.len() { joined } else { *lane };
            }
        }
        None => {
            for (lane, element) in lanes.iter_mut().zip(rest) {
                *lane = reduction.join(*lane, *element);
            }
        }
    }
    reduction.finish(lanes, length)
}

/// Softmax of each row of `length` elements. Exponentials don't know of rows: short ones would leave most of a vector empty.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn softmax(input: &[f32], length: usize, output: &mut [f32]) {
    for (row, output) in output.chunks_mut(length).enumerate() {
        let row = &input[row * length..];
        let greatest = reduced(row, length, Reduction::Greatest);
        row.iter().zip(output).for_each(|(from, to)| *to = *from - greatest);
    }
    output.iter_mut().for_each(|element| *element = exponential(*element));
    for row in (0..output.len()).step_by(length) {
        let row = &mut output[row..];
        let total = reduced(row, length, Reduction::Sum);
        row[..length].iter_mut().for_each(|weight| *weight /= total);
    }
}

/// Where the matrices of a product lie. Columns of the right side, and of the output, lie together.
#[derive(Clone, Copy, Debug)]
pub struct FloatMatrices<'a> {
    /// The left side, from its first row on; columns lie together.
    pub left: &'a [f32],
    /// From one row of the left side to the next.
    pub left_pitch: usize,
    /// The right side.
    pub right: &'a [f32],
    /// From one row of the right side to the next.
    pub right_pitch: usize,
    /// Columns of the left side, rows of the right.
    pub depth: usize,
    /// Columns of the right side, and of the output.
    pub columns: usize,
}

/// Rows of the left side that are worked on together.
const ROWS: usize = 4;

/// As many rows of a product as the output holds.
#[multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
pub fn product<'a>(matrices: FloatMatrices<'a>, output: &mut [f32]) {
    for (block, output) in output.chunks_mut(ROWS * matrices.columns).enumerate() {
        let left = &matrices.left[block * ROWS * matrices.left_pitch..];
        let matrices = FloatMatrices { left, ..matrices };
        if output.len() == ROWS * matrices.columns {
            matrices.rows::<ROWS>(output);
        } else {
            for (row, output) in output.chunks_mut(matrices.columns).enumerate() {
                FloatMatrices { left: &left[row * matrices.left_pitch..], ..matrices }.rows::<1>(output);
            }
        }
    }
}

impl FloatMatrices<'_> {
    /// Panels of columns. The last one lies over the one before, whose sums are the same.
    #[inline(always)]
    fn rows<const ROWS: usize>(&self, output: &mut [f32]) {
        match self.columns {
            16.. => self.panels::<ROWS, 16>(output),
            8.. => self.panels::<ROWS, 8>(output),
            _ => self.panels::<ROWS, 1>(output),
        }
    }

    #[inline(always)]
    fn panels<const ROWS: usize, const COLUMNS: usize>(&self, output: &mut [f32]) {
        for first in (0..self.columns).step_by(COLUMNS) {
            self.tile::<ROWS, COLUMNS>(first.min(self.columns - COLUMNS), output);
        }
    }

    #[inline(always)]
    fn tile<const ROWS: usize, const COLUMNS: usize>(&self, first: usize, output: &mut [f32]) {
        let mut sums = [[0.0_f32; COLUMNS]; ROWS];
        let left: [&[f32]; ROWS] = std::array::from_fn(|row| &self.left[row * self.left_pitch..][..self.depth]);
        for (place, right) in self.right[first..].chunks(self.right_pitch).take(self.depth).enumerate() {
            let Some(right) = right.first_chunk::<COLUMNS>() else { return };
            for (sums, left) in sums.iter_mut().zip(&left) {
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = left[place].mul_add(*right, *sum);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            output[row * self.columns + first..][..COLUMNS].copy_from_slice(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|place| (place * 37 % 101) as f32 / 13.0 - 4.0).collect()
    }

    /// As the definition says: element `i` goes to part `i` modulo their number.
    fn defined(row: &[f32], reduction: Reduction) -> f32 {
        let mut lanes = [reduction.start(); LANES];
        row.iter().enumerate().for_each(|(place, element)| {
            lanes[place % LANES] = reduction.join(lanes[place % LANES], *element);
        });
        reduction.finish(lanes, row.len())
    }

    #[test]
    fn rows_of_any_length_are_reduced() {
        for length in 1..70 {
            let input = values(3 * length);
            for reduction in [Reduction::Sum, Reduction::Mean, Reduction::Greatest, Reduction::Least] {
                let mut found = [0.0; 3];
                reduce(&input, length, reduction, &mut found);
                let expected = input.chunks(length).map(|row| defined(row, reduction));
                assert!(found.into_iter().eq(expected), "{reduction:?} of {length}: {found:?}");
            }
        }
    }

    #[test]
    fn softmax_has_shares_of_exponentials() {
        for length in 1..70 {
            let input = values(3 * length);
            let mut found = vec![0.0; input.len()];
            softmax(&input, length, &mut found);
            for (row, found) in input.chunks(length).zip(found.chunks(length)) {
                let greatest = defined(row, Reduction::Greatest);
                let weights: Vec<f32> = row.iter().map(|element| exponential(element - greatest)).collect();
                let total = defined(&weights, Reduction::Sum);
                assert!(weights.iter().map(|weight| weight / total).eq(found.iter().copied()), "{length}");
            }
        }
    }

    #[test]
    fn products_add_up_in_order() {
        for (rows, columns, depth) in (1..45).map(|columns| (1 + columns % 7, columns, 1 + columns % 5)) {
            let (left, right) = (values(rows * depth), values(depth * columns));
            let mut found = vec![0.0; rows * columns];
            let matrices =
                FloatMatrices { left: &left, left_pitch: depth, right: &right, right_pitch: columns, depth, columns };
            product(matrices, &mut found);
            for (place, found) in found.into_iter().enumerate() {
                let (row, column) = (place / columns, place % columns);
                let expected = (0..depth)
                    .fold(0.0, |sum: f32, at| left[row * depth + at].mul_add(right[at * columns + column], sum));
                assert_eq!(found, expected, "{rows} × {depth} × {columns}, {row}, {column}");
            }
        }
    }
}
