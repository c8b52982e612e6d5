//! One sample, tried in every way: corrupted, robbed of a modality, attacked, explained, asked of the other arithmetic.

mod attacked;
mod corrupted;
mod explained;
mod judge;
mod modalities;
mod parts;
mod precision;
mod ring;
mod setup;
mod shifted;
mod subject;

use std::collections::BTreeMap;

use edgeval_models::{Modality, Model, Prediction};
use serde::{Deserialize, Serialize};

pub use self::attacked::AttackEnd;
pub(crate) use self::corrupted::NOISES;
pub use self::explained::Explanation;
pub(crate) use self::judge::Judge;
pub use self::modalities::{Agreement, Replaced};
pub use self::precision::PrecisionGap;
pub(crate) use self::setup::Setup;
use self::subject::Subject;
pub(crate) use self::subject::failed;
use crate::{SetError, SoundAttack, SquareAttack};

/// What is tried, and how hard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialOptions {
    /// All randomness starts from it.
    pub seed: u64,
    /// How the picture is attacked.
    pub attack: SquareAttack,
    /// How the sound is attacked.
    pub sound_attack: SoundAttack,
    /// So many samples are attacked and explained, the first of the order; both cost hundreds of queries a sample.
    pub examined: usize,
}

/// All that was found out about one sample. Scores are 0 to 1: 1 for a right class or answer, the share of directions in which a pair finds
/// itself among the first five.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The sample's place in its set.
    pub place: usize,
    /// As it is.
    pub score: f64,
    /// By corruption, at each severity; of what the sample has and the model takes.
    pub corrupted: BTreeMap<String, Vec<f64>>,
    /// With that modality alone, in the noise of each severity.
    pub alone_in_noise: BTreeMap<Modality, Vec<f64>>,
    /// Of every combination of the model's modalities, by bit mask, others being replaced by nothing.
    pub coalitions: Vec<f64>,
    /// With something else in a modality's place.
    pub replaced: BTreeMap<Modality, Replaced>,
    /// Whether the modalities alone agree.
    pub agreement: Option<Agreement>,
    /// With the sound moved, in milliseconds.
    pub shifted: Vec<(f64, f64)>,
    /// With its picture under attack.
    pub attacked: Option<AttackEnd>,
    /// With its sound under attack.
    pub attacked_sound: Option<AttackEnd>,
    /// Against the other arithmetic.
    pub precision: Option<PrecisionGap>,
    /// What the answer hangs on.
    pub explained: BTreeMap<Modality, Explanation>,
}

/// The models that one worker tries samples with.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The one that is evaluated.
    pub model: Model,
    /// The same in the other arithmetic, where there is one.
    pub other: Option<Model>,
}

/// Tries a sample. `examine` says whether it is attacked and explained, too.
///
/// # Errors
/// When a file can't be read, or the model fails or gives what can't be scored.
pub(crate) fn run(
    worker: &mut Worker,
    setup: &Setup<'_>,
    place: usize,
    clean: &Prediction,
    examine: bool,
) -> Result<Trial, SetError> {
    let mut subject = Subject::new(&mut worker.model, setup, place)?;
    let score = subject.score_of(clean)?;
    let others = setup.others(place)?;
    let voices = others.get(&Modality::Audio).map(Vec::as_slice).unwrap_or_default();
    let corrupted = corrupted::corrupted(&mut subject, score, voices)?;
    let combined = modalities::coalitions(&mut subject, clean)?;
    let coalitions = combined.iter().map(|prediction| subject.score_of(prediction)).collect::<Result<Vec<_>, _>>()?;
    let replaced = modalities::replaced(&mut subject, &coalitions, &others)?;
    let agreement = modalities::agreement(&subject, &combined);
    let shifted = shifted::shifted(&mut subject, score)?;
    let attacked = if examine { attacked::on_picture(&mut subject)? } else { None };
    let attacked_sound = if examine { attacked::on_sound(&mut subject)? } else { None };
    let explained = if examine { explained::explained(&mut subject, clean)? } else { BTreeMap::new() };
    let gap = |other: &mut Model| precision::gap(&subject, clean, other, setup.other_is_fp32);
    let precision = worker.other.as_mut().map(gap).transpose()?;
    Ok(Trial {
        place,
        score,
        corrupted: corrupted.scores,
        alone_in_noise: corrupted.alone_in_noise,
        coalitions,
        replaced,
        agreement,
        shifted,
        attacked,
        attacked_sound,
        precision,
        explained,
    })
}

/// What the answer to a sample that wasn't examined hangs on.
///
/// # Errors
/// As [`run`].
pub(crate) fn explain(
    worker: &mut Worker,
    setup: &Setup<'_>,
    place: usize,
    clean: &Prediction,
) -> Result<BTreeMap<Modality, Explanation>, SetError> {
    let mut subject = Subject::new(&mut worker.model, setup, place)?;
    explained::explained(&mut subject, clean)
}
