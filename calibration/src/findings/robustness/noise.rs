//! Scores of a noisy picture and of noisy sound, as areas (MultiBench, Liang et al. 2021).

use edgeval_measure::{Measured, effective_robustness, relative_robustness};
use edgeval_models::Modality;
use serde::Serialize;

use super::{Trials, Tried};
use crate::Trial;
use crate::resampling::mean;
use crate::trial::NOISES;

/// Scores against how much noise there is; the levels are severities, 0 being clean.
#[derive(Clone, Debug, Serialize)]
pub struct Noise {
    /// What is noisy.
    pub modality: Modality,
    /// By which corruption.
    pub corruption: String,
    /// Area under the score against the level, by the clean score, in levels: 5 where noise does nothing.
    pub relative: Measured,
    /// That less the same of the model with this modality alone: what the others make up for. Of samples that have another modality.
    pub effective: Measured,
}

/// Of the noises that the modality alone was played, too.
pub(super) fn noise(trials: &Trials<'_>, tried: &Tried<'_>) -> Vec<Noise> {
    let of = |(modality, name): (Modality, &'static str)| {
        let bit = tried.modalities.iter().position(|known| *known == modality)?;
        let model = |trial: &Trial| Some(points(trial.score, trial.corrupted.get(name)?));
        // Where there is no other modality, the model alone is the model itself.
        let both = |trial: &Trial| {
            let alone = trial.alone_in_noise.get(&modality).filter(|_| trial.replaced.len() > 1)?;
            Some((model(trial)?, points(*trial.coalitions.get(1 << bit)?, alone)))
        };
        let absent = format!("no sample has {modality}, or the model is never right");
        let no_other = format!("no sample has {modality} and another modality, or the model is never right");
        Some(Noise {
            modality,
            corruption: name.to_owned(),
            relative: trials.statistic(&absent, model, |rows| {
                Some(relative_robustness(&mean_points(rows.iter().copied()))?.area_by_clean)
            }),
            effective: trials.statistic(&no_other, both, |rows| {
                let (model, alone) = (rows.iter().map(|(model, _)| model), rows.iter().map(|(_, alone)| alone));
                effective_robustness(&mean_points(model), &mean_points(alone))
            }),
        })
    };
    NOISES.into_iter().filter_map(of).collect()
}

/// Scores by level, from clean.
fn points(clean: f64, scores: &[f64]) -> Vec<f64> {
    std::iter::once(clean).chain(scores.iter().copied()).collect()
}

fn mean_points<'a>(rows: impl Iterator<Item = &'a Vec<f64>> + Clone) -> Vec<(f64, f64)> {
    let levels = rows.clone().next().map_or(0, Vec::len);
    (0..levels).filter_map(|level| Some((level as f64, mean(rows.clone().map(|row| row[level]))?))).collect()
}
