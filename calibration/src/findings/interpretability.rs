//! What answers hang on, and whether the maps tell the truth.

use edgeval_measure::{Measured, interpretability};
use edgeval_models::Modality;
use serde::Serialize;

use super::Trials;
use crate::resampling::mean as mean_of;
use crate::{Explanation, Trial};

/// What answers hang on. Areas are under the probability of what the model said, 0 to 1.
#[derive(Clone, Debug, Serialize)]
pub struct Interpretability {
    /// What covers a cell.
    pub covered_with: String,
    /// Each modality.
    pub modalities: Vec<ModalityMap>,
    /// The scorecard's: what maps gain over random orders, of what there is to gain; over all modalities.
    pub figure: Measured,
}

/// The maps of one modality.
#[derive(Clone, Debug, Serialize)]
pub struct ModalityMap {
    /// Which.
    pub modality: Modality,
    /// Mean area as cells are removed in the maps' order: less is better.
    pub deletion: Measured,
    /// Mean area as cells are restored in the maps' order: more is better.
    pub insertion: Measured,
    /// Mean area as cells are removed in random orders.
    pub random_deletion: Measured,
    /// Mean area as cells are restored in random orders.
    pub random_insertion: Measured,
    /// What the maps gain over random orders, of what there is to gain, 0 to 1.
    pub gain: Measured,
    /// How often the map's peak lies where the answer is.
    pub pointing: Measured,
    /// Mean number of queries that a map took.
    pub queries: Measured,
    /// Cells of a map: with as many queries it would be made without looking where it has settled.
    pub cells: Measured,
}

impl Interpretability {
    pub(super) fn new(trials: &Trials<'_>, modalities: &[Modality]) -> Self {
        let all = |trial: &Trial| gaps(&trial.explained.values().collect::<Vec<_>>());
        Self {
            covered_with: "the set's mean picture and sound; words are left out".to_owned(),
            modalities: modalities.iter().map(|modality| of_modality(trials, *modality)).collect(),
            figure: trials.statistic(NONE, all, gain),
        }
    }
}

const NONE: &str =
    "no answer was explained (--examine), the model gives no probability, or there are no two parts to tell apart";

fn of_modality(trials: &Trials<'_>, modality: Modality) -> ModalityMap {
    let mean = |absent: &str, pick: fn(&Explanation) -> Option<f64>| {
        trials.statistic(
            absent,
            |trial| pick(trial.explained.get(&modality)?),
            |values| mean_of(values.iter().map(|value| **value)),
        )
    };
    let of_random = |pick: fn(&(f64, f64)) -> f64| {
        let of = move |trial: &Trial| mean_of(trial.explained.get(&modality)?.random.iter().map(pick));
        trials.statistic(NONE, of, |values| mean_of(values.iter().map(|value| **value)))
    };
    ModalityMap {
        modality,
        deletion: mean(NONE, |it| Some(it.deletion)),
        insertion: mean(NONE, |it| Some(it.insertion)),
        random_deletion: of_random(|(deletion, _)| *deletion),
        random_insertion: of_random(|(_, insertion)| *insertion),
        gain: trials.statistic(NONE, |trial| gaps(&[trial.explained.get(&modality)?]), gain),
        pointing: trials.mean("no sample says where in it the answer is", |trial| {
            let pointed = trial.explained.get(&modality)?.pointed?;
            Some(if pointed { 1.0 } else { 0.0 })
        }),
        queries: mean(NONE, |it| Some(it.queries as f64)),
        cells: mean(NONE, |it| Some((it.rows * it.columns) as f64)),
    }
}

/// Insertion less deletion of the map and of random orders, each the mean over a sample's explanations; `None` without any.
fn gaps(explanations: &[&Explanation]) -> Option<(f64, f64)> {
    let map = mean_of(explanations.iter().map(|it| it.insertion - it.deletion))?;
    let random = explanations.iter().flat_map(|it| &it.random).map(|(deletion, insertion)| insertion - deletion);
    Some((map, mean_of(random)?))
}

fn gain(rows: &[&(f64, f64)]) -> Option<f64> {
    let (map, random): (Vec<f64>, Vec<f64>) = rows.iter().copied().copied().unzip();
    interpretability(&map, &random)
}
