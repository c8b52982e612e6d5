//! Whether what belongs together finds itself across two modalities.

use edgeval_measure::{Measured, RetrievalRanks, median_rank};
use serde::Serialize;

use crate::resampling::{Drawn, Resampling, bootstrapped, mean_score};
use crate::{PairRow, ScoredPairs};

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
        let pool = self.rows().len();
        let ranks = self.ranks().unwrap_or(RetrievalRanks { forward: Vec::new(), backward: Vec::new() });
        let RetrievalRanks { forward, backward } = ranks;
        let resampling = Resampling::new(self.rows().iter().map(Drawn::from));
        let mean = |values: &[f64]| match values {
            [] => Measured::not_measured("there are no pairs"),
            values => mean_score(values, &resampling),
        };
        let recall = |ranks: &[usize], k: usize| mean(&ranks.iter().map(|rank| within(*rank, k)).collect::<Vec<_>>());
        let median = |ranks: &[usize]| match ranks {
            [] => Measured::not_measured("there are no pairs"),
            ranks => bootstrapped(ranks.len(), &resampling, |indices| {
                median_rank(&indices.iter().map(|&index| ranks[index]).collect::<Vec<_>>())
            }),
        };
        let name = |place: usize| self.modalities().get(place).map(ToString::to_string).unwrap_or_default();
        let direction = |(from, to): (usize, usize), ranks: &[usize]| Direction {
            from: name(from),
            to: name(to),
            recall_at_1: recall(ranks, 1),
            recall_at_5: recall(ranks, 5),
            recall_at_10: recall(ranks, 10),
            median_rank: median(ranks),
        };
        let both = forward.iter().zip(&backward).map(|(a, b)| f64::midpoint(within(*a, 5), within(*b, 5)));
        Retrieval {
            pool: pool as u64,
            recall_at_5: mean(&both.collect::<Vec<_>>()),
            forward: direction((0, 1), &forward),
            backward: direction((1, 0), &backward),
        }
    }

    /// Where each pair finds itself, in both directions; `None` without pairs.
    fn ranks(&self) -> Option<RetrievalRanks> {
        let side =
            |pick: fn(&PairRow) -> &Vec<f32>| self.rows().iter().map(|row| pick(row).clone()).collect::<Vec<_>>();
        RetrievalRanks::of_pairs(&side(|row| &row.first), &side(|row| &row.second))
    }
}

const fn within(rank: usize, k: usize) -> f64 {
    if rank <= k { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use edgeval_models::{Modality, Prediction};

    use super::*;
    use crate::Sample;

    #[test]
    fn a_large_pool_is_measured() {
        let mut scored = ScoredPairs::new(vec![Modality::Image, Modality::Text]);
        for id in 0..4200_u16 {
            let angle = f32::from(id) / 1000.0;
            let vector = vec![angle.cos(), angle.sin()];
            let embeddings = vec![(Modality::Image, vector.clone()), (Modality::Text, vector)];
            let (image, text) = (Some("x.png".to_owned()), Some("x".to_owned()));
            let sample = Sample { id: id.to_string(), image, text, ..Sample::default() };
            scored.push(&sample, &Prediction { embeddings, ..Prediction::default() }).unwrap();
        }
        let found = scored.retrieval();
        assert_eq!((found.pool, found.recall_at_5.figure().unwrap().n), (4200, 4200));
        assert!(found.forward.median_rank.figure().unwrap().value < 3.0);
    }
}
