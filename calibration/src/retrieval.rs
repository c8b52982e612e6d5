//! Whether what belongs together finds itself across two modalities.

use edgeval_measure::{Measured, RetrievalRanks, embedding_distances, median_rank, recall_at};
use serde::Serialize;

use crate::ScoredPairs;
use crate::resampling::{Resampling, bootstrapped, mean_score};

/// Finding in both directions, among all pairs of the split; ties are broken against us.
#[derive(Clone, Debug, Serialize)]
pub struct Retrieval {
    /// How many there are to choose from: with k or fewer, recall@k is 1 and says nothing.
    pub pool: u64,
    /// From the first modality to the second.
    pub forward: Direction,
    /// From the second to the first.
    pub backward: Direction,
    /// recall@5, the mean of both directions: the scorecard's.
    pub recall_at_5: Measured,
}

/// One direction.
#[derive(Clone, Debug, Serialize)]
pub struct Direction {
    /// What is known.
    pub from: String,
    /// What is looked for.
    pub to: String,
    /// Share that is found first.
    pub recall_at_1: Measured,
    /// Share that is found among the first five.
    pub recall_at_5: Measured,
    /// Share that is found among the first ten.
    pub recall_at_10: Measured,
    /// Median rank, from 1.
    pub median_rank: Measured,
}

impl ScoredPairs {
    /// Whether pairs find themselves. Intervals are over what is looked for, in the pool as it is.
    #[must_use]
    pub fn retrieval(&self) -> Retrieval {
        let side = |pick: fn(&crate::PairRow) -> &Vec<f32>| {
            self.rows().iter().map(|row| pick(row).clone()).collect::<Vec<_>>()
        };
        if self.rows().len() > MAXIMUM_POOL {
            return Retrieval::too_large(self);
        }
        let distances = embedding_distances(&side(|row| &row.first), &side(|row| &row.second));
        let ranks = distances.and_then(|distances| RetrievalRanks::of(&distances, |i, j| i == j));
        let RetrievalRanks { forward, backward } =
            ranks.unwrap_or(RetrievalRanks { forward: Vec::new(), backward: Vec::new() });
        let resampling = Resampling::new(self.rows().iter().map(|row| (row.id.as_str(), row.cluster.as_deref())));
        let both: Vec<f64> =
            forward.iter().zip(&backward).map(|(a, b)| f64::midpoint(within(*a, 5), within(*b, 5))).collect();
        let name = |place: usize| self.modalities().get(place).map(ToString::to_string).unwrap_or_default();
        Retrieval {
            pool: self.rows().len() as u64,
            forward: direction((name(0), name(1)), &forward, &resampling),
            backward: direction((name(1), name(0)), &backward, &resampling),
            recall_at_5: if both.is_empty() { Measured::not_measured(EMPTY) } else { mean_score(&both, &resampling) },
        }
    }
}

impl Retrieval {
    fn too_large(pairs: &ScoredPairs) -> Self {
        let pool = pairs.rows().len();
        let absent = || {
            Measured::not_measured(&format!(
                "{pool} pairs; ranks are taken among {MAXIMUM_POOL} at most: split the set"
            ))
        };
        let direction = |from: usize, to: usize| Direction {
            from: pairs.modalities().get(from).map(ToString::to_string).unwrap_or_default(),
            to: pairs.modalities().get(to).map(ToString::to_string).unwrap_or_default(),
            recall_at_1: absent(),
            recall_at_5: absent(),
            recall_at_10: absent(),
            median_rank: absent(),
        };
        Self { pool: pool as u64, forward: direction(0, 1), backward: direction(1, 0), recall_at_5: absent() }
    }
}

/// All distances of a pool are in memory: 128 MB of this many, twice.
const MAXIMUM_POOL: usize = 4096;

const EMPTY: &str = "there are no pairs";

fn direction((from, to): (String, String), ranks: &[usize], resampling: &Resampling) -> Direction {
    let recall = |k: usize| match recall_at(ranks, k) {
        Some(_) => mean_score(&ranks.iter().map(|&rank| within(rank, k)).collect::<Vec<_>>(), resampling),
        None => Measured::not_measured(EMPTY),
    };
    let drawn = |indices: &[usize]| median_rank(&indices.iter().map(|&index| ranks[index]).collect::<Vec<_>>());
    Direction {
        from,
        to,
        recall_at_1: recall(1),
        recall_at_5: recall(5),
        recall_at_10: recall(10),
        median_rank: if ranks.is_empty() {
            Measured::not_measured(EMPTY)
        } else {
            bootstrapped(ranks.len(), resampling, drawn)
        },
    }
}

const fn within(rank: usize, k: usize) -> f64 {
    if rank <= k { 1.0 } else { 0.0 }
}
