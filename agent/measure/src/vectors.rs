//! What figures over embeddings share: rows of 32-bit numbers, summed in 64 bits and in order.

/// The length that all rows have; `None` without rows, with empty ones, with rows of different lengths or a value that isn't
/// finite.
pub fn dimension(rows: &[Vec<f32>]) -> Option<usize> {
    let length = rows.first()?.len();
    let fits = |row: &Vec<f32>| row.len() == length && row.iter().all(|value| value.is_finite());
    (length > 0 && rows.iter().all(fits)).then_some(length)
}

/// The length that all rows of both have; `None` as [`dimension`].
pub fn dimension_of_both(first: &[Vec<f32>], second: &[Vec<f32>]) -> Option<usize> {
    dimension(first).filter(|length| dimension(second) == Some(*length))
}

/// u·v.
pub fn product(u: &[f32], v: &[f32]) -> f64 {
    u.iter().zip(v).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// ‖u − v‖².
pub fn squared_distance(u: &[f32], v: &[f32]) -> f64 {
    let difference = |(a, b): (&f32, &f32)| f64::from(*a) - f64::from(*b);
    u.iter().zip(v).map(difference).map(|value| value * value).sum()
}

/// The plain mean; `None` without values.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}
