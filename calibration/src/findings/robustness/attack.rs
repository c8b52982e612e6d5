//! Scores under attack.

use edgeval_measure::Measured;
use serde::Serialize;

use super::Trials;
use crate::{AttackEnd, Trial, TrialOptions};

/// Square Attack (Andriushchenko et al. 2020), on one modality at a time.
#[derive(Clone, Debug, Serialize)]
pub struct Attack {
    /// On the picture.
    #[serde(flatten)]
    pub on_picture: AttackFigures,
    /// On the sound.
    pub on_sound: AttackFigures,
    /// Share that no attack broke, of the attacked samples that the model is right about as they are: whoever attacks picks what is weakest.
    pub unbroken: Measured,
}

/// What an attack on one modality comes to.
#[derive(Clone, Debug, Serialize)]
pub struct AttackFigures {
    /// The most that a value was changed by, as a share of the full range (L∞).
    pub epsilon: f64,
    /// How often the model was asked about a sample, at most.
    pub most_queries: u64,
    /// The score of the attacked samples as they are.
    pub clean: Measured,
    /// Share that the model was still right about.
    pub robust: Measured,
    /// The second by the first.
    pub robust_by_clean: Measured,
    /// Median number of queries of attacks that succeeded on what was right.
    pub median_queries: Measured,
}

pub(super) fn attack(trials: &Trials<'_>, options: &TrialOptions) -> Attack {
    let TrialOptions { attack, sound_attack, .. } = options;
    let (steps, queries) = (f64::from(attack.epsilon) / 255.0, (attack.queries as u64, sound_attack.queries as u64));
    let ends = |trial: &Trial| [trial.attacked, trial.attacked_sound].into_iter().flatten().collect::<Vec<AttackEnd>>();
    let unbroken = |trial: &Trial| {
        let ends = Some(ends(trial)).filter(|ends| trial.score > 0.0 && !ends.is_empty())?;
        Some(right(ends.iter().all(|end| end.right)))
    };
    Attack {
        on_picture: figures(trials, "picture", (steps, queries.0), |trial| trial.attacked),
        on_sound: figures(trials, "sound", (sound_attack.epsilon, queries.1), |trial| trial.attacked_sound),
        unbroken: trials.mean(NONE_RIGHT, unbroken),
    }
}

const NONE_RIGHT: &str = "no attacked sample is right as it is, or none was attacked; pairs aren't";

fn figures(
    trials: &Trials<'_>,
    what: &str,
    (epsilon, most_queries): (f64, u64),
    end: impl Fn(&Trial) -> Option<AttackEnd>,
) -> AttackFigures {
    let absent = format!(
        "no sample with a {what} was attacked (--examine), or the model gives no single answer that is right or wrong"
    );
    // A sample that is wrong as it is isn't robust either: of those that are right the share is what is left.
    let of_right = |trial: &Trial| end(trial).filter(|_| trial.score > 0.0);
    let broken = |trial: &Trial| of_right(trial).filter(|end| !end.right).map(|end| end.queries as f64);
    AttackFigures {
        epsilon,
        most_queries,
        clean: trials.mean(&absent, |trial| end(trial).map(|_| trial.score)),
        robust: trials.mean(&absent, |trial| end(trial).map(|end| right(end.right))),
        robust_by_clean: trials.mean(NONE_RIGHT, |trial| of_right(trial).map(|end| right(end.right))),
        median_queries: trials.statistic("no attack succeeded on what was right", broken, median),
    }
}

const fn right(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

fn median(values: &[&f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().map(|value| **value).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], upper) } else { upper })
}
