//! A split, evaluated: every sample asked about as it is, then tried in every way, with all workers, in an order of which every beginning is a fair
//! part of the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use edgeval_models::{Manifest, Modality, Precision, Prediction};

use crate::findings::{Tried, share_kept};
use crate::journal::{Journal, Kept};
use crate::order::stratified;
use crate::trial::{self, Judge, Setup, failed};
use crate::workers::in_parallel;
use crate::{Answers, Explanation, Findings, ReferenceSet, Sample, SetError, Trial, TrialOptions, Worker};

/// Fewer trials never tell enough: resamples of samples that all fare well look surer than they are.
const ENOUGH_TRIALS: usize = 32;
/// Further trials after which it is looked whether they tell enough, at least.
const LOOK_EVERY: usize = 16;

/// What is evaluated, and how.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a> {
    /// The set.
    pub set: &'a ReferenceSet,
    /// Which of its splits.
    pub split: &'a str,
    /// The model's manifest.
    pub manifest: &'a Manifest,
    /// The arithmetic of the workers' models.
    pub precision: Precision,
    /// A modality that is left out of everything.
    pub without: Option<Modality>,
    /// What is tried.
    pub options: TrialOptions,
    /// Whether anything is tried; otherwise samples are asked about as they are.
    pub trials: bool,
    /// So many samples that the model is wrong about are explained after the trials, examined or not: to be shown. No figure is made of them, since they
    /// were picked for being wrong.
    pub wrong_explained: usize,
    /// Trials end when the interval of the share of the score that corruptions leave is no wider.
    pub enough: Option<f64>,
}

/// What an evaluation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Samples are asked about as they are.
    Clean,
    /// Samples are tried.
    Trials,
    /// Wrong samples are explained, to be shown.
    Wrong,
}

/// Who watches an evaluation.
pub trait Observer: Sync + std::fmt::Debug {
    /// How many samples of a stage are done.
    fn progress(&self, stage: Stage, done: usize, samples: usize);
    /// Whether no further sample of this stage is to be begun: time is up, or somebody wants to stop.
    fn stops(&self, stage: Stage) -> bool;
    /// Whether trials that were begun are to be dropped, too: large pictures take minutes each.
    fn drops(&self) -> bool;
}

/// What an evaluation found.
#[derive(Debug)]
pub struct Evaluated {
    /// What the model said of samples as they are, in the set's order.
    pub answers: Answers,
    /// The trials, in the order in which samples were to be tried.
    pub trials: Vec<Trial>,
    /// What trials say together.
    pub findings: Findings,
    /// How right the model was about each sample as it is that can be scored, 0 to 1, by its place in the set: see [`Trial::score`].
    pub scores: Vec<(usize, f64)>,
    /// What wrong answers hang on, by the sample's place, of samples that weren't examined.
    pub wrong_explained: BTreeMap<usize, BTreeMap<Modality, Explanation>>,
    /// Samples of the split.
    pub samples: usize,
    /// Samples that were to be tried.
    pub to_try: usize,
    /// Whether nothing is left to go on with: all was done, or trials told enough.
    pub complete: bool,
}

/// Trials, and what wrong answers hang on by the sample's place.
type Examined = (Vec<Trial>, BTreeMap<usize, BTreeMap<Modality, Explanation>>);

impl Evaluation<'_> {
    /// Evaluates. What `kept` has isn't done again.
    ///
    /// # Errors
    /// When the split is empty, a sample can't be asked about, read or scored, the model fails, or the journal can't be written.
    pub fn run(
        &self,
        workers: &mut [Worker],
        journal: &mut Journal,
        kept: Kept,
        observer: &dyn Observer,
    ) -> Result<Evaluated, SetError> {
        let mut answers = self.check()?;
        let order = self.order()?;
        let clean = self.ask_all(workers, journal, kept.clean, &order, observer)?;
        self.push_all(&mut answers, &clean)?;
        let judge = Judge::of(&answers);
        let answered = |place: &usize| clean[*place].is_some() && judge.can_score(self.sample(*place));
        let samples = order.len();
        let order: Vec<usize> = if self.trials { order.into_iter().filter(answered).collect() } else { Vec::new() };
        let subject = self.tried(&judge, workers, &clean)?;
        let enough = AtomicBool::new(false);
        let tried = self.examine(workers, journal, kept.trials, (&subject, judge, &order, &clean), (observer, &enough));
        let (trials, wrong_explained) = tried?;
        let findings = Findings::new(&subject, &trials)?;
        let all = answers.count() == samples && trials.len() == order.len();
        let complete = all || enough.into_inner();
        let (scores, to_try) = (subject.scores, order.len());
        Ok(Evaluated { answers, findings, scores, trials, wrong_explained, samples, to_try, complete })
    }

    /// Adds the answers in the set's order.
    fn push_all(&self, answers: &mut Answers, clean: &[Option<Prediction>]) -> Result<(), SetError> {
        for (place, prediction) in clean.iter().enumerate() {
            let Some(mut prediction) = prediction.clone() else { continue };
            // The embedding of a black picture belongs to nothing.
            prediction.embeddings.retain(|(modality, _)| self.has(place, *modality));
            answers.push(self.sample(place), prediction)?;
        }
        Ok(())
    }

    /// What trials are held against: how right the model is about samples as they are.
    fn tried(&self, judge: &Judge, workers: &[Worker], clean: &[Option<Prediction>]) -> Result<Tried<'_>, SetError> {
        let positions = self.set.positions(self.split)?;
        let score = |&place: &usize| Some((place, judge.score(self.sample(place), clean[place].as_ref()?)?));
        let scores = positions.iter().filter_map(score).collect();
        let mut modalities = workers.first().map(|worker| worker.model.modalities()).unwrap_or_default();
        modalities.retain(|modality| Some(*modality) != self.without);
        let places = positions.iter().copied().filter(|&place| judge.can_score(self.sample(place))).collect();
        Ok(Tried { set: self.set, score: judge.name(), modalities, places, scores, options: self.options })
    }

    /// The trials, and what wrong answers hang on; nothing where no sample is to be tried.
    fn examine(
        &self,
        workers: &mut [Worker],
        journal: &mut Journal,
        kept: BTreeMap<usize, Trial>,
        (subject, judge, order, clean): (&Tried<'_>, Judge, &[usize], &[Option<Prediction>]),
        (observer, enough): (&dyn Observer, &AtomicBool),
    ) -> Result<Examined, SetError> {
        let (false, Some(worker)) = (order.is_empty(), workers.first_mut()) else { return Ok(Examined::default()) };
        let positions = self.set.positions(self.split)?;
        let model = (&mut worker.model, subject.modalities.clone());
        let arithmetic = (self.precision, self.without);
        let setup = Setup::new((self.set, &positions), judge, self.options, model, arithmetic, observer)?;
        let trials = self.try_all(workers, journal, kept, (&setup, order, clean), (observer, enough))?;
        let wrong = self.wrong(&subject.scores, &trials);
        let explained = explain_all(workers, &setup, (&wrong, clean), observer)?;
        Ok((trials, explained))
    }

    /// The split's samples in the order in which they are asked about and tried, by their places in the set: every beginning is a fair part of the split.
    ///
    /// # Errors
    /// When the split is empty.
    pub fn order(&self) -> Result<Vec<usize>, SetError> {
        Ok(stratified(self.set.samples(), &self.set.positions(self.split)?, self.options.seed))
    }

    /// Whether the model can be asked about the split's samples and held against them: a wrong set is told before the first inference. Gives the
    /// answers, of which there are none yet.
    ///
    /// # Errors
    /// When the split is empty, two samples have one id, a sample has nothing for the model or can't be asked about, or the reference errors can't
    /// be used.
    pub fn check(&self) -> Result<Answers, SetError> {
        let answers = Answers::of(self.manifest);
        let mut ids = BTreeSet::new();
        for place in self.set.positions(self.split)? {
            let sample = self.sample(place);
            if !ids.insert(&sample.id) {
                return Err(SetError::DoubleId(sample.id.clone()));
            }
            self.check_content(sample)?;
            answers.check(sample)?;
        }
        self.set.reference_errors().map(drop)?;
        Ok(answers)
    }

    /// A black picture in silence says nothing about a model.
    fn check_content(&self, sample: &Sample) -> Result<(), SetError> {
        let taken = self.manifest.modalities();
        if taken.iter().any(|modality| sample.has(*modality)) {
            return Ok(());
        }
        let takes: BTreeSet<String> = taken.iter().map(ToString::to_string).collect();
        Err(SetError::Nothing { sample: sample.id.clone(), takes: Vec::from_iter(takes).join(", ") })
    }

    /// What the model takes and no sample of the split has: it gets a black picture, silence or no words.
    ///
    /// # Errors
    /// When the split is empty.
    pub fn lacking(&self) -> Result<BTreeSet<Modality>, SetError> {
        let places = self.set.positions(self.split)?;
        Ok(self
            .manifest
            .modalities()
            .into_iter()
            .filter(|modality| !places.iter().any(|&place| self.sample(place).has(*modality)))
            .collect())
    }

    fn has(&self, place: usize, modality: Modality) -> bool {
        Some(modality) != self.without && self.sample(place).has(modality)
    }

    fn sample(&self, place: usize) -> &Sample {
        &self.set.samples()[place]
    }

    /// What the model says of every sample as it is, by place.
    fn ask_all(
        &self,
        workers: &mut [Worker],
        journal: &mut Journal,
        kept: BTreeMap<usize, Prediction>,
        order: &[usize],
        observer: &dyn Observer,
    ) -> Result<Vec<Option<Prediction>>, SetError> {
        let mut clean: Vec<Option<Prediction>> = vec![None; self.set.samples().len()];
        let wanted: BTreeSet<usize> = order.iter().copied().collect();
        for (place, prediction) in kept.into_iter().filter(|(place, _)| wanted.contains(place)) {
            clean[place] = Some(prediction);
        }
        let jobs: Vec<usize> = order.iter().copied().filter(|&place| clean[place].is_none()).collect();
        let mut done = order.len() - jobs.len();
        let work = |worker: &mut Worker, place: usize| self.ask(worker, place);
        in_parallel(workers, &jobs, &|| observer.stops(Stage::Clean), work, |place, prediction| {
            journal.keep_clean(place, &prediction)?;
            clean[place] = Some(prediction);
            done += 1;
            observer.progress(Stage::Clean, done, order.len());
            Ok(())
        })?;
        journal.sync()?;
        Ok(clean)
    }

    fn ask(&self, worker: &mut Worker, place: usize) -> Result<Prediction, SetError> {
        let sample = self.sample(place);
        let window = self.set.window_without(sample, self.without)?;
        let tensors = worker.model.preprocess(&window).map_err(|reason| failed(sample, reason))?;
        let prediction = worker.model.ask(&tensors, window.ask.as_deref()).map_err(|reason| failed(sample, reason))?;
        // The sample would be refused when it is scored, after all others were asked about.
        if prediction.has_answer() && !prediction.confidence.is_finite() {
            let reason = "with logits that aren't numbers (NaN or infinite): look at the mean, std and scale of its inputs in model.toml, \
                or try another --precision";
            return Err(SetError::Answer { sample: sample.id.clone(), reason: reason.to_owned() });
        }
        Ok(prediction)
    }

    /// Trials in their order, as far as there was time.
    fn try_all(
        &self,
        workers: &mut [Worker],
        journal: &mut Journal,
        mut kept: BTreeMap<usize, Trial>,
        (setup, order, clean): (&Setup<'_>, &[usize], &[Option<Prediction>]),
        (observer, enough): (&dyn Observer, &AtomicBool),
    ) -> Result<Vec<Trial>, SetError> {
        let wanted: BTreeSet<usize> = order.iter().copied().collect();
        kept.retain(|place, _| wanted.contains(place));
        let jobs: Vec<usize> = order.iter().copied().filter(|place| !kept.contains_key(place)).collect();
        let examined: BTreeSet<usize> = order.iter().copied().take(self.options.examined).collect();
        let work = |worker: &mut Worker, place: usize| match &clean[place] {
            Some(clean) => unless_stopped(trial::run(worker, setup, place, clean, examined.contains(&place))),
            None => Err(SetError::Answer { sample: self.sample(place).id.clone(), reason: "nothing".to_owned() }),
        };
        let mut look_at = ENOUGH_TRIALS;
        let stops = || enough.load(Ordering::Relaxed) || observer.stops(Stage::Trials);
        in_parallel(workers, &jobs, &stops, work, |place, trial| {
            let Some(trial) = trial else { return Ok(()) };
            journal.keep_trial(&trial)?;
            kept.insert(place, trial);
            observer.progress(Stage::Trials, kept.len(), order.len());
            if kept.len() >= look_at {
                // A look costs as much as there are trials: the more there are, the seldomer.
                look_at = kept.len() + LOOK_EVERY.max(kept.len() / 4);
                enough.store(self.is_enough(&kept), Ordering::Relaxed);
            }
            Ok(())
        })?;
        journal.sync()?;
        Ok(order.iter().filter_map(|place| kept.remove(place)).collect())
    }

    /// Samples that the model is wrong about and that weren't examined, the most wrong first, as many as are wanted.
    fn wrong(&self, scores: &[(usize, f64)], trials: &[Trial]) -> Vec<usize> {
        let examined: BTreeSet<usize> =
            trials.iter().filter(|trial| !trial.explained.is_empty()).map(|trial| trial.place).collect();
        let mut wrong: Vec<(usize, f64)> =
            scores.iter().copied().filter(|(place, score)| *score < 1.0 && !examined.contains(place)).collect();
        wrong.sort_by(|a, b| a.1.total_cmp(&b.1));
        wrong.into_iter().take(self.wrong_explained).map(|(place, _)| place).collect()
    }

    fn is_enough(&self, kept: &BTreeMap<usize, Trial>) -> bool {
        let Some(width) = self.enough else { return false };
        let trials: Vec<&Trial> = kept.values().collect();
        let share_kept = share_kept(self.set, &trials);
        share_kept.figure().is_some_and(|figure| figure.high - figure.low <= width)
    }
}

/// Nothing of a trial that was stopped.
fn unless_stopped<T>(found: Result<T, SetError>) -> Result<Option<T>, SetError> {
    match found {
        Err(SetError::Stopped(_)) => Ok(None),
        found => found.map(Some),
    }
}

/// What the answers to these samples hang on, as far as there is time.
fn explain_all(
    workers: &mut [Worker],
    setup: &Setup<'_>,
    (places, clean): (&[usize], &[Option<Prediction>]),
    observer: &dyn Observer,
) -> Result<BTreeMap<usize, BTreeMap<Modality, Explanation>>, SetError> {
    let mut explained = BTreeMap::new();
    let work = |worker: &mut Worker, place: usize| match &clean[place] {
        Some(clean) => unless_stopped(trial::explain(worker, setup, place, clean)),
        None => Ok(None),
    };
    in_parallel(workers, places, &|| observer.stops(Stage::Wrong), work, |place, of_sample| {
        explained.extend(of_sample.map(|of_sample| (place, of_sample)));
        observer.progress(Stage::Wrong, explained.len(), places.len());
        Ok(())
    })?;
    Ok(explained)
}
