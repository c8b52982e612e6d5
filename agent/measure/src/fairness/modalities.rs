//! What each modality contributes to a score.

use crate::vectors::mean;

/// Modalities that are taken apart at most.
const MODALITIES: u32 = 4;
/// Fewer permutations of a modality tell too little.
const PERMUTATIONS: usize = 5;

/// How much a model perceives of a modality (Gat et al. 2021, "Perceptual Score").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerceptualScore {
    /// The score less its mean with the modality permuted across samples, in the score's unit. Negative when permuting helps.
    pub absolute: f64,
    /// That divided by the score; 1 when all is lost.
    pub normalised: f64,
}

/// Exact Shapley values (Shapley 1953) of 1 to 4 modalities, in the score's unit: each one's mean gain over all orders of
/// joining. They add up to the score of all less that of none.
///
/// `values` holds the score of each coalition, by a bit mask: bit *i* of the index tells whether modality *i* is there, others being replaced
/// as the caller states; 2, 4, 8 or 16 of them. `None` with any other number, or a value that isn't finite.
#[must_use]
pub fn shapley(values: &[f64]) -> Option<Vec<f64>> {
    let modalities = values.len().checked_ilog2().filter(|count| (1..=MODALITIES).contains(count))?;
    let fits = values.len().is_power_of_two() && values.iter().all(|value| value.is_finite());
    let of_modality = |modality: u32| {
        let gain = |without: usize| values[without | 1 << modality] - values[without];
        let without = (0..values.len()).filter(|coalition| coalition >> modality & 1 == 0);
        without.map(|coalition| weight(coalition.count_ones(), modalities) * gain(coalition)).sum()
    };
    fits.then(|| (0..modalities).map(of_modality).collect())
}

/// Share of the orders of `all` modalities in which just these `before` come before the next: |S|! (M − |S| − 1)! / M!.
fn weight(before: u32, all: u32) -> f64 {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    factorial(before) * factorial(all - before - 1) / factorial(all)
}

/// Each contribution divided by the sum of their absolute values, −1 to 1: φ / Σ|φ|.
///
/// `None` when they are all zero, there are none, or one isn't finite.
#[must_use]
pub fn contribution_shares(contributions: &[f64]) -> Option<Vec<f64>> {
    let sum: f64 = contributions.iter().map(|value| value.abs()).sum();
    (sum > 0.0 && sum.is_finite()).then(|| contributions.iter().map(|value| value / sum).collect())
}

/// The largest share less the smallest, 0 to 1: 0 when all modalities contribute alike, 1 when one does everything (or as much good
/// as another does harm). Shares are [`contribution_shares`].
///
/// `None` with fewer than two, or one that isn't finite.
#[must_use]
pub fn imbalance(shares: &[f64]) -> Option<f64> {
    let largest = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let smallest = shares.iter().copied().fold(f64::INFINITY, f64::min);
    (shares.len() > 1 && shares.iter().all(|share| share.is_finite())).then_some(largest - smallest)
}

/// The perceptual score of a modality, from the score and those with that modality permuted across samples.
///
/// Normalised by the model's own score, the paper's "model normalisation". `None` with fewer than 5 permutations, a score that
/// isn't over 0, or a value that isn't finite.
#[must_use]
pub fn perceptual_score(score: f64, permuted: &[f64]) -> Option<PerceptualScore> {
    let absolute = score - mean(permuted.iter().copied())?;
    let is_defined = permuted.len() >= PERMUTATIONS && score > 0.0 && absolute.is_finite();
    is_defined.then(|| PerceptualScore { absolute, normalised: absolute / score })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_modalities_by_hand() {
        // None 0.1, the first alone 0.5, the second alone 0.3, both 0.9.
        let contributions = shapley(&[0.1, 0.5, 0.3, 0.9]).unwrap();
        assert!((contributions[0] - 0.5).abs() < 1e-12 && (contributions[1] - 0.3).abs() < 1e-12);
        let shares = contribution_shares(&contributions).unwrap();
        assert!((imbalance(&shares).unwrap() - 0.25).abs() < 1e-12);
        assert_eq!(shapley(&[0.25, 0.75]), Some(vec![0.5]));
    }

    #[test]
    fn harm_counts_as_much_as_good() {
        assert_eq!(contribution_shares(&[0.3, -0.3]), Some(vec![0.5, -0.5]));
        assert_eq!(imbalance(&[0.5, -0.5]), Some(1.0));
    }

    #[test]
    fn what_isn_t_a_table_has_no_contributions() {
        for values in [vec![], vec![1.0], vec![1.0; 3], vec![1.0; 12], vec![1.0; 32], vec![0.0, f64::NAN]] {
            assert_eq!(shapley(&values), None, "{values:?}");
        }
        assert_eq!((contribution_shares(&[0.0, 0.0]), contribution_shares(&[])), (None, None));
        assert_eq!((imbalance(&[1.0]), imbalance(&[1.0, f64::NAN])), (None, None));
    }

    #[test]
    fn perception_by_hand() {
        let perceived = perceptual_score(0.75, &[0.5, 0.5, 0.25, 0.25, 0.375]).unwrap();
        assert_eq!(perceived, PerceptualScore { absolute: 0.375, normalised: 0.5 });
        assert_eq!(perceptual_score(0.75, &[0.5; 4]), None, "too few permutations");
        assert_eq!((perceptual_score(0.0, &[0.5; 5]), perceptual_score(0.5, &[f64::NAN; 5])), (None, None));
    }
}
