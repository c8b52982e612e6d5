//! What each modality contributes, and whether groups are served alike.

use edgeval_measure::{Measured, contribution_shares, fairness_figure, imbalance, perceptual_score, shapley};
use edgeval_models::Modality;
use serde::Serialize;

use super::{Groups, Trials};
use crate::Trial;

/// Fairness between modalities and groups.
#[derive(Clone, Debug, Serialize)]
pub struct Fairness {
    /// What stands in for a modality that is absent.
    pub absent_is: String,
    /// Each modality.
    pub modalities: Vec<Contribution>,
    /// The largest share less the smallest, 0 to 1.
    pub imbalance: Measured,
    /// Worst group / best group, of the slice key where that is lowest.
    pub worst_by_best: Measured,
    /// Which key that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_key: Option<String>,
    /// The scorecard's: mean of 1 − imbalance and worst by best.
    pub figure: Measured,
}

/// What one modality contributes.
#[derive(Clone, Debug, Serialize)]
pub struct Contribution {
    /// Which.
    pub modality: Modality,
    /// Shapley's value, in the score's unit.
    pub shapley: Measured,
    /// That by the sum of all, without signs: −1 to 1.
    pub share: Measured,
    /// The score with this modality alone.
    pub alone: Measured,
    /// The score that is lost when other samples' stand in (Gat et al. 2021).
    pub perceptual: Measured,
    /// That by the score.
    pub perceptual_normalised: Measured,
}

impl Fairness {
    pub(super) fn new(trials: &Trials<'_>, modalities: &[Modality], groups: &Groups) -> Self {
        let count = modalities.len();
        let imbalance =
            of_coalitions(trials, "no modality contributes anything, or there is one alone", count, |values| {
                imbalance(&contribution_shares(&shapley(values)?)?)
            });
        let worst_by_best = groups.worst_by_best.clone();
        Self {
            absent_is: "a black picture, silence, no words".to_owned(),
            modalities: modalities
                .iter()
                .enumerate()
                .map(|(bit, modality)| contribution(trials, bit, *modality, count))
                .collect(),
            figure: fairness_figure(&imbalance, &worst_by_best),
            imbalance,
            worst_by_best,
            worst_key: groups.worst_key.clone(),
        }
    }
}

fn contribution(trials: &Trials<'_>, bit: usize, modality: Modality, count: usize) -> Contribution {
    let undefined = "no modality contributes anything";
    let permuted = |trial: &Trial| {
        let others = &trial.replaced.get(&modality)?.others;
        // Five permutations are the least that tell something.
        (others.len() >= 5).then(|| (trial.score, others.clone()))
    };
    let few = format!("fewer than six samples have {modality}, or the score is 0");
    let perceptual = |pick: fn(f64, f64) -> f64| {
        trials.statistic(&few, permuted, |rows| {
            let score = rows.iter().map(|(score, _)| score).sum::<f64>() / rows.len() as f64;
            let mean = |which: usize| rows.iter().map(|(_, others)| others[which]).sum::<f64>() / rows.len() as f64;
            let permuted: Vec<f64> = (0..rows.first()?.1.len()).map(mean).collect();
            let perceptual = perceptual_score(score, &permuted)?;
            Some(pick(perceptual.absolute, perceptual.normalised))
        })
    };
    Contribution {
        modality,
        shapley: of_coalitions(trials, undefined, count, |values| shapley(values)?.get(bit).copied()),
        share: of_coalitions(trials, undefined, count, |values| {
            contribution_shares(&shapley(values)?)?.get(bit).copied()
        }),
        alone: trials.mean("no sample has it", |trial| {
            trial.replaced.get(&modality).and_then(|_| trial.coalitions.get(1 << bit).copied())
        }),
        perceptual: perceptual(|absolute, _| absolute),
        perceptual_normalised: perceptual(|_, normalised| normalised),
    }
}

/// A statistic of the mean score of every coalition.
fn of_coalitions(
    trials: &Trials<'_>,
    undefined: &str,
    modalities: usize,
    of: impl Fn(&[f64]) -> Option<f64> + Sync,
) -> Measured {
    let all = 1_usize << modalities;
    let pick = |trial: &Trial| (trial.coalitions.len() == all).then(|| trial.coalitions.clone());
    trials.statistic(undefined, pick, |rows| {
        let mean = |mask: usize| rows.iter().map(|row| row[mask]).sum::<f64>() / rows.len() as f64;
        of(&(0..all).map(mean).collect::<Vec<_>>())
    })
}
