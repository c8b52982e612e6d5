//! Scores with a modality missing, with the sound moved, and in the other arithmetic.

use std::cmp::Ordering;

use edgeval_measure::{Measured, SkewTolerance, mcnemar_exact, skew_tolerance};
use edgeval_models::Modality;
use serde::Serialize;

use super::Trials;
use crate::resampling::mean;
use crate::{PrecisionGap, Replaced, Trial};

/// The score with a modality missing.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    /// Which.
    pub modality: Modality,
    /// The score of the samples that have it, as they are.
    pub clean: Measured,
    /// A black picture, silence, no words.
    pub nothing: Measured,
    /// The set's mean.
    pub mean: Measured,
    /// Another sample's, as of a camera that hangs.
    pub frozen: Measured,
}

/// The sound moved against the picture, by up to 640 ms to both sides.
#[derive(Clone, Debug, Serialize)]
pub struct Skew {
    /// Mean score over the shifts, by the score without one.
    pub share_of_unshifted: Measured,
    /// The widest shift that keeps 95 % of the score, in milliseconds.
    pub widest_ms: Measured,
}

/// The model's other arithmetic, asked the same.
#[derive(Clone, Debug, Serialize)]
pub struct PrecisionFigures {
    /// How often both say the same.
    pub same: Measured,
    /// The other's score. Of a model for retrieval its pair is looked for among this arithmetic's, as a changed pair is in every trial: it isn't the
    /// other's own recall@5.
    pub other_score: Measured,
    /// Probability that their mistakes differ so much by chance (McNemar, exact).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcnemar_p: Option<f64>,
    /// Mean divergence KL(fp32 ‖ int8), in nats.
    pub kl_nats: Measured,
    /// The largest of them, in nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_kl_nats: Option<f64>,
    /// The sample where they are furthest apart: by the divergence, else by a value of embeddings or probabilities, else one that they answer
    /// differently, by what its score loses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_sample: Option<String>,
}

pub(super) fn missing(trials: &Trials<'_>, modality: Modality) -> Missing {
    let absent = format!("no sample has {modality}");
    let of = |pick: fn(&Replaced) -> Option<f64>| trials.mean(&absent, |trial| pick(trial.replaced.get(&modality)?));
    let has_any = trials.iter().any(|trial| trial.replaced.contains_key(&modality));
    let no_other = format!("no other sample has {modality} that could stand in");
    let of_mean = if modality == Modality::Text { "words have no mean" } else { absent.as_str() };
    Missing {
        modality,
        clean: trials.mean(&absent, |trial| trial.replaced.get(&modality).map(|_| trial.score)),
        nothing: of(|replaced| Some(replaced.nothing)),
        mean: trials.mean(of_mean, |trial| trial.replaced.get(&modality)?.mean),
        frozen: trials.mean(if has_any { &no_other } else { &absent }, |trial| {
            mean(trial.replaced.get(&modality)?.others.iter().copied())
        }),
    }
}

pub(super) fn skew(trials: &Trials<'_>) -> Skew {
    let absent = "no sample has a picture, a sound and a longer `context` around it, or the score is 0";
    let shifted = |trial: &Trial| (!trial.shifted.is_empty()).then(|| trial.shifted.clone());
    let of = |pick: fn(&SkewTolerance) -> f64| {
        trials.statistic(absent, shifted, |rows| {
            let shifts: Vec<f64> = rows.first()?.iter().map(|(shift, _)| *shift).collect();
            let point = |(place, shift): (usize, f64)| Some((shift, mean(rows.iter().map(|row| row[place].1))?));
            let points: Option<Vec<(f64, f64)>> = shifts.into_iter().enumerate().map(point).collect();
            Some(pick(&skew_tolerance(&points?)?))
        })
    };
    Skew {
        share_of_unshifted: of(|tolerance| tolerance.share_of_unshifted),
        widest_ms: of(|tolerance| tolerance.widest_ms),
    }
}

pub(super) fn precision(trials: &Trials<'_>) -> PrecisionFigures {
    let absent = "the bundle has one arithmetic alone";
    let gaps = || trials.iter().filter_map(|trial| Some((trial, trial.precision?)));
    let is_right = |score: f64| score > 0.5;
    let only = |ours: bool| {
        gaps().filter(|(trial, gap)| is_right(trial.score) == ours && is_right(gap.other_score) != ours).count() as u64
    };
    PrecisionFigures {
        same: trials.mean("the bundle has one arithmetic alone, or says nothing", |trial| {
            trial.precision?.same.map(|same| if same { 1.0 } else { 0.0 })
        }),
        other_score: trials.mean(absent, |trial| Some(trial.precision?.other_score)),
        mcnemar_p: gaps().next().map(|_| mcnemar_exact(only(true), only(false))),
        kl_nats: trials.statistic(
            if gaps().next().is_some() { "there are no probabilities of classes" } else { absent },
            |trial| trial.precision?.kl_nats,
            |values| mean(values.iter().map(|value| **value)),
        ),
        worst_kl_nats: gaps().filter_map(|(_, gap)| gap.kl_nats).max_by(f64::total_cmp),
        worst_sample: furthest(gaps()).map(|trial| trials.id(trial).to_owned()),
    }
}

/// Where the arithmetics are furthest apart; none where they are nowhere. Words have neither a divergence nor values that could differ.
fn furthest<'a>(gaps: impl Iterator<Item = (&'a Trial, PrecisionGap)>) -> Option<&'a Trial> {
    let distance = |(trial, gap): &(&Trial, PrecisionGap)| {
        let differs = if gap.same == Some(false) { 1.0 } else { 0.0 };
        [gap.kl_nats.unwrap_or(gap.largest_difference), differs, trial.score - gap.other_score]
    };
    let order = |a: &[f64; 3], b: &[f64; 3]| {
        let orders = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
        orders.fold(Ordering::Equal, Ordering::then)
    };
    let apart = gaps.filter(|gap| distance(gap)[..2].iter().any(|part| *part > 0.0));
    apart.max_by(|a, b| order(&distance(a), &distance(b))).map(|(trial, _)| trial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::samples::set_of;

    fn worst_sample(gaps: &[(f64, PrecisionGap)]) -> Option<String> {
        let of = |(place, (score, gap)): (usize, &(f64, PrecisionGap))| Trial {
            place,
            score: *score,
            precision: Some(*gap),
            ..Trial::default()
        };
        let trials: Vec<Trial> = gaps.iter().enumerate().map(of).collect();
        let (_folder, set) = set_of(trials.len());
        precision(&Trials::new(&set, &trials.iter().collect::<Vec<_>>())).worst_sample
    }

    const fn gap(same: bool, other_score: f64, largest_difference: f64) -> PrecisionGap {
        PrecisionGap { same: Some(same), other_score, kl_nats: None, largest_difference }
    }

    #[test]
    fn of_words_the_worst_sample_is_one_that_is_answered_differently() {
        let (alike, lost) = ((1.0, gap(true, 1.0, 0.0)), (1.0, gap(false, 0.0, 0.0)));
        let (wrong_as_well, found) = ((0.0, gap(false, 0.0, 0.0)), (0.0, gap(false, 1.0, 0.0)));
        assert_eq!(worst_sample(&[alike, wrong_as_well, lost, found, alike]).as_deref(), Some("2"));
        assert_eq!(worst_sample(&[alike, alike]), None, "they are nowhere apart");
    }

    #[test]
    fn the_worst_sample_is_the_furthest_apart() {
        let (near, far, other) = ((1.0, gap(true, 1.0, 0.1)), (1.0, gap(true, 1.0, 0.3)), (1.0, gap(false, 0.0, 0.2)));
        assert_eq!(worst_sample(&[near, far, other]).as_deref(), Some("1"));
    }

    #[test]
    fn a_frozen_picture_is_another_sample_s() {
        let replaced = [(Modality::Image, Replaced { nothing: 0.0, mean: Some(0.0), others: Vec::new() })].into();
        let (alone, without) = (Trial { replaced, ..Trial::default() }, Trial { place: 1, ..Trial::default() });
        let (_folder, set) = set_of(2);
        let trials = Trials::new(&set, &[&alone, &without]);
        let reason = |modality| missing(&trials, modality).frozen;
        assert_eq!(reason(Modality::Image), Measured::not_measured("no other sample has image that could stand in"));
        assert_eq!(reason(Modality::Audio), Measured::not_measured("no sample has audio"));
    }
}
