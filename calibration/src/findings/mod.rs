//! What the trials of a split say together.

mod fairness;
mod interpretability;
mod robustness;
mod slices;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use edgeval_measure::Measured;
use edgeval_models::Modality;
use serde::Serialize;

pub use self::fairness::{Contribution, Fairness};
pub use self::interpretability::{Interpretability, ModalityMap};
pub use self::robustness::{
    Attack, AttackFigures, CorruptionScores, Missing, Noise, PrecisionFigures, Robustness, Skew,
};
pub(crate) use self::robustness::{corruption_names, share_kept};
pub use self::slices::{Groups, SliceKey};
use crate::resampling::{Drawn, Resampling, bootstrapped, mean_score};
use crate::{ReferenceSet, SetError, Trial, TrialOptions};

/// What was tried.
#[derive(Clone, Debug)]
pub(crate) struct Tried<'a> {
    pub set: &'a ReferenceSet,
    /// The name of the score.
    pub score: &'static str,
    /// What the model takes, less what was left out; the bits of coalitions.
    pub modalities: Vec<Modality>,
    /// The places of all samples of the split that can be scored.
    pub places: Vec<usize>,
    /// The score of each of them that was asked about as it is, by its place.
    pub scores: Vec<(usize, f64)>,
    pub options: TrialOptions,
}

/// What the trials say together.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// Which score was taken: `top1`, `exact_match` or `recall_at_5`.
    pub score: String,
    /// Samples that were tried.
    pub tried: u64,
    /// How often the modalities alone pick the same answer.
    pub agreement: Measured,
    /// How far their probabilities are apart: mean Jensen–Shannon divergence, in bits.
    pub divergence_bits: Measured,
    /// What is left under corruption, without a modality, under attack, on integers.
    pub robustness: Robustness,
    /// What each modality contributes.
    pub fairness: Fairness,
    /// What answers hang on.
    pub interpretability: Interpretability,
    /// How the groups of samples fare, and how much of what the set has was covered.
    pub groups: Groups,
}

impl Findings {
    /// # Errors
    /// When the set's reference errors can't be read.
    pub(crate) fn new(tried: &Tried<'_>, trials: &[Trial]) -> Result<Self, SetError> {
        let all = Trials::new(tried.set, &trials.iter().collect::<Vec<_>>());
        let groups = Groups::new(tried);
        let alone = if tried.modalities.len() < 2 {
            "the model takes one modality alone"
        } else {
            "no sample has two modalities, or nothing is answered"
        };
        let agree = all.iter().any(|trial| trial.agreement.is_some());
        let apart = if agree { "there are no probabilities of classes to compare" } else { alone };
        Ok(Self {
            score: tried.score.to_owned(),
            tried: trials.len() as u64,
            agreement: all.mean(alone, |trial| Some(trial.agreement.as_ref()?.same)),
            divergence_bits: all.mean(apart, |trial| trial.agreement.as_ref()?.divergence_bits),
            robustness: Robustness::new(&all, tried)?,
            fairness: Fairness::new(&all, &tried.modalities, &groups),
            interpretability: Interpretability::new(&all, &tried.modalities),
            groups,
        })
    }
}

/// Trials with their resamples.
pub(super) struct Trials<'a> {
    set: &'a ReferenceSet,
    trials: Vec<&'a Trial>,
    /// Figures of the same trials share their resamples.
    resamplings: RefCell<BTreeMap<Vec<usize>, Rc<Resampling>>>,
}

impl<'a> Trials<'a> {
    pub fn new(set: &'a ReferenceSet, trials: &[&'a Trial]) -> Self {
        Self { set, trials: trials.to_vec(), resamplings: RefCell::default() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a Trial> {
        self.trials.iter().copied()
    }

    /// The sample's id.
    pub fn id(&self, trial: &Trial) -> &'a str {
        &self.set.samples()[trial.place].id
    }

    /// The mean of a score from 0 to 1, over the trials that have it; `absent` says why there may be none.
    pub fn mean(&self, absent: &str, pick: impl Fn(&Trial) -> Option<f64>) -> Measured {
        let found: Vec<(&Trial, f64)> = self.iter().filter_map(|trial| Some((trial, pick(trial)?))).collect();
        let (trials, values): (Vec<&Trial>, Vec<f64>) = found.into_iter().unzip();
        match trials.is_empty() {
            true => self.absent(absent),
            false => mean_score(&values, &self.resampling(&trials)),
        }
    }

    /// A statistic of what the trials have, over those that have it; `absent` says why there may be none, or why it may be undefined.
    pub fn statistic<T: Sync>(
        &self,
        absent: &str,
        pick: impl Fn(&Trial) -> Option<T>,
        of: impl Fn(&[&T]) -> Option<f64> + Sync,
    ) -> Measured {
        let found: Vec<(&Trial, T)> = self.iter().filter_map(|trial| Some((trial, pick(trial)?))).collect();
        let (trials, values): (Vec<&Trial>, Vec<T>) = found.into_iter().unzip();
        if trials.is_empty() || of(&values.iter().collect::<Vec<_>>()).is_none() {
            return self.absent(absent);
        }
        let drawn = |indices: &[usize]| of(&indices.iter().map(|&index| &values[index]).collect::<Vec<_>>());
        bootstrapped(values.len(), &self.resampling(&trials), drawn)
    }

    /// Why a figure is absent.
    pub fn absent(&self, reason: &str) -> Measured {
        Measured::not_measured(if self.trials.is_empty() { "no sample was tried" } else { reason })
    }

    fn resampling(&self, trials: &[&Trial]) -> Rc<Resampling> {
        let places: Vec<usize> = trials.iter().map(|trial| trial.place).collect();
        let samples = self.set.samples();
        let new = |places: &[usize]| Rc::new(Resampling::new(places.iter().map(|&place| Drawn::from(&samples[place]))));
        Rc::clone(self.resamplings.borrow_mut().entry(places).or_insert_with_key(|places| new(places)))
    }
}

#[cfg(test)]
mod samples {
    use tempfile::TempDir;

    use crate::ReferenceSet;

    /// A set of so many samples, `0` to `9`, that nothing is read of; its folder goes with the first.
    pub fn set_of(count: usize) -> (TempDir, ReferenceSet) {
        let folder = tempfile::tempdir().unwrap();
        let line = |id| format!("{{\"id\":\"{id}\",\"text\":\"{id}\",\"label\":\"a\"}}\n");
        std::fs::write(folder.path().join("metadata.jsonl"), (0..count).map(line).collect::<String>()).unwrap();
        let set = ReferenceSet::open(folder.path()).unwrap();
        (folder, set)
    }
}
