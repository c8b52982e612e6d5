//! How far sound may be moved against the picture.

use crate::curve::{ROUNDING, area_under_curve, in_order};

/// What must be left of the score for a shift to be tolerated.
const KEPT: f64 = 0.95;

/// How well a score bears a shift of one modality against the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SkewTolerance {
    /// Mean score over the range of shifts: the area under score against shift (trapezoids), divided by the range. In the score's
    /// unit.
    pub mean_score: f64,
    /// That divided by the score without a shift: 1 where shifts do nothing.
    pub share_of_unshifted: f64,
    /// The widest tested shift, in milliseconds, such that it and all narrower ones keep 95 % of the score without a shift, to both sides where
    /// both were tested. 0 when the narrowest doesn't.
    pub widest_ms: f64,
}

/// Tolerance of a skew, from scores at `(shift_ms, score)`, in any order, negative shifts to the other side.
///
/// Nothing is read between shifts that were tested. `None` without a score at shift 0 or with one that isn't over 0, with no other
/// shift, two scores at one shift, or a value that isn't finite.
#[must_use]
pub fn skew_tolerance(scores: &[(f64, f64)]) -> Option<SkewTolerance> {
    let sorted = in_order(scores)?;
    let unshifted = sorted.iter().find(|(shift, _)| *shift == 0.0)?.1;
    let range = sorted.last()?.0 - sorted.first()?.0;
    let mean_score = area_under_curve(&sorted)? / range;
    let is_lost = |score: f64| score < KEPT * unshifted - ROUNDING;
    let lost_ms = sorted.iter().filter(|(_, score)| is_lost(*score)).map(|(shift, _)| shift.abs());
    let first_lost_ms = lost_ms.fold(f64::INFINITY, f64::min);
    let kept_ms = sorted.iter().map(|(shift, _)| shift.abs()).filter(|shift| *shift < first_lost_ms);
    (unshifted > 0.0).then(|| SkewTolerance {
        mean_score,
        share_of_unshifted: mean_score / unshifted,
        widest_ms: kept_ms.fold(0.0, f64::max),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_must_hold() {
        let scores = [(-80.0, 0.9), (-40.0, 0.99), (0.0, 1.0), (40.0, 0.96), (80.0, 0.95)];
        assert_eq!(skew_tolerance(&scores).unwrap().widest_ms, 40.0);
        assert_eq!(skew_tolerance(&scores[1..]).unwrap().widest_ms, 80.0, "exactly 95 % is kept");
        assert_eq!(skew_tolerance(&scores[..3]).unwrap().widest_ms, 40.0);
    }

    #[test]
    fn a_narrower_shift_that_fails_ends_it() {
        let scores = [(0.0, 0.8), (40.0, 0.5), (80.0, 0.8)];
        let tolerance = skew_tolerance(&scores).unwrap();
        assert_eq!(tolerance.widest_ms, 0.0);
        assert!((tolerance.mean_score - 0.65).abs() < 1e-12 && (tolerance.share_of_unshifted - 0.8125).abs() < 1e-12);
    }

    #[test]
    fn without_an_unshifted_score_there_is_no_tolerance() {
        let not_zero = [(40.0, 1.0), (80.0, 1.0)];
        let (alone, nothing) = ([(0.0, 1.0)], [(0.0, 0.0), (40.0, 0.5)]);
        assert!(
            [&not_zero[..], &alone[..], &nothing[..], &[]].into_iter().all(|scores| skew_tolerance(scores).is_none())
        );
    }
}
