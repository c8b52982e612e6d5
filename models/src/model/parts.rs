//! Asking with tensors of which a part was changed: what evaluation does hundreds of times with one window.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{GraphError, Model, Value};
use crate::error::ModelError;
use crate::inputs::Plan;
use crate::manifest::{Input, Modality};
use crate::plane::Plane;
use crate::prediction::Prediction;
use crate::tensor::Tensors;
use crate::window::Window;

impl Model {
    /// What the model takes, each once, in the manifest's order; nothing for a bare graph.
    #[must_use]
    pub fn modalities(&self) -> Vec<Modality> {
        let mut seen = BTreeSet::new();
        self.plans.iter().map(Plan::modality).filter(|modality| seen.insert(*modality)).collect()
    }

    /// How the tensors of pictures and sounds lie over them.
    #[must_use]
    pub fn planes(&self) -> Vec<Plane> {
        self.inputs().filter_map(Plane::new).collect()
    }

    /// The tensors that are made of a modality.
    #[must_use]
    pub fn tensors_of(&self, modality: Modality) -> Vec<&str> {
        self.inputs().filter(|input| input.modality() == modality).flat_map(Input::names).collect()
    }

    /// Where a point of a picture of this width and height, in pixels from the upper left, lies in the first picture that the model takes, in shares of
    /// its width and height; `None` when it takes none.
    #[must_use]
    pub fn place_in_picture(&self, size: (usize, usize), point: (f64, f64)) -> Option<(f64, f64)> {
        let mut plans = self.plans.iter();
        plans.find_map(|plan| if let Plan::Image(_, plan) = plan { Some(plan.place(size, point)) } else { None })
    }

    fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.manifest.iter().flat_map(|manifest| &manifest.inputs)
    }

    /// Makes the tensors of one modality anew, from a window; others stay.
    ///
    /// # Errors
    /// When the window can't be used, or this is a bare graph.
    pub fn refill(&mut self, window: &Window, of: Modality, tensors: &mut Tensors) -> Result<(), ModelError> {
        if self.manifest.is_none() {
            return Err(ModelError::Bare(self.path.clone()));
        }
        let mut plans = self.plans.iter_mut().filter(|plan| plan.modality() == of);
        plans.try_for_each(|plan| plan.fill(window, tensors))
    }

    /// Asks the model with tensors that are ready. `ask` is what is asked for, of a model that can be asked for several things.
    ///
    /// # Errors
    /// As [`Model::predict`]; also when a tensor is missing or has another shape.
    pub fn ask(&mut self, tensors: &Tensors, ask: Option<&str>) -> Result<Prediction, ModelError> {
        let begin = self.generator.as_ref().map(|generator| generator.begin(ask)).transpose()?;
        let outputs = self.run(tensors).map_err(|reason| self.failed(reason))?;
        let answer = match (&mut self.generator, begin) {
            (Some(generator), Some(begin)) => Some(generator.answer(begin, &outputs, &|| Duration::ZERO)?),
            _ => None,
        };
        self.interpret(&outputs, answer)
    }

    /// How probable a model that generates thinks an answer: each token's probability after those before it, and last the end's.
    /// `None` for a model that doesn't generate.
    ///
    /// # Errors
    /// As [`Model::ask`].
    pub fn probabilities_of(
        &mut self,
        tensors: &Tensors,
        ask: Option<&str>,
        tokens: &[u32],
    ) -> Result<Option<Vec<f32>>, ModelError> {
        let Some(generator) = &self.generator else { return Ok(None) };
        let begin = generator.begin(ask)?;
        let outputs = self.run(tensors).map_err(|reason| self.failed(reason))?;
        let generator = self.generator.as_mut();
        generator.map(|generator| generator.probabilities(begin, &outputs, tokens)).transpose()
    }

    fn run(&mut self, tensors: &Tensors) -> Result<Vec<Value>, GraphError> {
        let inputs = self.graph.values(tensors)?;
        self.graph.run_changed(inputs)
    }
}
