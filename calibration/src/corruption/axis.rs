//! Weighted sums along one direction of a field.

use std::ops::Range;

use edgeval_models::wide;

use super::field::{Edge, Field};

/// For each place of the result: the first place that it sees, and the weights from there.
pub(super) struct Axis(Vec<(usize, Vec<f32>)>);

impl Axis {
    /// A Gaussian of this deviation, cut off `radius` places from its middle; what lies past an edge is folded back.
    pub(super) fn gaussian(length: usize, deviation: f64, radius: usize, edge: Edge) -> Self {
        let square = 2.0 * deviation * deviation;
        let weight = |distance: f64| if square > 0.0 { libm::exp(-distance * distance / square) } else { 0.0 };
        let mut half: Vec<f64> = (0..=radius).map(|d| if d == 0 { 1.0 } else { weight(d as f64) }).collect();
        let sum = half[0] + 2.0 * half[1..].iter().sum::<f64>();
        half.iter_mut().for_each(|weight| *weight /= sum);
        let reach = radius as i64;
        let seen: Vec<usize> = (-reach..length as i64 + reach).map(|place| edge.place(place, length)).collect();
        Self((0..length).map(|place| folded(place, length, &seen[place..=place + 2 * radius], &half)).collect())
    }

    /// This one, and then another of as many places as this one gives.
    pub(super) fn then(&self, next: &Self) -> Self {
        let seen = |(first, shares): &(usize, Vec<f32>)| {
            let parts = || self.0[*first..].iter().zip(shares);
            let start = parts().map(|((start, _), _)| *start).min().unwrap_or(0);
            let end = parts().map(|((start, weights), _)| start + weights.len()).max().unwrap_or(0);
            let mut sums = vec![0.0_f32; end - start];
            for ((from, weights), share) in parts() {
                sums[from - start..].iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight * share);
            }
            (start, sums)
        };
        Self(next.0.iter().map(seen).collect())
    }

    /// The places that anything is seen of.
    pub(super) fn seen(&self) -> Range<usize> {
        let start = self.0.iter().map(|(first, _)| *first).min().unwrap_or(0);
        let end = self.0.iter().map(|(first, weights)| first + weights.len()).max().unwrap_or(0);
        start..end
    }

    /// From one length to another, both at least 1: between neighbours when growing, means when shrinking.
    pub(super) fn resize(from: usize, to: usize) -> Self {
        let step = from as f64 / to as f64;
        let seen = |place: usize| {
            if to >= from {
                between((place as f64 + 0.5) * step - 0.5, from)
            } else {
                covered(place as f64 * step, (place + 1) as f64 * step, from)
            }
        };
        Self((0..to).map(seen).collect())
    }

    /// The middle of so many places, enlarged to all of them: `scipy.ndimage.zoom` of order 1 of the middle
    /// `ceil(length / zoom)`, cut to `length` around its middle, as ImageNet-C zooms.
    pub(super) fn zoom(length: usize, zoom: f64) -> Self {
        let inner = (libm::ceil(length as f64 / zoom) as usize).clamp(1, length);
        let top = (length - inner) / 2;
        let zoomed = (libm::rint(inner as f64 * zoom) as usize).max(length);
        let trim = (zoomed - length) / 2;
        let step = if zoomed > 1 { (inner - 1) as f64 / (zoomed - 1) as f64 } else { 0.0 };
        let seen = |place: usize| {
            let (first, weights) = between((place + trim) as f64 * step, inner);
            (top + first, weights)
        };
        Self((0..length).map(seen).collect())
    }

    /// Sums of a field's rows.
    pub(super) fn along_columns(&self, field: &Field) -> Field {
        let mut result = Field::new(field.width, self.0.len(), field.channels);
        wide(
            #[inline(always)]
            || self.add_columns(field, &mut result),
        );
        result
    }

    #[inline(always)]
    fn add_columns(&self, field: &Field, result: &mut Field) {
        let row = field.row();
        for (sums, (first, weights)) in result.values.chunks_exact_mut(row.max(1)).zip(&self.0) {
            for (values, weight) in field.values[first * row..].chunks_exact(row).zip(weights) {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * weight);
            }
        }
    }

    /// Sums of a field's columns.
    pub(super) fn along_rows(&self, field: &Field) -> Field {
        self.along_some_rows(field, 0..field.height)
    }

    /// The same of some rows; the others are 0 then.
    pub(super) fn along_some_rows(&self, field: &Field, rows: Range<usize>) -> Field {
        let mut result = Field::new(self.0.len(), field.height, field.channels);
        match field.channels {
            1 => self.add_rows::<1>(field, rows, &mut result),
            2 => self.add_rows::<2>(field, rows, &mut result),
            _ => self.add_rows::<3>(field, rows, &mut result),
        }
        result
    }

    fn add_rows<const CHANNELS: usize>(&self, field: &Field, some: Range<usize>, result: &mut Field) {
        let (row, sums_row, fours) = (field.row(), self.0.len() * CHANNELS, some.len() / 4 * 4);
        let (values, some_sums) = (&field.values[some.start * row..], &mut result.values[some.start * sums_row..]);
        let ((values, rest), (sums, rest_sums)) =
            (values.split_at(fours * row), some_sums.split_at_mut(fours * sums_row));
        for (values, sums) in values.chunks_exact((4 * row).max(1)).zip(sums.chunks_exact_mut(4 * sums_row)) {
            self.add_at_once::<CHANNELS, 4>(values, sums);
        }
        let rest = rest.chunks_exact(row.max(1)).zip(rest_sums.chunks_exact_mut(sums_row));
        rest.take(some.len() - fours).for_each(|(values, sums)| self.add_at_once::<CHANNELS, 1>(values, sums));
    }

    /// Some rows together: a sum waits for itself alone.
    #[inline(always)]
    fn add_at_once<const CHANNELS: usize, const ROWS: usize>(&self, values: &[f32], sums: &mut [f32]) {
        let ((pixels, _), (sums, _)) = (values.as_chunks::<CHANNELS>(), sums.as_chunks_mut::<CHANNELS>());
        let (width, sums_width) = (pixels.len() / ROWS, self.0.len());
        let rows: [&[[f32; CHANNELS]]; ROWS] = std::array::from_fn(|row| &pixels[row * width..][..width]);
        for (place, (first, weights)) in self.0.iter().enumerate() {
            let seen: [&[[f32; CHANNELS]]; ROWS] = std::array::from_fn(|row| &rows[row][*first..][..weights.len()]);
            let mut of_rows = [[0.0; CHANNELS]; ROWS];
            for (near, weight) in weights.iter().enumerate() {
                for (sums, pixels) in of_rows.iter_mut().zip(seen) {
                    sums.iter_mut().zip(pixels[near]).for_each(|(sum, value)| *sum += value * weight);
                }
            }
            of_rows.iter().enumerate().for_each(|(row, of_row)| sums[row * sums_width + place] = *of_row);
        }
    }
}

/// The weights around a place, those past an edge added to the places that are `seen` there, from `half` a filter's
/// length before it on.
fn folded(place: usize, length: usize, seen: &[usize], half: &[f64]) -> (usize, Vec<f32>) {
    let radius = half.len() - 1;
    // Edges fold inwards: nothing is seen that is farther away.
    let (first, last) = (place.saturating_sub(radius), (place + radius).min(length - 1));
    let mut weights = vec![0.0; last - first + 1];
    let (before, after) = seen.split_at(radius);
    for (place, weight) in before.iter().zip(half[1..].iter().rev()).chain(after.iter().zip(half)) {
        weights[place - first] += weight;
    }
    (first, weights.into_iter().map(|weight| weight as f32).collect())
}

/// The two places around a coordinate, the outermost ones past the ends.
fn between(coordinate: f64, length: usize) -> (usize, Vec<f32>) {
    let coordinate = coordinate.clamp(0.0, (length - 1) as f64);
    let first = (coordinate as usize).min(length.saturating_sub(2));
    let share = coordinate - first as f64;
    let weights = if length > 1 { vec![(1.0 - share) as f32, share as f32] } else { vec![1.0] };
    (first, weights)
}

/// The mean of what lies between two coordinates.
fn covered(start: f64, end: f64, length: usize) -> (usize, Vec<f32>) {
    let first = (start as usize).min(length - 1);
    let last = (libm::ceil(end) as usize).clamp(first + 1, length);
    let part = |place: usize| ((place + 1) as f64).min(end) - (place as f64).max(start);
    (first, (first..last).map(|place| (part(place) / (end - start)) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one() {
        for length in [1, 2, 7, 40] {
            let mut axes =
                vec![Axis::gaussian(length, 30.0, 90, Edge::Mirror), Axis::gaussian(length, 0.0, 1, Edge::Repeat)];
            axes.extend([1, 2, 5, 100].map(|to| Axis::resize(length, to)));
            axes.extend([1.0, 1.1, 1.31, 4.5].map(|zoom| Axis::zoom(length, zoom)));
            for (first, weights) in axes.iter().flat_map(|axis| &axis.0) {
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{weights:?}");
                assert!(first + weights.len() <= length);
            }
        }
    }
}
