//! What is left of the score under corruption, without a modality, with the sound moved, under attack, and on integers.

use std::collections::BTreeMap;

use edgeval_measure::{
    ErrorTable, Measured, corruption_error, effective_robustness, mcnemar_exact, mean_corruption_error, mean_error,
    mean_relative_corruption_error, relative_robustness, robustness_figure, share_kept as share_of_clean,
    skew_tolerance, snr_keeping_most,
};
use edgeval_models::Modality;
use serde::Serialize;

use super::{Trials, Tried};
use crate::corruption::{PictureCorruption, Severity, SoundCorruption, StreamCorruption};
use crate::reference_errors::ReferenceErrors;
use crate::resampling::mean;
use crate::{ReferenceSet, SetError, Trial};

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
    /// The picture under attack.
    pub attack: Attack,
    /// The other arithmetic.
    pub precision: PrecisionFigures,
    /// The scorecard's: mean of the share kept and of robust by clean accuracy.
    pub figure: Measured,
}

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

/// Scores against how much noise there is; the levels are severities, 0 being clean.
#[derive(Clone, Debug, Serialize)]
pub struct Noise {
    /// What is noisy.
    pub modality: Modality,
    /// By which corruption.
    pub corruption: String,
    /// Area under the score against the level, by the clean score, in levels: 5 where noise does nothing.
    pub relative: Measured,
    /// That less the same of the model with this modality alone: what the others make up for.
    pub effective: Measured,
}

/// The score with a modality missing.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    /// Which.
    pub modality: Modality,
    /// The score of the samples that have it, as they are.
    pub clean: Measured,
    /// A black picture, silence, no words.
    pub nothing: Measured,
    /// The set's mean.
    pub mean: Measured,
    /// Another sample's, as of a camera that hangs.
    pub frozen: Measured,
}

/// The sound moved against the picture, by up to 640 ms to both sides.
#[derive(Clone, Debug, Serialize)]
pub struct Skew {
    /// Mean score over the shifts, by the score without one.
    pub share_of_unshifted: Measured,
    /// The widest shift that keeps 95 % of the score, in milliseconds.
    pub widest_ms: Measured,
}

/// Square Attack on the picture (Andriushchenko et al. 2020).
#[derive(Clone, Debug, Serialize)]
pub struct Attack {
    /// The score of the attacked samples as they are.
    pub clean: Measured,
    /// Share that the model was still right about.
    pub robust: Measured,
    /// The second by the first.
    pub robust_by_clean: Measured,
    /// Median number of queries of attacks that succeeded on what was right.
    pub median_queries: Measured,
    /// On sound.
    pub on_sound: Measured,
}

/// The model's other arithmetic, asked the same.
#[derive(Clone, Debug, Serialize)]
pub struct PrecisionFigures {
    /// How often both say the same.
    pub same: Measured,
    /// The other's score.
    pub other_score: Measured,
    /// Probability that their mistakes differ so much by chance (McNemar, exact).
    pub mcnemar_p: Option<f64>,
    /// Mean divergence KL(fp32 ‖ int8), in nats.
    pub kl_nats: Measured,
    /// The largest of them, in nats.
    pub worst_kl_nats: Option<f64>,
    /// The sample where they are furthest apart.
    pub worst_sample: Option<String>,
}

impl Robustness {
    pub(super) fn new(trials: &Trials<'_>, tried: &Tried<'_>) -> Result<Self, SetError> {
        let reference = tried.set.reference_errors()?;
        let share_kept = share_kept_of(trials);
        let attack = attack(trials);
        let errors = |rows: &[&Row]| mean_error(&error_table(rows)?.corrupted);
        Ok(Self {
            clean: trials.mean(NOTHING_TRIED, |trial| Some(trial.score)),
            mean_error: trials.statistic(UNCORRUPTED, row, errors),
            figure: robustness_figure(&share_kept, &attack.robust_by_clean),
            share_kept,
            mean_corruption_error: against(trials, reference.as_ref(), |ours, theirs| {
                mean_corruption_error(ours, theirs).map_err(|e| e.to_string())
            }),
            mean_relative_corruption_error: against(trials, reference.as_ref(), |ours, theirs| {
                mean_relative_corruption_error(ours, theirs).map_err(|e| e.to_string())
            }),
            corruptions: kinds().filter_map(|kind| of_corruption(trials, kind, reference.as_ref())).collect(),
            reference_model: reference.map(|reference| reference.model),
            noise: noise(trials, tried),
            missing: tried.modalities.iter().map(|modality| missing(trials, *modality)).collect(),
            skew: skew(trials),
            attack,
            precision: precision(trials),
        })
    }
}

const NOTHING_TRIED: &str = "no sample was tried";
const UNCORRUPTED: &str = "no sample has a picture or a sound that the model takes";

/// The share of the clean score that corruptions leave, of some trials.
pub(crate) fn share_kept(set: &ReferenceSet, trials: &[&Trial]) -> Measured {
    share_kept_of(&Trials::new(set, trials))
}

/// A trial's clean score, and its scores under each corruption.
type Row = (f64, BTreeMap<String, Vec<f64>>);

fn row(trial: &Trial) -> Option<Row> {
    (!trial.corrupted.is_empty()).then(|| (trial.score, trial.corrupted.clone()))
}

/// For each corruption that was tried the mean clean score of its samples, and their mean scores at each severity.
fn means(rows: &[&Row]) -> BTreeMap<String, (f64, Vec<f64>)> {
    let mut sums: BTreeMap<&str, (f64, Vec<f64>, f64)> = BTreeMap::new();
    for (clean, corrupted) in rows {
        for (name, scores) in corrupted {
            let (cleans, sum, count) = sums.entry(name).or_insert_with(|| (0.0, vec![0.0; scores.len()], 0.0));
            *cleans += clean;
            *count += 1.0;
            sum.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
        }
    }
    let mean = |(name, (clean, sum, count)): (&str, (f64, Vec<f64>, f64))| {
        (name.to_owned(), (clean / count, sum.into_iter().map(|sum| sum / count).collect()))
    };
    sums.into_iter().map(mean).collect()
}

/// Corruptions of a modality that few samples have count as much as others, each against the clean score of its own samples.
fn share_kept_of(trials: &Trials<'_>) -> Measured {
    trials.statistic("the clean score is 0, or nothing was corrupted", row, |rows| {
        let (cleans, corrupted): (Vec<f64>, Vec<Vec<f64>>) = means(rows).into_values().unzip();
        share_of_clean(mean(cleans.into_iter())?, &corrupted)
    })
}

fn error_table(rows: &[&Row]) -> Option<ErrorTable> {
    let (cleans, corrupted): (Vec<f64>, Vec<Vec<f64>>) = means(rows).into_values().unzip();
    let corrupted = corrupted.into_iter().map(|scores| scores.into_iter().map(|score| 1.0 - score).collect()).collect();
    Some(ErrorTable { clean: 1.0 - mean(cleans.into_iter())?, corrupted })
}

/// Errors against the reference model's, over the corruptions that both have.
fn against(
    trials: &Trials<'_>,
    reference: Option<&ReferenceErrors>,
    of: impl Fn(&ErrorTable, &ErrorTable) -> Result<f64, String>,
) -> Measured {
    let Some(reference) = reference else { return trials.absent(NO_REFERENCE) };
    let shared = |trial: &Trial| {
        let (clean, mut scores) = row(trial)?;
        scores.retain(|name, _| reference.errors.contains_key(name));
        (!scores.is_empty()).then_some((clean, scores))
    };
    let tables = |rows: &[&Row]| {
        let names = means(rows).into_keys();
        let theirs = names.map(|name| reference.errors.get(&name).cloned().unwrap_or_default()).collect();
        Some((error_table(rows)?, ErrorTable { clean: reference.clean, corrupted: theirs }))
    };
    let all: Vec<Row> = trials.iter().filter_map(shared).collect();
    let reason = tables(&all.iter().collect::<Vec<_>>()).and_then(|(ours, theirs)| of(&ours, &theirs).err());
    let reason = reason.unwrap_or_else(|| "the reference has none of these corruptions".to_owned());
    trials.statistic(&reason, shared, |rows| {
        let (ours, theirs) = tables(rows)?;
        of(&ours, &theirs).ok()
    })
}

const NO_REFERENCE: &str = "the set stores no reference model's errors (reference-errors.json)";

/// A corruption's name, what it corrupts, its source, and the noise that its severities add.
type Kind = (&'static str, Modality, Option<&'static str>, Option<[f64; 5]>);

fn kinds() -> impl Iterator<Item = Kind> {
    let pictures = PictureCorruption::all().map(|kind| (kind.name(), Modality::Image, kind.source(), None));
    let streams = StreamCorruption::ALL.into_iter().map(|kind| (kind.name(), Modality::Image, kind.source(), None));
    let sounds =
        SoundCorruption::ALL.into_iter().map(|kind| (kind.name(), Modality::Audio, kind.source(), kind.snr_db()));
    pictures.chain(streams).chain(sounds)
}

/// `None` when nothing was corrupted so.
fn of_corruption(
    trials: &Trials<'_>,
    (name, modality, source, snr_db): Kind,
    reference: Option<&ReferenceErrors>,
) -> Option<CorruptionScores> {
    let scores_of = |trial: &Trial| Some((trial.score, trial.corrupted.get(name)?.clone()));
    trials.iter().find_map(|trial| trial.corrupted.get(name))?;
    let at = |severity: Severity| {
        trials.mean(UNCORRUPTED, |trial| trial.corrupted.get(name)?.get(severity as usize).copied())
    };
    let theirs = reference.and_then(|reference| reference.errors.get(name));
    let error = |rows: &[&(f64, Vec<f64>)]| {
        let ours: Vec<f64> = mean_scores(rows).into_iter().map(|score| 1.0 - score).collect();
        corruption_error(&ours, theirs?).ok()
    };
    let snr = snr_db.map(|snr_db| trials.statistic(OUTSIDE, scores_of, |rows| snr_of_most(rows, snr_db)));
    Some(CorruptionScores {
        name: name.to_owned(),
        modality,
        source: source.unwrap_or_default().to_owned(),
        clean: trials.mean(UNCORRUPTED, |trial| trial.corrupted.get(name).map(|_| trial.score)),
        scores: Severity::ALL.into_iter().map(at).collect(),
        corruption_error: trials.statistic(
            theirs.map_or(NO_REFERENCE, |_| "the reference doesn't err"),
            scores_of,
            error,
        ),
        snr_90_db: snr,
    })
}

const OUTSIDE: &str = "90 % of the clean score lies outside the noise that was tried";

fn mean_scores(rows: &[&(f64, Vec<f64>)]) -> Vec<f64> {
    let severities = rows.first().map_or(0, |(_, scores)| scores.len());
    (0..severities).filter_map(|severity| mean(rows.iter().map(|(_, scores)| scores[severity]))).collect()
}

fn snr_of_most(rows: &[&(f64, Vec<f64>)], snr_db: [f64; 5]) -> Option<f64> {
    let points: Vec<(f64, f64)> = snr_db.into_iter().zip(mean_scores(rows)).collect();
    snr_keeping_most(&points, mean(rows.iter().map(|(clean, _)| *clean))?).ok()
}

/// Of the noises that the modality alone was played, too.
fn noise(trials: &Trials<'_>, tried: &Tried<'_>) -> Vec<Noise> {
    let names = [
        (Modality::Image, PictureCorruption::GaussianNoise.name()),
        (Modality::Audio, SoundCorruption::WhiteNoise.name()),
    ];
    let of = |(modality, name): (Modality, &'static str)| {
        let bit = tried.modalities.iter().position(|known| *known == modality)?;
        let both = |trial: &Trial| {
            let model = points(trial.score, trial.corrupted.get(name)?);
            Some((model, points(*trial.coalitions.get(1 << bit)?, trial.alone_in_noise.get(&modality)?)))
        };
        let absent = format!("no sample has {modality}, or the model is never right");
        Some(Noise {
            modality,
            corruption: name.to_owned(),
            relative: trials.statistic(&absent, both, |rows| {
                Some(relative_robustness(&mean_points(rows.iter().map(|(model, _)| model)))?.area_by_clean)
            }),
            effective: trials.statistic(&absent, both, |rows| {
                let (model, alone) = (rows.iter().map(|(model, _)| model), rows.iter().map(|(_, alone)| alone));
                effective_robustness(&mean_points(model), &mean_points(alone))
            }),
        })
    };
    names.into_iter().filter_map(of).collect()
}

/// Scores by level, from clean.
fn points(clean: f64, scores: &[f64]) -> Vec<f64> {
    std::iter::once(clean).chain(scores.iter().copied()).collect()
}

fn mean_points<'a>(rows: impl Iterator<Item = &'a Vec<f64>> + Clone) -> Vec<(f64, f64)> {
    let levels = rows.clone().next().map_or(0, Vec::len);
    (0..levels).filter_map(|level| Some((level as f64, mean(rows.clone().map(|row| row[level]))?))).collect()
}

fn missing(trials: &Trials<'_>, modality: Modality) -> Missing {
    let absent = format!("no sample has {modality}");
    let of =
        |pick: fn(&crate::Replaced) -> Option<f64>| trials.mean(&absent, |trial| pick(trial.replaced.get(&modality)?));
    let of_mean = if modality == Modality::Text { "words have no mean" } else { absent.as_str() };
    Missing {
        modality,
        clean: trials.mean(&absent, |trial| trial.replaced.get(&modality).map(|_| trial.score)),
        nothing: of(|replaced| Some(replaced.nothing)),
        mean: trials.mean(of_mean, |trial| trial.replaced.get(&modality)?.mean),
        frozen: of(|replaced| mean(replaced.others.iter().copied())),
    }
}

fn skew(trials: &Trials<'_>) -> Skew {
    let absent = "no sample has a picture, a sound and a longer `context` around it";
    let shifted = |trial: &Trial| (!trial.shifted.is_empty()).then(|| trial.shifted.clone());
    let of = |pick: fn(&edgeval_measure::SkewTolerance) -> f64| {
        trials.statistic(absent, shifted, |rows| {
            let shifts: Vec<f64> = rows.first()?.iter().map(|(shift, _)| *shift).collect();
            let point = |(place, shift): (usize, f64)| Some((shift, mean(rows.iter().map(|row| row[place].1))?));
            let points: Option<Vec<(f64, f64)>> = shifts.into_iter().enumerate().map(point).collect();
            Some(pick(&skew_tolerance(&points?)?))
        })
    };
    Skew {
        share_of_unshifted: of(|tolerance| tolerance.share_of_unshifted),
        widest_ms: of(|tolerance| tolerance.widest_ms),
    }
}

fn attack(trials: &Trials<'_>) -> Attack {
    let absent = "no sample with a picture was attacked; of a model for retrieval no single answer is right";
    let right = |is: bool| if is { 1.0 } else { 0.0 };
    let both = |trial: &Trial| Some((trial.score, right(trial.attacked?.right)));
    let broken =
        |trial: &Trial| trial.attacked.filter(|end| trial.score > 0.0 && !end.right).map(|end| end.queries as f64);
    Attack {
        clean: trials.mean(absent, |trial| trial.attacked.map(|_| trial.score)),
        robust: trials.mean(absent, |trial| Some(right(trial.attacked?.right))),
        robust_by_clean: trials.statistic(absent, both, |rows| {
            let clean = mean(rows.iter().map(|(clean, _)| *clean))?;
            let robust = mean(rows.iter().map(|(_, robust)| *robust))?;
            (clean > 0.0).then(|| robust / clean)
        }),
        median_queries: trials.statistic("no attack succeeded on what was right", broken, median),
        on_sound: Measured::not_measured("this version attacks pictures alone"),
    }
}

fn median(values: &[&f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().map(|value| **value).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], upper) } else { upper })
}

fn precision(trials: &Trials<'_>) -> PrecisionFigures {
    let absent = "the bundle has one arithmetic alone";
    let gaps = || trials.iter().filter_map(|trial| Some((trial, trial.precision?)));
    let is_right = |score: f64| score > 0.5;
    let only = |ours: bool| {
        gaps().filter(|(trial, gap)| is_right(trial.score) == ours && is_right(gap.other_score) != ours).count() as u64
    };
    let worst_kl = gaps().filter_map(|(trial, gap)| Some((gap.kl_nats?, trial))).max_by(|a, b| a.0.total_cmp(&b.0));
    let furthest =
        gaps().max_by(|a, b| a.1.largest_difference.total_cmp(&b.1.largest_difference)).map(|(trial, _)| trial);
    PrecisionFigures {
        same: trials.mean(absent, |trial| Some(if trial.precision?.same { 1.0 } else { 0.0 })),
        other_score: trials.mean(absent, |trial| Some(trial.precision?.other_score)),
        mcnemar_p: gaps().next().map(|_| mcnemar_exact(only(true), only(false))),
        kl_nats: trials.statistic(
            "there are no probabilities of classes",
            |trial| trial.precision?.kl_nats,
            |values| mean(values.iter().map(|value| **value)),
        ),
        worst_kl_nats: worst_kl.map(|(kl, _)| kl),
        worst_sample: worst_kl.map(|(_, trial)| trial).or(furthest).map(|trial| trials.id(trial).to_owned()),
    }
}
