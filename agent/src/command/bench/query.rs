//! One query: what is asked of the model, and how long the answer took.

use std::time::Duration;

use edgeval_models::{Model, Tensors, Window};

use super::{Args, tensors};
use crate::clock::Moment;
use crate::pipeline::{self, Answer, Period};
use crate::probe::cpu;

/// What is asked of the model, again and again.
pub enum Query {
    /// A bundle's whole path.
    Window(Window),
    /// The graph alone.
    Tensors(Tensors),
}

/// A query that was answered.
pub struct Answered {
    /// From decoded input in memory to prediction.
    pub latency: Duration,
    /// Preprocessing, inference, postprocessing.
    pub stages: [Duration; 3],
    /// The whole path's answer; none of a graph alone.
    pub answer: Option<Answer>,
    /// Processor time of inference on this thread.
    processor_time: Duration,
}

impl Query {
    /// A bundle is asked with a seeded random window, a graph or named arrays with tensors. In words, too.
    ///
    /// # Errors
    /// When an array of `--input` can't be used.
    pub fn of(args: &Args, model: &Model) -> anyhow::Result<(Self, &'static str)> {
        if args.input.is_empty() && model.has_preprocessing() {
            return Ok((Self::Window(model.seeded_window(args.seed)), "seeded random window"));
        }
        let mut tensors = model.seeded_inputs(args.seed);
        for argument in &args.input {
            tensors::load_into(&mut tensors, argument)?;
        }
        let named = if args.input.is_empty() { "seeded random tensors" } else { "tensors from files" };
        Ok((Self::Tensors(tensors), named))
    }

    /// Asks once.
    ///
    /// # Errors
    /// When inference fails.
    pub fn ask(&self, model: &mut Model) -> anyhow::Result<Answered> {
        let started = Moment::now();
        match self {
            Self::Window(window) => {
                let answer = pipeline::answer(model, window, Duration::ZERO)?;
                let latency = Moment::now().since(started);
                let times = answer.times;
                let stages = [times.preprocess, times.inference, times.postprocess];
                let processor_time = answer.inference_processor_time;
                Ok(Answered { latency, stages, processor_time, answer: Some(answer) })
            }
            Self::Tensors(tensors) => {
                let processor = cpu::thread_time();
                model.infer(tensors)?;
                let latency = Moment::now().since(started);
                let processor_time = cpu::thread_time().saturating_sub(processor);
                Ok(Answered {
                    latency,
                    stages: [Duration::ZERO, latency, Duration::ZERO],
                    processor_time,
                    answer: None,
                })
            }
        }
    }
}

impl Answered {
    /// Counts it in a period.
    pub fn count_in(&self, period: &mut Period) {
        match &self.answer {
            Some(answer) => period.record(answer),
            None => period.inference_processor_time += self.processor_time,
        }
    }
}
