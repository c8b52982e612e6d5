//! A sample without some of its modalities, or with others in their places.

use std::collections::BTreeMap;
use std::sync::Arc;

use edgeval_measure::jensen_shannon_divergence;
use edgeval_models::{Modality, Prediction, Window};
use serde::{Deserialize, Serialize};

use super::subject::{StandIn, Subject};
use crate::SetError;

/// Scores with something else in a modality's place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replaced {
    /// A black picture, silence, no words.
    pub nothing: f64,
    /// The mean of the set's tensors; words have none.
    pub mean: Option<f64>,
    /// Other samples', one score each.
    pub others: Vec<f64>,
}

/// Whether the modalities alone say the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Share of the pairs of modalities that pick the same answer.
    pub same: f64,
    /// Mean Jensen–Shannon divergence of the pairs, in bits; none for answers in words.
    pub divergence_bits: Option<f64>,
}

/// Predictions of every combination of the model's modalities, by bit mask over `Setup::modalities`; what the sample lacks changes nothing.
/// `clean` is that of all.
pub(super) fn coalitions(subject: &mut Subject<'_>, clean: &Prediction) -> Result<Vec<Prediction>, SetError> {
    let modalities = subject.setup.modalities.clone();
    let all = (1_usize << modalities.len()) - 1;
    let present: Vec<bool> = modalities.iter().map(|modality| subject.has(*modality)).collect();
    // The same windows are asked about once.
    let effective = |mask: usize| {
        (0..modalities.len()).filter(|bit| present[*bit] && mask >> bit & 1 == 1).fold(0, |sum, bit| sum | 1 << bit)
    };
    let mut known: BTreeMap<usize, Prediction> = [(effective(all), clean.clone())].into();
    for mask in (0..=all).map(effective) {
        if known.contains_key(&mask) {
            continue;
        }
        let gone = modalities.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 0).map(|(_, modality)| *modality);
        let gone: Vec<Modality> = gone.filter(|modality| subject.has(*modality)).collect();
        gone.iter().try_for_each(|modality| subject.put(*modality, StandIn::Nothing))?;
        let prediction = subject.predict()?;
        known.insert(mask, prediction);
        gone.iter().for_each(|modality| subject.restore(*modality));
    }
    Ok((0..=all).filter_map(|mask| known.get(&effective(mask)).cloned()).collect())
}

/// Scores of the sample with each of its modalities replaced. `scores` are those of the coalitions, `others` windows whose parts stand in.
pub(super) fn replaced(
    subject: &mut Subject<'_>,
    scores: &[f64],
    others: &BTreeMap<Modality, Vec<Arc<Window>>>,
) -> Result<BTreeMap<Modality, Replaced>, SetError> {
    let mut replaced = BTreeMap::new();
    let all = scores.len() - 1;
    for (bit, modality) in subject.setup.modalities.clone().into_iter().enumerate() {
        if !subject.has(modality) {
            continue;
        }
        let means = &subject.setup.means;
        let mean = match modality {
            Modality::Text => None,
            Modality::Image | Modality::Audio => Some(subject.score_with(modality, StandIn::Ready(means))?),
        };
        let windows = others.get(&modality).map(Vec::as_slice).unwrap_or_default();
        let others = windows.iter().map(|other| subject.score_with(modality, StandIn::Of(other)));
        let others = others.collect::<Result<_, _>>()?;
        replaced.insert(modality, Replaced { nothing: scores[all & !(1 << bit)], mean, others });
    }
    Ok(replaced)
}

/// Whether the sample's modalities, each alone, say the same; `None` when it has fewer than two, or there are no answers to compare.
pub(super) fn agreement(subject: &Subject<'_>, coalitions: &[Prediction]) -> Option<Agreement> {
    let alone = subject.setup.modalities.iter().enumerate().filter(|(_, modality)| subject.has(**modality));
    let alone: Vec<&Prediction> = alone.filter_map(|(bit, _)| coalitions.get(1 << bit)).collect();
    if alone.len() < 2 || !alone.iter().all(|prediction| prediction.has_answer()) {
        return None;
    }
    let pairs = || (0..alone.len()).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| (alone[i], alone[j]));
    let count = pairs().count() as f64;
    let same = pairs().filter(|(a, b)| says_as(a, b)).count() as f64 / count;
    let divergences: Option<Vec<f64>> = pairs().map(|(a, b)| divergence(a, b)).collect();
    let divergence_bits = divergences.map(|bits| bits.iter().sum::<f64>() / count);
    Some(Agreement { same, divergence_bits })
}

/// Whether both say the same class, or the same words. What isn't a number says nothing.
pub(super) fn says_as(one: &Prediction, other: &Prediction) -> bool {
    let is_number = |prediction: &Prediction| prediction.confidence.is_finite();
    is_number(one) && is_number(other) && says(one) == says(other)
}

/// What is compared: a class, or words.
fn says(prediction: &Prediction) -> (usize, Option<&str>) {
    (prediction.class, prediction.generated.as_ref().map(|generated| generated.text.trim()))
}

fn divergence(a: &Prediction, b: &Prediction) -> Option<f64> {
    jensen_shannon_divergence(&wide(&a.probabilities), &wide(&b.probabilities))
}

pub(super) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_isn_t_a_number_agrees_with_nothing() {
        let sure = |confidence: f32| Prediction { confidence, ..Prediction::default() };
        assert!(says_as(&sure(0.9), &sure(0.4)));
        assert!(!says_as(&sure(f32::NAN), &sure(f32::NAN)) && !says_as(&sure(0.9), &sure(f32::NAN)));
    }
}
