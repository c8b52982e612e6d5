//! Scores with a modality missing, with the sound moved, and in the other arithmetic.

use edgeval_measure::{Measured, SkewTolerance, mcnemar_exact, skew_tolerance};
use edgeval_models::Modality;
use serde::Serialize;

use super::Trials;
use crate::resampling::mean;
use crate::{Replaced, Trial};

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
    /// The other's score.
    pub other_score: Measured,
    /// Probability that their mistakes differ so much by chance (McNemar, exact).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcnemar_p: Option<f64>,
    /// Mean divergence KL(fp32 ‖ int8), in nats.
    pub kl_nats: Measured,
    /// The largest of them, in nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_kl_nats: Option<f64>,
    /// The sample where they are furthest apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_sample: Option<String>,
}

pub(super) fn missing(trials: &Trials<'_>, modality: Modality) -> Missing {
    let absent = format!("no sample has {modality}");
    let of = |pick: fn(&Replaced) -> Option<f64>| trials.mean(&absent, |trial| pick(trial.replaced.get(&modality)?));
    let of_mean = if modality == Modality::Text { "words have no mean" } else { absent.as_str() };
    Missing {
        modality,
        clean: trials.mean(&absent, |trial| trial.replaced.get(&modality).map(|_| trial.score)),
        nothing: of(|replaced| Some(replaced.nothing)),
        mean: trials.mean(of_mean, |trial| trial.replaced.get(&modality)?.mean),
        frozen: of(|replaced| mean(replaced.others.iter().copied())),
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
    let worst_kl = gaps().filter_map(|(trial, gap)| Some((gap.kl_nats?, trial))).max_by(|a, b| a.0.total_cmp(&b.0));
    let furthest =
        gaps().max_by(|a, b| a.1.largest_difference.total_cmp(&b.1.largest_difference)).map(|(trial, _)| trial);
    PrecisionFigures {
        same: trials.mean("the bundle has one arithmetic alone, or says nothing", |trial| {
            trial.precision?.same.map(|same| if same { 1.0 } else { 0.0 })
        }),
        other_score: trials.mean(absent, |trial| Some(trial.precision?.other_score)),
        mcnemar_p: gaps().next().map(|_| mcnemar_exact(only(true), only(false))),
        kl_nats: trials.statistic(
            "there are no probabilities of classes",
            |trial| trial.precision?.kl_nats,
            |values| mean(values.iter().map(|value| **value)),
        ),
        worst_kl_nats: worst_kl.map(|(kl, _)| kl),
        worst_sample: worst_kl.map(|(_, trial)| trial).or(furthest).map(|trial| trials.id(trial).to_owned()),
    }
}
