//! Finding what belongs together across modalities: ranks, recall among the first k, median rank.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::vectors::{dimension_of_both, product, products};

/// Where what belongs was found, in both directions; ranks from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrievalRanks {
    /// For each row of the matrix, among its columns: from the first modality to the second.
    pub forward: Vec<usize>,
    /// For each column, among its rows: from the second modality to the first.
    pub backward: Vec<usize>,
}

impl RetrievalRanks {
    /// Ranks in both directions, from one matrix of distances; arguments and absence as [`retrieval_ranks`]. Also `None` when
    /// nothing belongs to a column.
    #[must_use]
    pub fn of(distances: &[Vec<f64>], belongs: impl Fn(usize, usize) -> bool) -> Option<Self> {
        let forward = retrieval_ranks(distances, &belongs)?;
        let columns = distances.first()?.len();
        let turned: Vec<Vec<f64>> =
            (0..columns).map(|column| distances.iter().filter_map(|row| row.get(column).copied()).collect()).collect();
        Some(Self { forward, backward: retrieval_ranks(&turned, |column, row| belongs(row, column))? })
    }

    /// Ranks of pairs of unit vectors, row *i* of both belonging together: what [`RetrievalRanks::of`] says of their
    /// [`embedding_distances`], with the distances of a row at a time in memory. `None` without rows, when they aren't as many, or
    /// the vectors aren't finite and all of one length.
    #[must_use]
    pub fn of_pairs(first: &[Vec<f32>], second: &[Vec<f32>]) -> Option<Self> {
        dimension_of_both(first, second).filter(|_| first.len() == second.len())?;
        Some(Self { forward: ranks_of_pairs(first, second)?, backward: ranks_of_pairs(second, first)? })
    }
}

fn ranks_of_pairs(queries: &[Vec<f32>], candidates: &[Vec<f32>]) -> Option<Vec<usize>> {
    let candidates: Vec<&[f32]> = candidates.iter().map(Vec::as_slice).collect();
    let rank = |(own, query): (usize, &Vec<f32>)| {
        let distances: Vec<f64> = products(query, &candidates).into_iter().map(|product| 1.0 - product).collect();
        rank_of_nearest(&distances, |candidate| candidate == own)
    };
    queries.par_iter().enumerate().map(rank).collect()
}

/// Distances 1 − u·v, 0 to 2, between unit vectors: a row for each of `first`, a column for each of `second`, which needn't be as
/// many. `None` when either is empty, or the vectors aren't finite and all of one length.
#[must_use]
pub fn embedding_distances(first: &[Vec<f32>], second: &[Vec<f32>]) -> Option<Vec<Vec<f64>>> {
    dimension_of_both(first, second)?;
    let row = |u: &Vec<f32>| second.iter().map(|v| 1.0 - product(u, v)).collect();
    Some(first.iter().map(row).collect())
}

/// For each query the rank, from 1, of the nearest candidate that belongs to it.
///
/// `distances` has a row for each query and a column for each candidate; `belongs(query, candidate)` tells what is to be found:
/// `|i, j| i == j` for pairs, more where a picture has several captions (Karpathy & Fei-Fei 2015). The rank is one more than how
/// many candidates that don't belong are as near or nearer: ties are broken against us, so embeddings that are all the same find
/// nothing. `None` when there are no distances, rows differ in length, a distance isn't finite, or nothing belongs to a query.
#[must_use]
pub fn retrieval_ranks(distances: &[Vec<f64>], belongs: impl Fn(usize, usize) -> bool) -> Option<Vec<usize>> {
    let candidates = distances.first()?.len();
    let fits = |row: &Vec<f64>| row.len() == candidates && row.iter().all(|value| value.is_finite());
    let rank = |(query, row): (usize, &Vec<f64>)| rank_of_nearest(row, |candidate| belongs(query, candidate));
    distances.iter().all(fits).then(|| distances.iter().enumerate().map(rank).collect())?
}

fn rank_of_nearest(row: &[f64], belongs: impl Fn(usize) -> bool) -> Option<usize> {
    let (own, others): (Vec<_>, Vec<_>) = row.iter().enumerate().partition(|(candidate, _)| belongs(*candidate));
    let nearest = own.into_iter().map(|(_, distance)| *distance).reduce(f64::min)?;
    Some(1 + others.into_iter().filter(|(_, distance)| **distance <= nearest).count())
}

/// Share of ranks that are at most `k`, 0 to 1: recall@k. `None` without ranks. With `k` candidates or fewer it is 1 and says
/// nothing.
#[must_use]
pub fn recall_at(ranks: &[usize], k: usize) -> Option<f64> {
    let found = ranks.iter().filter(|rank| **rank <= k).count();
    (!ranks.is_empty()).then(|| found as f64 / ranks.len() as f64)
}

/// The median rank, from 1, half-way between the middle two of an even number (numpy's `median`). `None` without ranks.
#[must_use]
pub fn median_rank(ranks: &[usize]) -> Option<f64> {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let (upper, lower) = (sorted.get(sorted.len() / 2)?, sorted.get(sorted.len().checked_sub(1)? / 2)?);
    Some((*lower as f64 + *upper as f64) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_that_belongs_counts() {
        let distances = [vec![0.2, 0.1, 0.9], vec![0.5, 0.4, 0.6], vec![0.3, 0.2, 0.1]];
        let ranks = RetrievalRanks::of(&distances, |i, j| i == j).unwrap();
        assert_eq!((ranks.forward, ranks.backward), (vec![2, 1, 1], vec![1, 3, 1]));
        assert_eq!(retrieval_ranks(&distances, |i, j| i.abs_diff(j) < 2), Some(vec![1, 1, 1]));
    }

    #[test]
    fn ties_are_broken_against_us() {
        let same = vec![vec![1.0_f32, 0.0]; 4];
        let distances = embedding_distances(&same, &same).unwrap();
        let ranks = RetrievalRanks::of(&distances, |i, j| i == j).unwrap();
        assert_eq!((ranks.forward, ranks.backward), (vec![4; 4], vec![4; 4]));
    }

    #[test]
    fn a_row_at_a_time_gives_what_the_matrix_gives() {
        let side = |seed: usize| -> Vec<Vec<f32>> {
            let angle = |at: usize| ((at * 31 + seed * 17) % 20) as f32 / 7.0;
            (0..40).map(|at| vec![angle(at).cos(), angle(at).sin()]).collect()
        };
        let (first, second) = (side(1), side(2));
        let distances = embedding_distances(&first, &second).unwrap();
        let ranks = RetrievalRanks::of_pairs(&first, &second).unwrap();
        assert_eq!(Some(&ranks), RetrievalRanks::of(&distances, |i, j| i == j).as_ref());
        assert!(ranks.forward.iter().any(|rank| *rank > 1) && ranks.forward != ranks.backward);
        assert_eq!(RetrievalRanks::of_pairs(&first, &second[1..]), None);
        assert_eq!(RetrievalRanks::of_pairs(&[], &[]), None);
    }

    #[test]
    fn recall_and_median_by_hand() {
        let ranks = [1, 7, 2, 1];
        assert_eq!(
            (recall_at(&ranks, 1), recall_at(&ranks, 5), recall_at(&ranks, 7)),
            (Some(0.5), Some(0.75), Some(1.0))
        );
        assert_eq!((median_rank(&ranks), median_rank(&[3, 9, 4])), (Some(1.5), Some(4.0)));
        assert_eq!((recall_at(&[], 1), median_rank(&[])), (None, None));
    }

    #[test]
    fn what_can_t_be_ranked_isn_t() {
        let own = |i: usize, j: usize| i == j;
        assert_eq!(retrieval_ranks(&[], own), None);
        assert_eq!(retrieval_ranks(&[vec![0.0, f64::NAN]], own), None);
        assert_eq!(retrieval_ranks(&[vec![0.0, 1.0], vec![0.0]], own), None);
        assert_eq!(retrieval_ranks(&[vec![0.0], vec![0.0]], own), None, "nothing belongs to the second");
        assert_eq!(RetrievalRanks::of(&[vec![0.0, 0.0]], own), None, "nothing belongs to the second column");
        assert_eq!(embedding_distances(&[vec![1.0]], &[vec![1.0, 0.0]]), None);
    }
}
