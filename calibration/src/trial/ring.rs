//! Samples in an order that is drawn: whose pictures, sounds or words stand in for a sample's own.

use std::collections::BTreeMap;

use crate::corruption::Random;
use crate::order::shuffle;

/// The samples of a split that have a modality, as a ring. A set is sorted, often by label: neighbours of its own order would be alike, or all be different.
#[derive(Debug)]
pub(super) struct Ring {
    places: Vec<usize>,
    ranks: BTreeMap<usize, usize>,
}

impl Ring {
    pub fn new(mut places: Vec<usize>, random: &mut Random) -> Self {
        shuffle(&mut places, random);
        let ranks = places.iter().enumerate().map(|(rank, place)| (*place, rank)).collect();
        Self { places, ranks }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Where in the ring a sample is; `None` when it isn't.
    pub fn rank(&self, place: usize) -> Option<usize> {
        self.ranks.get(&place).copied()
    }

    /// The sample at a rank.
    pub fn at(&self, rank: usize) -> usize {
        self.places[rank % self.places.len()]
    }

    /// The samples that follow one, `count` of them or all others. Each of the ring's is once the first that follows, once the second and so on: a
    /// permutation, by which nothing stays in its place.
    pub fn after(&self, place: usize, count: usize) -> impl Iterator<Item = usize> {
        let rank = self.rank(place);
        let others = count.min(self.places.len().saturating_sub(1));
        rank.into_iter().flat_map(move |rank| (1..=others).map(move |distance| self.at(rank + distance)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_permutations_that_leave_nothing_in_its_place() {
        let ring = Ring::new((10..30).collect(), &mut Random::seeded(1));
        for which in 0..5 {
            let mut others: Vec<usize> = (10..30).map(|place| ring.after(place, 5).nth(which).unwrap()).collect();
            assert!((10..30).zip(&others).all(|(place, other)| place != *other));
            others.sort_unstable();
            assert_eq!(others, (10..30).collect::<Vec<_>>());
        }
    }

    /// A set that is sorted by ten labels: by chance one other in ten has a sample's own.
    #[test]
    fn a_sorted_set_s_others_are_of_all_labels() {
        let ring = Ring::new((0..400).collect(), &mut Random::seeded(1));
        let alike = |place: &usize| ring.after(*place, 5).filter(|other| other / 40 == place / 40).count();
        let share = (0..400).map(|place| alike(&place)).sum::<usize>() as f64 / 2000.0;
        assert!((0.07..0.13).contains(&share), "{share}");
    }

    #[test]
    fn few_have_few_others() {
        let ring = Ring::new(vec![4, 7], &mut Random::seeded(1));
        assert_eq!(ring.after(4, 5).collect::<Vec<_>>(), [7]);
        assert_eq!(Ring::new(vec![4], &mut Random::seeded(1)).after(4, 5).count(), 0);
        assert_eq!((ring.after(5, 5).count(), ring.rank(5)), (0, None));
    }
}
