//! What a graph gave the last time, for a run in which only some inputs changed.
//!
//! An evaluation asks about one picture with fifty sounds, and about one sound with a hundred pictures. What hangs on the inputs that stayed is not
//! computed again: its values are those of the run before, to the bit.

use tract_onnx::prelude::*;

/// Inputs as a bit mask. A graph of more inputs than bits is run whole each time.
type Inputs = u64;

/// Node by node, what the last run gave.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    nodes: Vec<NodeMemory>,
    /// The inputs of the last run; empty before the first, and after one that failed.
    inputs: TVec<TValue>,
    /// Stands for what nobody reads: between operators that aren't run.
    unread: TValue,
}

#[derive(Clone, Debug)]
struct NodeMemory {
    /// The inputs that it hangs on.
    reach: Inputs,
    /// Whether what it gave is needed when it isn't run: by an operator that hangs on more inputs, or outside.
    is_kept: bool,
    /// What it gave.
    gave: TVec<TValue>,
}

/// Which operators of a run have nothing new to give.
#[derive(Debug)]
pub(crate) struct Recall<'a> {
    memory: &'a mut Memory,
    changed: Inputs,
    is_first: bool,
}

impl Memory {
    /// A memory for a graph; `None` where nothing could be reused: one input, or more than there are bits for.
    pub fn new(model: &TypedModel) -> TractResult<Option<Self>> {
        if !(2..=Inputs::BITS as usize).contains(&model.inputs.len()) {
            return Ok(None);
        }
        let reach = reach(model)?;
        let is_kept = |node: &TypedNode| {
            let mut readers = node.outputs.iter().flat_map(|output| &output.successors);
            // With its assertions, tract looks at the shape of everything, read or not.
            cfg!(debug_assertions)
                || readers.any(|reader| reach[reader.node] != reach[node.id])
                || model.outputs.iter().any(|output| output.node == node.id)
        };
        let nodes = model.nodes.iter().map(|node| NodeMemory {
            reach: reach[node.id],
            is_kept: is_kept(node),
            gave: TVec::new(),
        });
        Ok(Some(Self { nodes: nodes.collect(), inputs: TVec::new(), unread: Tensor::default().into_tvalue() }))
    }

    /// Begins a run with these inputs. They are those of the last run once it is over, or [`Self::forget`] is called.
    pub fn recall(&mut self, inputs: &TVec<TValue>) -> Recall<'_> {
        let is_same = |index: usize| self.inputs.get(index).is_some_and(|last| same_bits(last, &inputs[index]));
        let changed = (0..inputs.len()).filter(|&index| !is_same(index)).fold(0, |mask, index| mask | 1 << index);
        let is_first = self.inputs.is_empty();
        self.inputs = inputs.clone();
        Recall { memory: self, changed, is_first }
    }

    /// Forgets the last run, which failed.
    pub fn forget(&mut self) {
        self.inputs.clear();
    }
}

impl Recall<'_> {
    /// What a node gave when it was run last, if nothing that it hangs on changed; what nobody reads is left out.
    pub fn of(&self, node: &TypedNode) -> Option<TVec<TValue>> {
        let kept = &self.memory.nodes[node.id];
        let is_new = self.is_first || kept.reach & self.changed != 0;
        (!is_new).then(|| if kept.is_kept { kept.gave.clone() } else { self.unread(node) })
    }

    fn unread(&self, node: &TypedNode) -> TVec<TValue> {
        node.outputs.iter().map(|_| self.memory.unread.clone()).collect()
    }

    /// Keeps what a node gave, where it will be asked for.
    pub fn keep(&mut self, node: &TypedNode, gave: &TVec<TValue>) {
        let kept = &mut self.memory.nodes[node.id];
        if kept.is_kept {
            kept.gave = gave.clone();
        }
    }
}

/// The inputs that each node hangs on, by node.
fn reach(model: &TypedModel) -> TractResult<Vec<Inputs>> {
    let mut reach = vec![0; model.nodes.len()];
    for (index, outlet) in model.inputs.iter().enumerate() {
        reach[outlet.node] |= 1 << index;
    }
    for node in model.eval_order()? {
        let of_inputs = model.nodes[node].inputs.iter().fold(0, |mask, outlet| mask | reach[outlet.node]);
        reach[node] |= of_inputs;
    }
    Ok(reach)
}

/// Whether two tensors hold the same bits: numbers that are equal may still differ, as 0 and −0 do.
fn same_bits(one: &Tensor, other: &Tensor) -> bool {
    let both_plain = one.as_plain_ram().is_some() && other.as_plain_ram().is_some();
    both_plain
        && one.datum_type() == other.datum_type()
        && one.shape() == other.shape()
        && one.as_bytes() == other.as_bytes()
}
