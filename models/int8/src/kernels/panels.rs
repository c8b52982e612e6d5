//! Weights as kernels read them.

use super::Kernels;
use super::tile::Correction;

/// A matrix of bytes somewhere in memory: the weights of a convolution's group, or the right side of a product.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// From one row (depth), and from one column (output channel), to the next.
    pub strides: [usize; 2],
    /// Rows.
    pub depth: usize,
    /// Columns.
    pub columns: usize,
    /// 128 for unsigned bytes, which become signed ones; 0 for signed ones.
    pub flip: u8,
}

/// Packs a matrix into panels of a kernel's columns, one after the other. In each, for every step of the kernel's depth
/// and every column, stand that many weights.
pub fn pack(kernels: &Kernels, matrix: Matrix<'_>) -> Vec<i8> {
    let mut weights = vec![0; kernels.padded(matrix.depth) * matrix.columns.next_multiple_of(kernels.columns)];
    pack_into(kernels, matrix, &mut weights);
    weights
}

/// Packs into memory of the right size.
pub fn pack_into(kernels: &Kernels, matrix: Matrix<'_>, weights: &mut [i8]) {
    match kernels.depth {
        2 => pack_cells::<2>(kernels, matrix, weights),
        4 => pack_cells::<4>(kernels, matrix, weights),
        8 => pack_cells::<8>(kernels, matrix, weights),
        // No kernel multiplies more at once.
        _ => pack_cells::<16>(kernels, matrix, weights),
    }
}

/// The depth of a cell as a constant: whole cells are copied without questions.
fn pack_cells<const DEPTH: usize>(kernels: &Kernels, matrix: Matrix<'_>, weights: &mut [i8]) {
    let [down, across] = matrix.strides;
    let weight = |place: usize| (matrix.bytes[place] ^ matrix.flip) as i8;
    let panel = kernels.padded(matrix.depth) * kernels.columns;
    for (at, panel) in weights.chunks_exact_mut(panel).enumerate() {
        let first = at * kernels.columns;
        let columns = kernels.columns.min(matrix.columns - first);
        for (step, cells) in panel.chunks_exact_mut(kernels.columns * DEPTH).enumerate() {
            let (cells, _) = cells.as_chunks_mut::<DEPTH>();
            let (inside, outside) = cells.split_at_mut(columns);
            outside.fill([0; DEPTH]);
            let rows = DEPTH.min(matrix.depth - step * DEPTH);
            for (column, cell) in inside.iter_mut().enumerate() {
                let start = step * DEPTH * down + (first + column) * across;
                *cell = if rows == DEPTH {
                    std::array::from_fn(|row| weight(start + row * down))
                } else {
                    std::array::from_fn(|row| if row < rows { weight(start + row * down) } else { 0 })
                };
            }
        }
    }
}

/// Packed panels, and what was taken off their weights.
#[derive(Clone, Debug, Default)]
pub struct Panels {
    /// The panels.
    pub weights: Vec<i8>,
    corrections: Vec<Correction>,
    /// Where each panel's corrections end; empty: none has any.
    ends: Vec<usize>,
}

impl Panels {
    /// Panels of all the weights.
    pub fn new(kernels: &Kernels, matrix: Matrix<'_>) -> Self {
        Self { weights: pack(kernels, matrix), ..Self::default() }
    }

    /// Panels in which no two neighbouring products can leave 16 bits when they are added, and corrections of the rest.
    /// None if it is too much to be fast.
    pub fn in_pairs(kernels: &Kernels, matrix: Matrix<'_>) -> Option<Self> {
        let mut panels = Self::new(kernels, matrix);
        let panel = kernels.padded(matrix.depth) * kernels.columns;
        let most = panels.weights.len() / 4 / MOST_CORRECTIONS;
        for weights in panels.weights.chunks_exact_mut(panel) {
            take_corrections(weights, kernels.columns, &mut panels.corrections);
            panels.ends.push(panels.corrections.len());
            if panels.corrections.len() > most {
                return None;
            }
        }
        Some(panels)
    }

    /// What a panel's weights lack.
    pub fn corrections(&self, panel: usize) -> &[Correction] {
        let start = if panel == 0 { 0 } else { self.ends.get(panel - 1).copied().unwrap_or(0) };
        &self.corrections[start..self.ends.get(panel).copied().unwrap_or(0)]
    }
}

/// One in so many cells may need a correction, else another kernel is faster.
const MOST_CORRECTIONS: usize = 8;

/// Takes off a panel's weights, in cells of four, what could saturate.
fn take_corrections(panel: &mut [i8], columns: usize, corrections: &mut Vec<Correction>) {
    let (cells, _) = panel.as_chunks_mut::<4>();
    for column in 0..columns {
        for (step, cell) in cells.iter_mut().skip(column).step_by(columns).enumerate() {
            let [one, two, three, four] = *cell;
            let weights = [excess(one, two), 0, excess(three, four), 0];
            if weights != [0; 4] {
                cell[0] = one.wrapping_sub(weights[0]);
                cell[2] = three.wrapping_sub(weights[2]);
                corrections.push(Correction { column: column as u32, step: step as u32, weights });
            }
        }
    }
}

/// Two products with bytes fit 16 bits together when the weights' sum is from −128 to 128. What is more is taken off the
/// first; both are of one sign then, so what is left is a byte, too.
fn excess(one: i8, two: i8) -> i8 {
    let sum = i16::from(one) + i16::from(two);
    (sum - sum.clamp(-128, 128)) as i8
}
