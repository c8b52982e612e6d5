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

/// u·v of one with each of many, to the bit what [`product`] gives: a sum waits for its own last step, so four are made side by side.
pub fn products(u: &[f32], vectors: &[&[f32]]) -> Vec<f64> {
    let mut found = Vec::with_capacity(vectors.len());
    let four = vectors.chunks_exact(4);
    let rest = four.remainder();
    for block in four {
        let [a, b, c, d] = [block[0], block[1], block[2], block[3]];
        let mut sums = [0.0_f64; 4];
        for ((((u, a), b), c), d) in u.iter().zip(a).zip(b).zip(c).zip(d) {
            let u = f64::from(*u);
            sums[0] += u * f64::from(*a);
            sums[1] += u * f64::from(*b);
            sums[2] += u * f64::from(*c);
            sums[3] += u * f64::from(*d);
        }
        found.extend(sums);
    }
    found.extend(rest.iter().map(|v| product(u, v)));
    found
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_at_once_give_what_one_gives() {
        let vector = |seed: usize| (0..37).map(|at| ((at * 31 + seed * 17) % 101) as f32 / 37.0 - 1.3).collect();
        let vectors: Vec<Vec<f32>> = (0..11).map(vector).collect();
        let views: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let one_by_one: Vec<f64> = views.iter().map(|v| product(&vectors[3], v)).collect();
        assert_eq!(products(&vectors[3], &views), one_by_one);
    }
}
