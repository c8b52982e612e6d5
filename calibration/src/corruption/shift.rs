//! Sums of shifted copies of a field: filters that are given tap by tap.

use std::ops::Range;

use edgeval_models::wide;

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
    wide(
        #[inline(always)]
        || add_copies(field, taps, edge, &mut result),
    );
    result
}

#[inline(always)]
fn add_copies(field: &Field, taps: &[Tap], edge: Edge, result: &mut Field) {
    let reach = taps.iter().map(|tap| tap.dx.unsigned_abs() as usize).max().unwrap_or(0);
    let padded = padded(field, reach, edge);
    let (row, padded_row) = (field.row(), padded.row());
    for (y, sums) in result.values.chunks_exact_mut(row.max(1)).enumerate() {
        let copy = |tap: &Tap| {
            let seen = edge.place(y as i64 + tap.dy, field.height);
            let start = seen * padded_row + (reach as i64 + tap.dx).max(0) as usize * field.channels;
            (&padded.values[start..start + row], tap.weight)
        };
        let (fours, rest) = taps.as_chunks::<4>();
        for [one, two, three, four] in fours {
            add_four(sums, [copy(one), copy(two), copy(three), copy(four)]);
        }
        for tap in rest {
            let (values, weight) = copy(tap);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * weight);
        }
    }
}

/// Adds four copies, one after the other, while their sums stay in registers.
#[inline(always)]
fn add_four(sums: &mut [f32], [one, two, three, four]: [(&[f32], f32); 4]) {
    let values = one.0.iter().zip(two.0).zip(three.0).zip(four.0);
    for (sum, (((a, b), c), d)) in sums.iter_mut().zip(values) {
        *sum = *sum + a * one.1 + b * two.1 + c * three.1 + d * four.1;
    }
}

/// The field with `reach` more pixels on either side of each row.
fn padded(field: &Field, reach: usize, edge: Edge) -> Field {
    let mut padded = Field::new(field.width + 2 * reach, field.height, field.channels);
    padded.values.clear();
    let outside = |places: Range<usize>| places.map(|place| edge.place(place as i64 - reach as i64, field.width));
    let (left, right) = (outside(0..reach), outside(reach + field.width..padded.width));
    let (left, right) = (left.collect::<Vec<_>>(), right.collect::<Vec<_>>());
    for row in field.values.chunks_exact(field.row().max(1)) {
        let pixel = |place: &usize| &row[place * field.channels..][..field.channels];
        left.iter().for_each(|place| padded.values.extend_from_slice(pixel(place)));
        padded.values.extend_from_slice(row);
        right.iter().for_each(|place| padded.values.extend_from_slice(pixel(place)));
    }
    padded
}
