//! The same sample, asked of the model's other arithmetic.

use edgeval_measure::kl_divergence;
use edgeval_models::{Model, Prediction};
use serde::{Deserialize, Serialize};

use super::modalities::{says_as, wide};
use super::subject::{Subject, failed};
use crate::SetError;

/// How far two arithmetics' answers to a sample are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionGap {
    /// Whether both say the same; none where nothing is said.
    pub same: Option<bool>,
    /// How right the other is, 0 to 1. A pair of embeddings is looked for among those of the arithmetic that is evaluated.
    pub other_score: f64,
    /// KL(fp32 ‖ int8) of a classifier's probabilities, in nats.
    pub kl_nats: Option<f64>,
    /// The largest difference of a value of embeddings or probabilities.
    pub largest_difference: f64,
}

/// Asks the other arithmetic. `other_is_fp32` tells which of the two the divergence is measured from.
pub(super) fn gap(
    subject: &Subject<'_>,
    clean: &Prediction,
    other: &mut Model,
    other_is_fp32: bool,
) -> Result<PrecisionGap, SetError> {
    let asked = other.ask(&subject.clean, subject.sample.ask.as_deref());
    let prediction = asked.map_err(|reason| failed(subject.sample, reason))?;
    let (ours, theirs) = (wide(&clean.probabilities), wide(&prediction.probabilities));
    let (fp32, int8) = if other_is_fp32 { (&theirs, &ours) } else { (&ours, &theirs) };
    Ok(PrecisionGap {
        same: clean.has_answer().then(|| says_as(clean, &prediction)),
        other_score: subject.score_of(&prediction)?,
        kl_nats: kl_divergence(fp32, int8),
        largest_difference: largest_difference(clean, &prediction),
    })
}

fn largest_difference(a: &Prediction, b: &Prediction) -> f64 {
    let values = |prediction: &Prediction| {
        let embeddings = prediction.embeddings.iter().flat_map(|(_, vector)| vector.iter().copied());
        prediction.probabilities.iter().copied().chain(embeddings).map(f64::from).collect::<Vec<_>>()
    };
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
