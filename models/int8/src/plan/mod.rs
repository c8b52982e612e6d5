//! Where a graph becomes steps over one arena.
//!
//! [`build`](self::build) walks over the graph once. It chooses in which order each value's axes lie in memory
//! (channels last for convolutions), packs weights, and leaves a list of steps. `memory` then gives every buffer its
//! place in one arena. Running is the steps, one after the other; nothing is allocated.

mod build;
mod memory;
mod operations;
mod order;
mod step;

use crate::check::{GraphError, check};
use crate::graph::{Graph, Kind, Value};
use crate::kernels::Kernels;
pub use crate::plan::memory::ALIGNMENT;
use crate::plan::step::Step;
use crate::tensor::{Data, DataMut};
use crate::threads::Threads;

/// A graph, ready to run.
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
    arena_bytes: usize,
    threads: usize,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

/// The memory that a plan runs in.
#[derive(Clone, Debug)]
pub struct Arena(Vec<Line>);

/// A cache line.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; ALIGNMENT]);

impl Plan {
    /// Packs a graph's weights for these kernels, and lays out memory for this many threads.
    ///
    /// # Errors
    /// When the graph contradicts itself.
    pub fn new(graph: &Graph, kernels: &'static Kernels, threads: usize) -> Result<Self, GraphError> {
        check(graph)?;
        let built = build::build(graph, kernels, threads.max(1));
        let values = |ids: &[crate::graph::ValueId]| ids.iter().map(|id| graph.values[id.0].clone()).collect();
        Ok(Self {
            steps: built.steps,
            arena_bytes: built.arena_bytes,
            threads: threads.max(1),
            inputs: values(&graph.inputs),
            outputs: values(&graph.outputs),
        })
    }

    /// What goes in, in order.
    #[must_use]
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// What comes out, in order.
    #[must_use]
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }

    /// Memory to run in.
    #[must_use]
    pub fn arena(&self) -> Arena {
        Arena(vec![Line([0; ALIGNMENT]); self.arena_bytes.div_ceil(ALIGNMENT)])
    }

    /// Size of the arena.
    #[must_use]
    pub const fn arena_bytes(&self) -> usize {
        self.arena_bytes
    }

    /// Runs once: `inputs` and `outputs` are row-major, in ONNX's order. `threads` may be no more than the plan was
    /// made for.
    ///
    /// # Errors
    /// When an input or output doesn't fit, or there are more threads.
    pub fn run(
        &self,
        arena: &mut Arena,
        inputs: &[Data<'_>],
        outputs: &mut [DataMut<'_>],
        threads: &Threads,
    ) -> Result<(), GraphError> {
        self.check_run(inputs, outputs, threads)?;
        let arena: &mut [u8] = bytemuck::cast_slice_mut(&mut arena.0);
        let work = || self.steps.iter().for_each(|step| step.run(arena, inputs, outputs, threads));
        threads.run(work);
        Ok(())
    }

    /// Runs once, and tells how long each step took: name and microseconds, in the order of their running.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn profile(
        &self,
        arena: &mut Arena,
        inputs: &[Data<'_>],
        outputs: &mut [DataMut<'_>],
        threads: &Threads,
    ) -> Result<Vec<(String, f64)>, GraphError> {
        self.check_run(inputs, outputs, threads)?;
        let arena: &mut [u8] = bytemuck::cast_slice_mut(&mut arena.0);
        let timed = |step: &Step| {
            let started = std::time::Instant::now();
            step.run(arena, inputs, outputs, threads);
            (step.name.clone(), started.elapsed().as_secs_f64() * 1e6)
        };
        Ok(threads.run(|| self.steps.iter().map(timed).collect()))
    }

    fn check_run(&self, inputs: &[Data<'_>], outputs: &[DataMut<'_>], threads: &Threads) -> Result<(), GraphError> {
        let given = inputs.len() == self.inputs.len() && outputs.len() == self.outputs.len();
        if !given || threads.count() > self.threads {
            return Err(GraphError::Inputs { expected: self.inputs.len() });
        }
        let inputs = self.inputs.iter().zip(inputs.iter().map(|data| (element(data), data.len())));
        let outputs = self.outputs.iter().zip(outputs.iter().map(|data| (element_mut(data), data.len())));
        inputs.chain(outputs).try_for_each(|(value, (element, length))| fits(value, element, length))
    }
}

fn fits(value: &Value, element: fn(Kind) -> bool, length: usize) -> Result<(), GraphError> {
    let expected = value.shape.iter().product();
    if element(value.kind) && length == expected {
        return Ok(());
    }
    Err(GraphError::Input { name: value.name.clone(), expected, actual: length })
}

fn element(data: &Data<'_>) -> fn(Kind) -> bool {
    match data {
        Data::Bytes(_) => |kind| matches!(kind, Kind::Quantized(_) | Kind::Bytes),
        Data::Floats(_) => |kind| kind == Kind::Float,
        Data::Sums(_) => |kind| kind == Kind::Sums,
    }
}

fn element_mut(data: &DataMut<'_>) -> fn(Kind) -> bool {
    match data {
        DataMut::Bytes(_) => element(&Data::Bytes(&[])),
        DataMut::Floats(_) => element(&Data::Floats(&[])),
        DataMut::Sums(_) => element(&Data::Sums(&[])),
    }
}
