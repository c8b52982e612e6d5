//! A window in, a prediction out, timed; and what a period of that adds up to.

use std::cell::RefCell;
use std::time::Duration;

use edgeval_models::{Model, ModelError, Prediction, Window};

use crate::clock::Moment;
use crate::probe::cpu;
use crate::stages::{StageTimes, Stages};

/// A prediction and what it took.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What the model said.
    pub prediction: Prediction,
    /// Where the time went.
    pub times: StageTimes,
    /// Processor time that inference took on this thread.
    pub inference_processor_time: Duration,
    /// From the start of inference to the first token, of a model that generates.
    pub first_token: Option<Duration>,
}

/// Asks the model about a window. The field and the bench both come through here.
///
/// # Errors
/// When the window doesn't fit the model, or inference fails.
pub fn answer(model: &mut Model, window: &Window, capture: Duration) -> Result<Answer, ModelError> {
    let processor = RefCell::new(Vec::with_capacity(5));
    let clock = || {
        processor.borrow_mut().push(cpu::thread_time());
        Duration::from_nanos(u64::try_from(Moment::now().nanoseconds()).unwrap_or(0))
    };
    let timed = model.predict(window, &clock)?;
    let times = StageTimes {
        capture,
        preprocess: timed.preprocess,
        inference: timed.inference,
        postprocess: timed.postprocess,
    };
    // `predict` reads the clock at the borders of its three stages, and at the first token of words that it generates: between the
    // second reading and the last but one is inference.
    let processor = processor.into_inner();
    let inference_processor_time = match processor[..] {
        [_, before, .., after, _] => after.saturating_sub(before),
        _ => Duration::ZERO,
    };
    let first_token = timed.first_token;
    Ok(Answer { prediction: timed.prediction, times, inference_processor_time, first_token })
}

/// What a period's windows add up to.
#[derive(Clone, Debug)]
pub struct Period {
    /// Where the time went.
    pub stages: Stages,
    /// Windows that were answered.
    pub windows: u64,
    /// Processor time that inference took.
    pub inference_processor_time: Duration,
}

impl Period {
    /// Nothing answered yet.
    #[must_use]
    pub fn new() -> Self {
        Self { stages: Stages::new(), windows: 0, inference_processor_time: Duration::ZERO }
    }

    /// Counts one window.
    pub fn record(&mut self, answer: &Answer) {
        self.stages.record(&answer.times);
        self.windows += 1;
        self.inference_processor_time += answer.inference_processor_time;
    }

    /// Counts all of another period's windows.
    pub fn add(&mut self, other: &Self) {
        self.stages.add(&other.stages);
        self.windows += other.windows;
        self.inference_processor_time += other.inference_processor_time;
    }
}
