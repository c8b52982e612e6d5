//! Sums of shifted copies of a field: filters that are given tap by tap.

use super::field::{Edge, Field};

/// One copy: how far away it is taken from, and its weight.
pub(super) struct Tap {
    pub(super) dx: i64,
    pub(super) dy: i64,
    pub(super) weight: f32,
}

/// The weighted sum of a field's copies, in the order of the taps.
pub(super) fn filtered(field: &Field, taps: &[Tap], edge: Edge) -> Field {
    let mut result = Field::new(field.width, field.height, field.channels);
    let reach = taps.iter().map(|tap| tap.dx.unsigned_abs() as usize).max().unwrap_or(0);
    let padded = padded(field, reach, edge);
    let (row, padded_row) = (field.row(), padded.row());
    for (y, sums) in result.values.chunks_exact_mut(row.max(1)).enumerate() {
        for tap in taps {
            let seen = edge.place(y as i64 + tap.dy, field.height);
            let start = seen * padded_row + (reach as i64 + tap.dx).max(0) as usize * field.channels;
            let values = &padded.values[start..start + row];
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * tap.weight);
        }
    }
    result
}

/// The field with `reach` more pixels on either side of each row.
fn padded(field: &Field, reach: usize, edge: Edge) -> Field {
    let mut padded = Field::new(field.width + 2 * reach, field.height, field.channels);
    padded.values.clear();
    for row in field.values.chunks_exact(field.row().max(1)) {
        for x in -(reach as i64)..(field.width + reach) as i64 {
            let start = edge.place(x, field.width) * field.channels;
            padded.values.extend_from_slice(&row[start..start + field.channels]);
        }
    }
    padded
}
