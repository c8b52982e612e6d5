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
