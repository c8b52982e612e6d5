//! How two modalities' embeddings lie on the sphere.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::vectors::{dimension, dimension_of_both, mean, squared_distance};

/// E‖x − y‖² over pairs that belong together, 0 to 4 for unit vectors; less is better (Wang & Isola 2020, α = 2).
///
/// Row *i* of both belongs together. `None` without rows, when they aren't as many, or the vectors aren't finite and all of one
/// length.
#[must_use]
pub fn alignment(first: &[Vec<f32>], second: &[Vec<f32>]) -> Option<f64> {
    dimension_of_both(first, second)?;
    let pairs = first.iter().zip(second).map(|(x, y)| squared_distance(x, y));
    (first.len() == second.len()).then(|| mean(pairs))?
}

/// log E exp(−2‖x − x′‖²) over pairs of different rows of one modality, −8 to 0 in nats for unit vectors; less is better: they use the
/// whole sphere (Wang & Isola 2020, t = 2).
///
/// `None` with fewer than two rows, or vectors that aren't finite and all of one length. Time grows with the square of the rows.
#[must_use]
pub fn uniformity(rows: &[Vec<f32>]) -> Option<f64> {
    UniformityKernel::new(rows)?.of(0..rows.len())
}

/// What uniformity is the mean of, for every two rows: made once where many choices of the rows are looked at.
#[derive(Clone, Debug)]
pub struct UniformityKernel(Vec<Vec<f64>>);

impl UniformityKernel {
    /// Of rows; `None` as [`uniformity`], but one row will do.
    #[must_use]
    pub fn new(rows: &[Vec<f32>]) -> Option<Self> {
        dimension(rows)?;
        let kernel = |(i, row): (usize, &Vec<f32>)| {
            rows[..i].iter().map(|other| libm::exp(-2.0 * squared_distance(row, other))).collect()
        };
        Some(Self(rows.par_iter().enumerate().map(kernel).collect()))
    }

    /// The uniformity of some rows, by their places; one that is named twice counts twice, but isn't held against itself. `None` with fewer than two
    /// different ones.
    #[must_use]
    pub fn of(&self, rows: impl Iterator<Item = usize>) -> Option<f64> {
        let mut times = vec![0.0; self.0.len()];
        rows.for_each(|row| times[row] += 1.0);
        let (mut sum, mut pairs, mut before) = (0.0, 0.0, 0.0);
        for (row, &own) in self.0.iter().zip(&times).filter(|(_, times)| **times > 0.0) {
            sum += own * weighted_sum(row, &times);
            pairs += own * before;
            before += own;
        }
        // So far apart that every kernel is zero in floats: lower than can be told.
        Some(sum / pairs).filter(|kernel| *kernel > 0.0).map(libm::log)
    }
}

/// The sum of values times weights. Eight sums at once, which become vector instructions: places looked up one by one take three
/// times as long.
fn weighted_sum(values: &[f64], weights: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (blocks, weighed) = (values.chunks_exact(LANES), weights.chunks_exact(LANES));
    let rest = values.len() - blocks.remainder().len();
    for (block, weights) in blocks.zip(weighed) {
        sums.iter_mut().zip(block.iter().zip(weights)).for_each(|(sum, (value, weight))| *sum += value * weight);
    }
    let rest = values[rest..].iter().zip(&weights[rest..]).map(|(value, weight)| value * weight);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// ‖mean(a) − mean(b)‖, 0 to 2 for unit vectors: how far the modalities' centres are apart (Liang et al. 2022, "Mind the Gap").
///
/// Both needn't have as many rows. `None` when either is empty, or the vectors aren't finite and all of one length.
#[must_use]
pub fn modality_gap(first: &[Vec<f32>], second: &[Vec<f32>]) -> Option<f64> {
    let length = dimension_of_both(first, second)?;
    let centre = |rows: &[Vec<f32>], at: usize| mean(rows.iter().filter_map(|row| row.get(at)).map(|v| f64::from(*v)));
    let difference = |at: usize| Some(centre(first, at)? - centre(second, at)?);
    let squares: Option<f64> = (0..length).map(|at| difference(at).map(|value| value * value)).sum();
    squares.map(libm::sqrt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corners() -> Vec<Vec<f32>> {
        vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![-1.0, 0.0], vec![0.0, -1.0]]
    }

    #[test]
    fn a_square_by_hand() {
        let turned: Vec<Vec<f32>> = corners().into_iter().cycle().skip(1).take(4).collect();
        assert_eq!((alignment(&corners(), &corners()), alignment(&corners(), &turned)), (Some(0.0), Some(2.0)));
        // Of six pairs four are √2 apart and two 2.
        let expected = ((4.0 * f64::exp(-4.0) + 2.0 * f64::exp(-8.0)) / 6.0).ln();
        assert!((uniformity(&corners()).unwrap() - expected).abs() < 1e-12);
        assert_eq!(modality_gap(&corners(), &corners()[..1]), Some(1.0));
    }

    #[test]
    fn a_row_that_is_named_twice_counts_twice() {
        let kernel = UniformityKernel::new(&corners()).unwrap();
        // Of five pairs of different rows, those with the first twice: four are √2 apart and one 2.
        let expected = ((4.0 * f64::exp(-4.0) + f64::exp(-8.0)) / 5.0).ln();
        let by_hand = kernel.of([0, 0, 1, 3].into_iter()).unwrap();
        assert!((by_hand - expected).abs() < 1e-12, "{by_hand} and not {expected}");
        assert_eq!(kernel.of([2, 2].into_iter()), None);
    }

    #[test]
    fn all_in_one_place_is_not_uniform() {
        assert_eq!(uniformity(&vec![vec![0.6_f32, 0.8]; 3]), Some(0.0));
    }

    #[test]
    fn what_isn_t_vectors_of_one_length_has_no_figure() {
        let (one, two): (Vec<Vec<f32>>, Vec<Vec<f32>>) = (vec![vec![1.0]], vec![vec![1.0, 0.0]]);
        assert_eq!((alignment(&one, &two), modality_gap(&one, &two), uniformity(&one)), (None, None, None));
        assert_eq!((alignment(&[], &[]), modality_gap(&[], &one), uniformity(&[])), (None, None, None));
        assert_eq!(alignment(&corners(), &corners()[..3]), None);
        assert_eq!(uniformity(&[vec![f32::NAN], vec![1.0]]), None);
        assert_eq!(uniformity(&[vec![0.0], vec![1e9]]), None);
    }
}
