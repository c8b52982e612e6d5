//! A score against how much noise there is.

use crate::curve::{ROUNDING, area_under_curve, in_order};

/// What must be left of the clean score.
const KEPT: f64 = 0.9;

/// How much of a score noise leaves (Liang et al. 2021, MultiBench).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RelativeRobustness {
    /// Area under score against noise level, by trapezoids: in the unit of the score times that of the level.
    pub area: f64,
    /// That divided by the clean score, in the unit of the level: the range of levels where noise does nothing.
    pub area_by_clean: f64,
}

/// Why the SNR that a score needs isn't known.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SnrUnknown {
    /// There are no scores, two at one SNR, or one isn't finite.
    #[error("the scores aren't one finite number for each SNR")]
    Scores,
    /// There is no clean score to keep.
    #[error("the clean score is {score}: there is nothing to keep")]
    Clean {
        /// What it is.
        score: f64,
    },
    /// It lies above those tested.
    #[error("less than 90 % of the clean score is left at {snr_db} dB, the highest SNR that was tested")]
    Above {
        /// The highest tested.
        snr_db: f64,
    },
    /// It lies below those tested.
    #[error("90 % of the clean score or more is left at {snr_db} dB, the lowest SNR that was tested")]
    Below {
        /// The lowest tested.
        snr_db: f64,
    },
}

/// Area under `(noise level, score)`, in any order; level 0 is clean.
///
/// MultiBench scales areas to its own best and worst method, which needs those methods; here they are raw, and divided by the clean
/// score. `None` without a score over 0 at level 0, with no other level or a negative one, two scores at one level, or a value that isn't finite.
#[must_use]
pub fn relative_robustness(scores: &[(f64, f64)]) -> Option<RelativeRobustness> {
    let sorted = in_order(scores)?;
    let area = area_under_curve(&sorted)?;
    let &(level, clean) = sorted.first()?;
    (level == 0.0 && clean > 0.0).then(|| RelativeRobustness { area, area_by_clean: area / clean })
}

/// How much more of its clean score the model keeps than a baseline (unimodal or late fusion) under the same noise: the difference
/// of both areas, each divided by its own clean score. In the unit of the level; negative when the baseline keeps more.
///
/// MultiBench evens out clean scores by adding their difference instead, which rewards a low one. Arguments as
/// [`relative_robustness`]; `None` as there, or when both weren't tested at the same levels.
#[must_use]
pub fn effective_robustness(model: &[(f64, f64)], baseline: &[(f64, f64)]) -> Option<f64> {
    let levels = |scores| Some(in_order(scores)?.into_iter().map(|(level, _)| level).collect::<Vec<f64>>());
    let difference = relative_robustness(model)?.area_by_clean - relative_robustness(baseline)?.area_by_clean;
    (levels(model) == levels(baseline)).then_some(difference)
}

/// The SNR in dB at which 90 % of the clean score is left, on a straight line between `(snr_db, score)`, in any order: coming
/// from little noise, where the score first falls under 90 %.
///
/// # Errors
/// When that lies outside the SNRs that were tested, the clean score isn't over 0, or scores aren't finite and one for each SNR.
pub fn snr_keeping_most(scores: &[(f64, f64)], clean: f64) -> Result<f64, SnrUnknown> {
    let sorted = in_order(scores).ok_or(SnrUnknown::Scores)?;
    if !clean.is_finite() || clean <= 0.0 {
        return Err(SnrUnknown::Clean { score: clean });
    }
    let wanted = KEPT * clean;
    let mut above: Option<(f64, f64)> = None;
    for &(snr_db, score) in sorted.iter().rev() {
        if score < wanted - ROUNDING {
            let (cleaner_db, more) = above.ok_or(SnrUnknown::Above { snr_db })?;
            return Ok(snr_db + (cleaner_db - snr_db) * ((wanted - score) / (more - score)).min(1.0));
        }
        above = Some((snr_db, score));
    }
    Err(above.map_or(SnrUnknown::Scores, |(snr_db, _)| SnrUnknown::Below { snr_db }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_by_hand() {
        let (model, baseline) = ([(0.0, 1.0), (0.5, 0.5), (1.0, 0.5)], [(0.0, 0.5), (0.5, 0.5), (1.0, 0.0)]);
        assert_eq!(relative_robustness(&model), Some(RelativeRobustness { area: 0.625, area_by_clean: 0.625 }));
        assert_eq!(relative_robustness(&baseline), Some(RelativeRobustness { area: 0.375, area_by_clean: 0.75 }));
        assert_eq!(effective_robustness(&model, &baseline), Some(-0.125));
        assert_eq!(effective_robustness(&model, &baseline[..2]), None, "other levels");
    }

    #[test]
    fn without_a_clean_score_there_is_no_area() {
        for scores in [vec![(0.1, 1.0), (0.2, 1.0)], vec![(0.0, 0.0), (1.0, 0.5)], vec![(0.0, 1.0)], vec![]] {
            assert_eq!(relative_robustness(&scores), None, "{scores:?}");
        }
    }

    #[test]
    fn the_first_fall_counts() {
        let scores = [(20.0, 1.0), (10.0, 0.8), (0.0, 0.95), (-10.0, 0.1)];
        assert!((snr_keeping_most(&scores, 1.0).unwrap() - 15.0).abs() < 1e-12);
        assert_eq!(snr_keeping_most(&[(20.0, 0.9), (0.0, 0.4)], 1.0), Ok(20.0));
        assert_eq!(snr_keeping_most(&[(20.0, 0.18), (0.0, 0.1)], 0.2), Ok(20.0), "0.9 times 0.2 is more than 0.18");
    }

    #[test]
    fn an_snr_that_wasn_t_reached_says_so() {
        let scores = [(20.0, 0.8), (0.0, 0.7)];
        assert_eq!(snr_keeping_most(&scores, 1.0), Err(SnrUnknown::Above { snr_db: 20.0 }));
        assert_eq!(snr_keeping_most(&scores, 0.5), Err(SnrUnknown::Below { snr_db: 0.0 }));
        assert_eq!(snr_keeping_most(&scores, 0.0), Err(SnrUnknown::Clean { score: 0.0 }));
        assert_eq!(snr_keeping_most(&[], 1.0), Err(SnrUnknown::Scores));
        assert!(snr_keeping_most(&scores, f64::NAN).is_err() && snr_keeping_most(&[(0.0, f64::NAN)], 1.0).is_err());
    }
}
