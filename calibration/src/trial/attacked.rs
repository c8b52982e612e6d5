//! A sample's picture and its sound under attack.

use edgeval_models::{Modality, Picture, Prediction, Sound, Window};
use serde::{Deserialize, Serialize};

use super::judge::Judge;
use super::subject::{StandIn, Subject};
use crate::{Asked, Attacked, SetError};

/// How an attack on a sample ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackEnd {
    /// Whether the model was still right.
    pub right: bool,
    /// How often it was asked.
    pub queries: usize,
}

impl<T> From<Attacked<T>> for AttackEnd {
    fn from(ended: Attacked<T>) -> Self {
        Self { right: !ended.succeeded, queries: ended.queries }
    }
}

/// Attacks the picture; `None` when the sample has none, or the task has no right and wrong of a single answer.
pub(super) fn on_picture(subject: &mut Subject<'_>) -> Result<Option<AttackEnd>, SetError> {
    let picture = subject.window.image.clone().filter(|_| can_be_attacked(subject, Modality::Image));
    let Some(picture) = picture else { return Ok(None) };
    let (attack, seed) = (subject.setup.options.attack, seed(subject));
    let ended = attack.run(&picture, seed, |picture: &Picture| {
        let window = Window { image: Some(picture.clone()), ..Window::default() };
        ask(subject, Modality::Image, &window)
    })?;
    subject.restore(Modality::Image);
    Ok(ended.map(AttackEnd::from))
}

/// Attacks the sound, as it would reach the model's input: no room, no loudspeaker lies between. `None` as of a picture.
pub(super) fn on_sound(subject: &mut Subject<'_>) -> Result<Option<AttackEnd>, SetError> {
    let sound = subject.window.audio.clone().filter(|_| can_be_attacked(subject, Modality::Audio));
    let Some(sound) = sound else { return Ok(None) };
    let (attack, seed) = (subject.setup.options.sound_attack, seed(subject));
    let ended = attack.run(&sound, seed, |sound: &Sound| {
        let window = Window { audio: Some(sound.clone()), ..Window::default() };
        ask(subject, Modality::Audio, &window)
    })?;
    subject.restore(Modality::Audio);
    Ok(ended.map(AttackEnd::from))
}

fn can_be_attacked(subject: &Subject<'_>, modality: Modality) -> bool {
    subject.has(modality) && !matches!(subject.setup.judge, Judge::Pairs(_))
}

const fn seed(subject: &Subject<'_>) -> u64 {
    subject.setup.options.seed ^ subject.place as u64
}

/// What the model says of a sample of which one modality was changed, as the attack takes it.
fn ask(subject: &mut Subject<'_>, modality: Modality, window: &Window) -> Result<Asked, SetError> {
    subject.put(modality, StandIn::Of(window))?;
    let prediction = subject.predict()?;
    let right = subject.score_of(&prediction)? > 0.0;
    Ok(Asked { right, margin: margin(&prediction, right) })
}

/// What the attack lowers. Of a classifier the right class's logit less the highest other's; of words that are right their confidence, and words
/// that are wrong are what it wants.
fn margin(prediction: &Prediction, right: bool) -> f32 {
    if prediction.probabilities.is_empty() {
        return if right { prediction.confidence } else { -1.0 };
    }
    // Logits, since probabilities of 1 don't tell how far they are from falling.
    let logit = |class: usize| prediction.logits.get(class).copied().unwrap_or(f32::NEG_INFINITY);
    let others = (0..prediction.logits.len()).filter(|class| *class != prediction.class);
    let lead = logit(prediction.class) - others.map(logit).fold(f32::NEG_INFINITY, f32::max);
    if right { lead } else { -lead }
}
