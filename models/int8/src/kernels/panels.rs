//! Weights as kernels read them.

use super::Kernels;

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
