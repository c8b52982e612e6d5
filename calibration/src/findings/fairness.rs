//! What each modality contributes, and whether groups are served alike.

use edgeval_measure::{
    Measured, PerceptualScore, contribution_shares, fairness_figure, imbalance, perceptual_score, shapley,
};
use edgeval_models::Modality;
use serde::Serialize;

use super::{Groups, Trials};
use crate::Trial;
use crate::resampling::mean;

/// Fairness between modalities and groups.
#[derive(Clone, Debug, Serialize)]
pub struct Fairness {
    /// What stands in for a modality that is absent.
    pub absent_is: String,
    /// Each modality that a sample has.
    pub modalities: Vec<Contribution>,
    /// The largest share less the smallest, 0 to 1; not measured of one modality alone.
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
    /// That by the sum of all, without signs: −1 to 1; not measured of one modality alone.
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
        let present = Present::of(trials, modalities);
        let imbalance = present.of_shares(imbalance);
        let worst_by_best = groups.worst_by_best.clone();
        Self {
            absent_is: "a black picture, silence, no words".to_owned(),
            modalities: (0..present.modalities.len()).map(|place| present.contribution(place)).collect(),
            figure: fairness_figure(&imbalance, &worst_by_best),
            imbalance,
            worst_by_best,
            worst_key: groups.worst_key.clone(),
        }
    }
}

/// The model's modalities that some sample has: what none has contributes neither something nor nothing.
struct Present<'a> {
    trials: &'a Trials<'a>,
    /// Each with its bit in the trials' coalitions.
    modalities: Vec<(usize, Modality)>,
}

impl<'a> Present<'a> {
    fn of(trials: &'a Trials<'a>, modalities: &[Modality]) -> Self {
        let is_present = |modality: &Modality| trials.iter().any(|trial| trial.replaced.contains_key(modality));
        let present = modalities.iter().copied().enumerate().filter(|(_, modality)| is_present(modality));
        Self { trials, modalities: present.collect() }
    }

    fn contribution(&self, place: usize) -> Contribution {
        let (bit, modality) = self.modalities[place];
        let values = |coalitions: &[f64]| shapley(coalitions)?.get(place).copied();
        Contribution {
            modality,
            shapley: self.of_coalitions("the score of a combination isn't known", values),
            share: self.of_shares(|shares| shares.get(place).copied()),
            alone: self.trials.mean("no sample has it", |trial| {
                trial.replaced.get(&modality).and_then(|_| trial.coalitions.get(1 << bit).copied())
            }),
            perceptual: self.perceptual(modality, |score| score.absolute),
            perceptual_normalised: self.perceptual(modality, |score| score.normalised),
        }
    }

    fn perceptual(&self, modality: Modality, pick: fn(PerceptualScore) -> f64) -> Measured {
        let permuted = |trial: &Trial| {
            let others = &trial.replaced.get(&modality)?.others;
            // Five permutations are the least that tell something.
            (others.len() >= 5).then(|| (trial.score, others.clone()))
        };
        let few = format!("fewer than six samples have {modality}, or the score is 0");
        self.trials.statistic(&few, permuted, |rows| {
            let score = mean(rows.iter().map(|(score, _)| *score))?;
            let of_each = |which: usize| mean(rows.iter().map(|(_, others)| others[which]));
            let permuted: Option<Vec<f64>> = (0..rows.first()?.1.len()).map(of_each).collect();
            Some(pick(perceptual_score(score, &permuted?)?))
        })
    }

    /// A statistic of what each contributes of the whole. One alone has all of it, which says nothing.
    fn of_shares(&self, of: impl Fn(&[f64]) -> Option<f64> + Sync) -> Measured {
        if self.modalities.len() < 2 {
            return self.trials.absent("the samples have fewer than two of the model's modalities");
        }
        let shares = |coalitions: &[f64]| of(&contribution_shares(&shapley(coalitions)?)?);
        self.of_coalitions("no modality contributes anything", shares)
    }

    /// A statistic of the mean score of every coalition of these modalities.
    fn of_coalitions(&self, undefined: &str, of: impl Fn(&[f64]) -> Option<f64> + Sync) -> Measured {
        let bits = |mask: usize| {
            let joined = self.modalities.iter().enumerate().filter(move |(place, _)| mask >> place & 1 == 1);
            joined.map(|(_, (bit, _))| 1 << bit).sum::<usize>()
        };
        let masks: Vec<usize> = (0..1 << self.modalities.len()).map(bits).collect();
        let pick = |trial: &Trial| masks.iter().map(|mask| trial.coalitions.get(*mask).copied()).collect();
        self.trials.statistic(undefined, pick, |rows: &[&Vec<f64>]| {
            let scores: Option<Vec<f64>> =
                (0..masks.len()).map(|coalition| mean(rows.iter().map(|row| row[coalition]))).collect();
            of(&scores?)
        })
    }
}
