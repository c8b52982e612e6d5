//! What is left of the score under corruption, without a modality, with the sound moved, under attack, and on integers.

mod attack;
mod changed;
mod corruptions;
mod noise;

use edgeval_measure::{Measured, mean_corruption_error, mean_relative_corruption_error, robustness_figure};
use serde::Serialize;

pub use self::attack::{Attack, AttackFigures};
pub use self::changed::{Missing, PrecisionFigures, Skew};
pub use self::corruptions::CorruptionScores;
pub(crate) use self::corruptions::{corruption_names, share_kept};
pub use self::noise::Noise;
use super::{Trials, Tried};
use crate::SetError;

/// What is left of the score. Scores and errors are 0 to 1; an error is 1 less the score.
#[derive(Clone, Debug, Serialize)]
pub struct Robustness {
    /// The score of what was tried, as it is.
    pub clean: Measured,
    /// Mean error over corruptions and severities: the headline.
    pub mean_error: Measured,
    /// Share of the clean score that is kept, over corruptions and severities.
    pub share_kept: Measured,
    /// Whose errors corruption errors are held against.
    pub reference_model: Option<String>,
    /// Mean corruption error against the reference (Hendrycks & Dietterich 2019).
    pub mean_corruption_error: Measured,
    /// Mean relative corruption error against the reference.
    pub mean_relative_corruption_error: Measured,
    /// Each corruption.
    pub corruptions: Vec<CorruptionScores>,
    /// The scores of a noisy picture and of noisy sound, as areas (MultiBench).
    pub noise: Vec<Noise>,
    /// Each modality missing, in several ways.
    pub missing: Vec<Missing>,
    /// The sound moved against the picture.
    pub skew: Skew,
    /// Pictures and sounds under attack.
    pub attack: Attack,
    /// The other arithmetic.
    pub precision: PrecisionFigures,
    /// The scorecard's: mean of the share kept and of the share that no attack broke.
    pub figure: Measured,
}

impl Robustness {
    pub(super) fn new(trials: &Trials<'_>, tried: &Tried<'_>) -> Result<Self, SetError> {
        let reference = tried.set.reference_errors()?;
        let share_kept = corruptions::share_kept_of(trials);
        let attack = attack::attack(trials, &tried.options);
        Ok(Self {
            clean: trials.mean(NOTHING_TRIED, |trial| Some(trial.score)),
            mean_error: corruptions::mean_error(trials),
            figure: robustness_figure(&share_kept, &attack.unbroken),
            share_kept,
            mean_corruption_error: corruptions::against(trials, reference.as_ref(), |ours, theirs| {
                mean_corruption_error(ours, theirs).map_err(|e| e.to_string())
            }),
            mean_relative_corruption_error: corruptions::against(trials, reference.as_ref(), |ours, theirs| {
                mean_relative_corruption_error(ours, theirs).map_err(|e| e.to_string())
            }),
            corruptions: corruptions::kinds()
                .filter_map(|kind| corruptions::of_corruption(trials, kind, reference.as_ref()))
                .collect(),
            reference_model: reference.ok().map(|reference| reference.model),
            noise: noise::noise(trials, tried),
            missing: tried.modalities.iter().map(|modality| changed::missing(trials, *modality)).collect(),
            skew: changed::skew(trials),
            attack,
            precision: changed::precision(trials),
        })
    }
}

const NOTHING_TRIED: &str = "no sample was tried";

#[cfg(test)]
mod tests {
    use edgeval_models::Modality;

    use super::*;
    use crate::findings::samples::set_of;
    use crate::{ReferenceErrors, SoundAttack, SquareAttack, Trial, TrialOptions};

    /// Right as it is or not, and corrupted by fog or by hum, at five severities.
    fn trial((place, name, score, corrupted): (usize, &str, f64, [f64; 5])) -> Trial {
        Trial { place, score, corrupted: [(name.to_owned(), corrupted.to_vec())].into(), ..Trial::default() }
    }

    #[test]
    fn a_model_errs_as_much_as_itself_whatever_its_samples_have() {
        let (folder, set) = set_of(5);
        // Sounds are harder: over all samples the clean error is 0.2, over those with pictures 0.
        let trials = [
            trial((0, "fog", 1.0, [1.0, 1.0, 1.0, 1.0, 0.0])),
            trial((1, "fog", 1.0, [1.0, 1.0, 1.0, 0.0, 0.0])),
            trial((2, "fog", 1.0, [1.0, 1.0, 1.0, 1.0, 1.0])),
            trial((3, "hum", 1.0, [1.0, 0.0, 0.0, 0.0, 0.0])),
            trial((4, "hum", 0.0, [0.0; 5])),
        ];
        let attack = SquareAttack { epsilon: 8, queries: 1, share: 0.05 };
        let sound_attack = SoundAttack { epsilon: 0.01, queries: 1, share: 0.3 };
        let options = TrialOptions { seed: 1, attack, sound_attack, examined: 0 };
        let modalities = vec![Modality::Image, Modality::Audio];
        let tried = Tried { set: &set, score: "top1", modalities, places: Vec::new(), scores: Vec::new(), options };
        let found = || Robustness::new(&Trials::new(&set, &trials.iter().collect::<Vec<_>>()), &tried).unwrap();
        let errors = ReferenceErrors::of("itself".to_owned(), &found()).unwrap();
        assert_eq!((errors.errors["fog"].clean, errors.errors["hum"].clean), (0.0, 0.5));
        std::fs::write(folder.path().join("reference-errors.json"), serde_json::to_vec(&errors).unwrap()).unwrap();
        let found = found();
        for figure in [&found.mean_corruption_error, &found.mean_relative_corruption_error] {
            assert_eq!(figure.figure().unwrap().value, 1.0);
        }
    }
}
