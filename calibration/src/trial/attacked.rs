//! A sample's picture under attack.

use edgeval_models::{Modality, Picture, Prediction, Window};
use serde::{Deserialize, Serialize};

use super::judge::Judge;
use super::subject::{StandIn, Subject};
use crate::SetError;

/// How an attack on a sample ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackEnd {
    /// Whether the model was still right.
    pub right: bool,
    /// How often it was asked.
    pub queries: usize,
}

/// Attacks the picture with the setup's Square Attack; `None` when the sample has none, or the task has no right and wrong of a single answer.
pub(super) fn attacked(subject: &mut Subject<'_>) -> Result<Option<AttackEnd>, SetError> {
    let Some(picture) = subject.window.image.clone().filter(|_| subject.has(Modality::Image)) else { return Ok(None) };
    if matches!(subject.setup.judge, Judge::Pairs(_)) {
        return Ok(None);
    }
    let (attack, seed) = (subject.setup.options.attack, subject.setup.options.seed ^ subject.place as u64);
    let scores = |picture: &Picture| {
        let window = Window { image: Some(picture.clone()), ..Window::default() };
        subject.put(Modality::Image, StandIn::Of(&window))?;
        let prediction = subject.predict()?;
        Ok::<_, SetError>(margin(&prediction, subject.score_of(&prediction)?))
    };
    let ended = attack.run(&picture, 0, seed, scores)?;
    subject.restore(Modality::Image);
    Ok(ended.map(|ended| AttackEnd { right: !ended.succeeded, queries: ended.queries }))
}

/// Scores of right and wrong, as the attack takes them. A classifier's are the right class's logit and the highest other; of words that are right
/// their confidence is what an attack can lower, and words that are wrong are what it wants.
fn margin(prediction: &Prediction, score: f64) -> Vec<f32> {
    let right = score > 0.0;
    if prediction.probabilities.is_empty() {
        return if right { vec![prediction.confidence.max(f32::MIN_POSITIVE), 0.0] } else { vec![0.0, 1.0] };
    }
    // Logits, since probabilities of 1 don't tell how far they are from falling.
    let logit = |class: usize| prediction.logits.get(class).copied().unwrap_or(f32::NEG_INFINITY);
    let others = (0..prediction.logits.len()).filter(|class| *class != prediction.class);
    let (first, second) = (logit(prediction.class), others.map(logit).fold(f32::NEG_INFINITY, f32::max));
    if right { vec![first, second] } else { vec![second, first] }
}
