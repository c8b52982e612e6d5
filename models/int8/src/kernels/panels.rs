//! Weights as kernels read them.

use super::Kernels;

/// Packs `columns` × `depth` weights into panels of a kernel's columns, one after the other. In each, for every step of
/// the kernel's depth and every column, stand that many weights. `weight(column, depth)` gives each.
pub fn pack(kernels: &Kernels, columns: usize, depth: usize, weight: impl Fn(usize, usize) -> i8) -> Vec<i8> {
    let mut weights = vec![0; kernels.padded(depth) * columns.next_multiple_of(kernels.columns)];
    pack_into(kernels, columns, depth, weight, &mut weights);
    weights
}

/// Packs into memory of the right size.
pub fn pack_into(
    kernels: &Kernels,
    columns: usize,
    depth: usize,
    weight: impl Fn(usize, usize) -> i8,
    weights: &mut [i8],
) {
    let panel = kernels.padded(depth) * kernels.columns;
    for (at, panel) in weights.chunks_mut(panel).enumerate() {
        let first = at * kernels.columns;
        for (step, cell) in panel.chunks_mut(kernels.columns * kernels.depth).enumerate() {
            for (column, cell) in cell.chunks_mut(kernels.depth).enumerate() {
                for (inner, packed) in cell.iter_mut().enumerate() {
                    let at = step * kernels.depth + inner;
                    let inside = first + column < columns && at < depth;
                    *packed = if inside { weight(first + column, at) } else { 0 };
                }
            }
        }
    }
}

/// The right side of a product: unsigned bytes somewhere in memory.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// From one row, and from one column, to the next.
    pub strides: [usize; 2],
    /// Rows.
    pub depth: usize,
    /// Columns.
    pub columns: usize,
}

/// Packs bytes as [`pack_into`] would, with their sign flipped: from unsigned to signed.
pub fn pack_bytes(kernels: &Kernels, right: Right<'_>, weights: &mut [i8]) {
    match kernels.depth {
        2 => pack_cells::<2>(kernels, right, weights),
        4 => pack_cells::<4>(kernels, right, weights),
        8 => pack_cells::<8>(kernels, right, weights),
        _ => {
            let [down, across] = right.strides;
            let weight = |column: usize, at: usize| (right.bytes[at * down + column * across] ^ 0x80) as i8;
            pack_into(kernels, right.columns, right.depth, weight, weights);
        }
    }
}

/// The depth of a cell as a constant: whole cells are copied without questions.
fn pack_cells<const DEPTH: usize>(kernels: &Kernels, right: Right<'_>, weights: &mut [i8]) {
    let [down, across] = right.strides;
    let panel = kernels.padded(right.depth) * kernels.columns;
    for (at, panel) in weights.chunks_exact_mut(panel).enumerate() {
        let first = at * kernels.columns;
        let columns = kernels.columns.min(right.columns - first);
        for (step, cells) in panel.chunks_exact_mut(kernels.columns * DEPTH).enumerate() {
            let (cells, _) = cells.as_chunks_mut::<DEPTH>();
            let (inside, outside) = cells.split_at_mut(columns);
            outside.fill([0; DEPTH]);
            let rows = DEPTH.min(right.depth - step * DEPTH);
            for (column, cell) in inside.iter_mut().enumerate() {
                let start = step * DEPTH * down + (first + column) * across;
                *cell = if rows == DEPTH {
                    std::array::from_fn(|row| (right.bytes[start + row * down] ^ 0x80) as i8)
                } else {
                    std::array::from_fn(
                        |row| if row < rows { (right.bytes[start + row * down] ^ 0x80) as i8 } else { 0 },
                    )
                };
            }
        }
    }
}
