//! One sample under trial: its window and tensors, of which a part is changed, asked about and put back.

use edgeval_models::{Modality, Model, ModelError, Prediction, Tensors, Window};

use super::Setup;
use crate::{Sample, SetError};

/// What stands in for a modality.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StandIn<'a> {
    /// A black picture, silence, no words.
    Nothing,
    /// Another window's.
    Of(&'a Window),
    /// Tensors that are ready, such as the set's mean.
    Ready(&'a Tensors),
}

/// One sample under trial.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub model: &'a mut Model,
    pub setup: &'a Setup<'a>,
    pub sample: &'a Sample,
    /// The sample's place in its set.
    pub place: usize,
    /// As it is.
    pub window: Window,
    /// Of the window as it is.
    pub clean: Tensors,
    /// Of the window as it was changed.
    pub tensors: Tensors,
}

impl<'a> Subject<'a> {
    /// A sample, read and preprocessed.
    ///
    /// # Errors
    /// When it can't be read, or the model can't take it.
    pub fn new(model: &'a mut Model, setup: &'a Setup<'a>, place: usize) -> Result<Self, SetError> {
        let sample = &setup.set.samples()[place];
        let window = setup.window(sample)?;
        let clean = model.preprocess(&window).map_err(|reason| failed(sample, reason))?;
        let tensors = clean.clone();
        Ok(Self { model, setup, sample, place, window, clean, tensors })
    }

    /// Whether the model takes a modality and the sample has it.
    pub fn has(&self, modality: Modality) -> bool {
        self.setup.modalities.contains(&modality) && self.sample.has(modality)
    }

    /// What the model takes and the sample has.
    pub fn modalities(&self) -> Vec<Modality> {
        self.setup.modalities.iter().copied().filter(|modality| self.has(*modality)).collect()
    }

    /// Lets something stand in for a modality, until it is restored.
    pub fn put(&mut self, modality: Modality, stand_in: StandIn<'_>) -> Result<(), SetError> {
        let sample = self.sample;
        let window = match stand_in {
            StandIn::Ready(tensors) => {
                self.copy(modality, tensors);
                return Ok(());
            }
            StandIn::Of(window) => window,
            StandIn::Nothing => &Window::default(),
        };
        self.model.refill(window, modality, &mut self.tensors).map_err(|reason| failed(sample, reason))
    }

    /// The modality as the sample has it.
    pub fn restore(&mut self, modality: Modality) {
        let clean = std::mem::take(&mut self.clean);
        self.copy(modality, &clean);
        self.clean = clean;
    }

    fn copy(&mut self, modality: Modality, from: &Tensors) {
        for name in self.model.tensors_of(modality) {
            if let (Some(from), Some(to)) = (from.get(name), self.tensors.get_mut(name)) {
                to.values.copy_from_slice(&from.values);
            }
        }
    }

    /// Whether the trial is to go on.
    ///
    /// # Errors
    /// When it isn't.
    pub fn go_on(&self) -> Result<(), SetError> {
        let is_over = self.setup.observer.drops();
        if is_over { Err(SetError::Stopped(self.sample.id.clone())) } else { Ok(()) }
    }

    /// What the model says of the tensors as they are now.
    pub fn predict(&mut self) -> Result<Prediction, SetError> {
        self.go_on()?;
        self.model.ask(&self.tensors, self.sample.ask.as_deref()).map_err(|reason| failed(self.sample, reason))
    }

    /// How right that is, 0 to 1.
    pub fn score(&mut self) -> Result<f64, SetError> {
        let prediction = self.predict()?;
        self.score_of(&prediction)
    }

    /// How right a prediction is, 0 to 1.
    pub fn score_of(&self, prediction: &Prediction) -> Result<f64, SetError> {
        let wrong = || SetError::Answer { sample: self.sample.id.clone(), reason: "what can't be scored".to_owned() };
        self.setup.judge.score(self.sample, prediction).ok_or_else(wrong)
    }

    /// How right the model is with something in a modality's place.
    pub fn score_with(&mut self, modality: Modality, stand_in: StandIn<'_>) -> Result<f64, SetError> {
        self.put(modality, stand_in)?;
        let score = self.score()?;
        self.restore(modality);
        Ok(score)
    }
}

/// The model failed on a sample.
pub(crate) fn failed(sample: &Sample, reason: ModelError) -> SetError {
    SetError::Prediction { sample: sample.id.clone(), reason: reason.into() }
}
