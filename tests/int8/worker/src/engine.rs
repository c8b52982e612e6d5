//! What every engine can do.

use std::path::Path;

use anyhow::Result;

use crate::tensor::Tensor;

/// A model on an engine.
pub trait Engine {
    /// Takes the inputs of the runs to come. Their order doesn't matter.
    fn feed(&mut self, inputs: &[Tensor]) -> Result<()>;

    /// One inference, the outputs kept for [`Self::outputs`]. This is what is timed.
    fn run(&mut self) -> Result<()>;

    /// What the last run gave.
    fn outputs(&self) -> Result<Vec<Tensor>>;
}

/// How a model is to be loaded.
pub struct Load<'a> {
    /// The ONNX file.
    pub path: &'a Path,
    /// Threads that work on one inference.
    pub threads: usize,
}
