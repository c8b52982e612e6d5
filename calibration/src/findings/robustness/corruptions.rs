//! Scores under corruption, alone and against a reference model's.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeval_measure::{
    CorruptionErrors, Measured, RANKED_SAMPLES, corruption_error, mean_error as error_of, share_kept as share_of_clean,
    snr_keeping_most, wilson,
};
use edgeval_models::Modality;
use serde::Serialize;

use super::Trials;
use crate::corruption::{PictureCorruption, Severity, SoundCorruption, StreamCorruption};
use crate::reference_errors::{ReferenceErrors, error_of_score};
use crate::resampling::{mean, widest};
use crate::{ReferenceSet, Trial};

/// One corruption.
#[derive(Clone, Debug, Serialize)]
pub struct CorruptionScores {
    /// Its name.
    pub name: String,
    /// What it corrupts.
    pub modality: Modality,
    /// Where its severities are from.
    pub source: String,
    /// The clean score of the samples that it was tried on.
    pub clean: Measured,
    /// The score at severities 1 to 5.
    pub scores: Vec<Measured>,
    /// Its corruption error against the reference's.
    pub corruption_error: Measured,
    /// Where noise is added: the signal-to-noise ratio at which 90 % of the clean score is left, in dB.
    pub snr_90_db: Option<Measured>,
}

const UNCORRUPTED: &str = "no sample has a picture or a sound that the model takes";

/// The share of the clean score that corruptions leave, of some trials.
pub(crate) fn share_kept(set: &ReferenceSet, trials: &[&Trial]) -> Measured {
    share_kept_of(&Trials::new(set, trials))
}

/// A trial's clean score, and its scores under corruptions, each by its place among all names in their order: a bootstrap looks at them a thousand times.
type Row = (f64, Vec<(usize, Vec<f64>)>);

fn row(trial: &Trial) -> Option<Row> {
    let placed =
        |(name, scores): (&String, &Vec<f64>)| Some((NAMES.binary_search(&name.as_str()).ok()?, scores.clone()));
    let corrupted: Vec<(usize, Vec<f64>)> = trial.corrupted.iter().filter_map(placed).collect();
    (!corrupted.is_empty()).then_some((trial.score, corrupted))
}

/// All names in their order.
static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let mut names: Vec<&str> = corruption_names().collect();
    names.sort_unstable();
    names
});

/// For each corruption that was tried, by its place, the mean clean score of its samples, and their mean scores at each severity.
fn means(rows: &[&Row]) -> BTreeMap<usize, (f64, Vec<f64>)> {
    let mut sums: Vec<(f64, Vec<f64>, f64)> = Vec::new();
    for (clean, corrupted) in rows {
        for (place, scores) in corrupted {
            if *place >= sums.len() {
                sums.resize(place + 1, (0.0, Vec::new(), 0.0));
            }
            let (cleans, sum, count) = &mut sums[*place];
            *cleans += clean;
            *count += 1.0;
            sum.resize(scores.len(), 0.0);
            sum.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
        }
    }
    let mean = |(clean, sum, count): (f64, Vec<f64>, f64)| (clean / count, sum.iter().map(|sum| sum / count).collect());
    let tried = sums.into_iter().enumerate().filter(|(_, (.., count))| *count > 0.0);
    tried.map(|(place, sums)| (place, mean(sums))).collect()
}

/// The mean error over corruptions and severities.
pub(super) fn mean_error(trials: &Trials<'_>) -> Measured {
    trials.statistic(UNCORRUPTED, row, |rows| {
        let corrupted: Vec<Vec<f64>> = errors(rows).into_iter().map(|(_, errors)| errors.corrupted).collect();
        error_of(&corrupted)
    })
}

/// Corruptions of a modality that few samples have count as much as others, each against the clean score of its own samples.
pub(super) fn share_kept_of(trials: &Trials<'_>) -> Measured {
    let share = trials.statistic("the clean score is 0, or nothing was corrupted", row, |rows| {
        let (cleans, corrupted): (Vec<f64>, Vec<Vec<f64>>) = means(rows).into_values().unzip();
        share_of_clean(mean(cleans.into_iter())?, &corrupted)
    });
    // Resamples of few samples that all fare well don't know of one that doesn't: the interval is that of as many rights and wrongs.
    match share.figure().copied() {
        Some(figure) if figure.n < RANKED_SAMPLES => {
            let right = (figure.value.clamp(0.0, 1.0) * figure.n as f64).round() as u64;
            widest(share, &wilson(right, figure.n))
        }
        _ => share,
    }
}

/// Of each corruption that was tried its place and its errors; what is clean are its own samples.
fn errors(rows: &[&Row]) -> Vec<(usize, CorruptionErrors)> {
    let of = |(clean, scores): (f64, Vec<f64>)| CorruptionErrors {
        clean: error_of_score(clean),
        corrupted: scores.into_iter().map(error_of_score).collect(),
    };
    means(rows).into_iter().map(|(place, scores)| (place, of(scores))).collect()
}

/// Errors against the reference model's, over the corruptions that both have.
pub(super) fn against(
    trials: &Trials<'_>,
    reference: Result<&ReferenceErrors, &String>,
    of: impl Fn(&[CorruptionErrors], &[CorruptionErrors]) -> Result<f64, String> + Sync,
) -> Measured {
    let reference = match reference {
        Ok(reference) => reference,
        Err(reason) => return trials.absent(reason),
    };
    let theirs: Vec<Option<&CorruptionErrors>> = NAMES.iter().map(|name| reference.errors.get(*name)).collect();
    let shared = |trial: &Trial| {
        let (clean, mut scores) = row(trial)?;
        scores.retain(|(place, _)| theirs[*place].is_some());
        (!scores.is_empty()).then_some((clean, scores))
    };
    let compared = |rows: &[&Row]| {
        let pairs = errors(rows).into_iter().filter_map(|(place, ours)| Some((ours, theirs[place]?.clone())));
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.unzip();
        of(&ours, &theirs)
    };
    let all: Vec<Row> = trials.iter().filter_map(shared).collect();
    let reason = match all.is_empty() {
        true => "the reference has none of these corruptions".to_owned(),
        false => compared(&all.iter().collect::<Vec<_>>()).err().unwrap_or_default(),
    };
    trials.statistic(&reason, shared, |rows| compared(rows).ok())
}

/// A corruption's name, what it corrupts, its source, and the noise that its severities add.
type Kind = (&'static str, Modality, Option<&'static str>, Option<[f64; 5]>);

/// The names of all corruptions.
pub(crate) fn corruption_names() -> impl Iterator<Item = &'static str> {
    kinds().map(|(name, ..)| name)
}

pub(super) fn kinds() -> impl Iterator<Item = Kind> {
    let pictures = PictureCorruption::all().map(|kind| (kind.name(), Modality::Image, kind.source(), None));
    let streams = StreamCorruption::ALL.into_iter().map(|kind| (kind.name(), Modality::Image, kind.source(), None));
    let sounds =
        SoundCorruption::ALL.into_iter().map(|kind| (kind.name(), Modality::Audio, kind.source(), kind.snr_db()));
    pictures.chain(streams).chain(sounds)
}

/// `None` when nothing was corrupted so.
pub(super) fn of_corruption(
    trials: &Trials<'_>,
    (name, modality, source, snr_db): Kind,
    reference: Result<&ReferenceErrors, &String>,
) -> Option<CorruptionScores> {
    let scores_of = |trial: &Trial| Some((trial.score, trial.corrupted.get(name)?.clone()));
    trials.iter().find_map(|trial| trial.corrupted.get(name))?;
    let at = |severity: Severity| {
        trials.mean(UNCORRUPTED, |trial| trial.corrupted.get(name)?.get(severity as usize).copied())
    };
    let theirs = reference.map(|reference| reference.errors.get(name));
    let error = |rows: &[&(f64, Vec<f64>)]| {
        let ours: Vec<f64> = mean_scores(rows).into_iter().map(error_of_score).collect();
        corruption_error(&ours, &theirs.ok()??.corrupted).ok()
    };
    let snr = snr_db.map(|snr_db| {
        let all: Vec<(f64, Vec<f64>)> = trials.iter().filter_map(scores_of).collect();
        let reason = snr_of_most(&all.iter().collect::<Vec<_>>(), snr_db).err().unwrap_or_default();
        trials.statistic(&reason, scores_of, |rows| snr_of_most(rows, snr_db).ok())
    });
    Some(CorruptionScores {
        name: name.to_owned(),
        modality,
        source: source.unwrap_or_default().to_owned(),
        clean: trials.mean(UNCORRUPTED, |trial| trial.corrupted.get(name).map(|_| trial.score)),
        scores: Severity::ALL.into_iter().map(at).collect(),
        corruption_error: trials.statistic(
            match theirs {
                Err(reason) => reason,
                Ok(None) => "the reference has no errors of this corruption",
                Ok(Some(_)) => "the reference doesn't err",
            },
            scores_of,
            error,
        ),
        snr_90_db: snr,
    })
}

fn mean_scores(rows: &[&(f64, Vec<f64>)]) -> Vec<f64> {
    let severities = rows.first().map_or(0, |(_, scores)| scores.len());
    (0..severities).filter_map(|severity| mean(rows.iter().map(|(_, scores)| scores[severity]))).collect()
}

fn snr_of_most(rows: &[&(f64, Vec<f64>)], snr_db: [f64; 5]) -> Result<f64, String> {
    let points: Vec<(f64, f64)> = snr_db.into_iter().zip(mean_scores(rows)).collect();
    let clean = mean(rows.iter().map(|(clean, _)| *clean)).unwrap_or_default();
    snr_keeping_most(&points, clean).map_err(|reason| reason.to_string())
}
