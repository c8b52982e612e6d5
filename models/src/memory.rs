//! What a graph gave the last time, for a run in which only some inputs changed.
//!
//! An evaluation asks about one picture with fifty sounds, and about one sound with a hundred pictures. What hangs on the inputs that stayed is not
//! computed again: its values are those of the run before, to the bit.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::eval;

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

    /// Runs what isn't remembered; `runs` hears of each operator that does. Nothing is remembered of a run that fails.
    pub fn run(
        &mut self,
        state: &mut TypedSimpleState,
        inputs: TVec<TValue>,
        mut runs: impl FnMut(&TypedNode),
    ) -> TractResult<TVec<TValue>> {
        let last = std::mem::take(&mut self.inputs);
        let is_same = |index: usize| last.get(index).is_some_and(|last| same_bits(last, &inputs[index]));
        let changed = (0..inputs.len()).filter(|&index| !is_same(index)).fold(0, |mask, index| mask | 1 << index);
        let outputs = state.run_plan_with_eval(inputs.clone(), |context, state, node, inputs| {
            if !last.is_empty() && self.nodes[node.id].reach & changed == 0 {
                return Ok(self.remembered(node));
            }
            runs(node);
            let gave = eval(context, state, node, inputs)?;
            self.keep(node, &gave);
            TractResult::Ok(gave)
        })?;
        self.inputs = inputs;
        Ok(outputs)
    }

    /// What a node gave when it was run last; what nobody reads is left out.
    fn remembered(&self, node: &TypedNode) -> TVec<TValue> {
        let kept = &self.nodes[node.id];
        if kept.is_kept { kept.gave.clone() } else { node.outputs.iter().map(|_| self.unread.clone()).collect() }
    }

    /// Keeps what a node gave, where it will be asked for.
    fn keep(&mut self, node: &TypedNode, gave: &TVec<TValue>) {
        let kept = &mut self.nodes[node.id];
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

#[cfg(test)]
mod tests {
    use tract_onnx::tract_core::ops::math::{add, cosh, mul};
    use tract_onnx::tract_hir::internal::TractErrorContext;

    use super::*;

    /// cosh(a) + b · b, of two numbers.
    fn model() -> TractResult<TypedModel> {
        let mut model = TypedModel::default();
        let a = model.add_source("a", f32::fact([1]))?;
        let b = model.add_source("b", f32::fact([1]))?;
        let of_a = model.wire_node("of a", cosh(), &[a])?;
        let of_b = model.wire_node("of b", mul(), &[b, b])?;
        let sum = model.wire_node("sum", add(), &[of_a[0], of_b[0]])?;
        model.select_output_outlets(&sum)?;
        Ok(model)
    }

    /// The operators that ran, and what came out.
    fn run(state: &mut TypedSimpleState, memory: &mut Memory, a: f32, b: f32) -> TractResult<(Vec<String>, f32)> {
        let inputs = tvec!(tensor1(&[a]).into_tvalue(), tensor1(&[b]).into_tvalue());
        let mut ran = Vec::new();
        let outputs = memory.run(state, inputs, |node| ran.push(node.name.clone()))?;
        Ok((ran, outputs[0].try_as_plain_ram()?.as_slice::<f32>()?[0]))
    }

    #[test]
    fn only_what_hangs_on_a_changed_input_runs() -> TractResult<()> {
        let model = model()?;
        let mut memory = Memory::new(&model)?.context("two inputs have a memory")?;
        let mut state = model.into_runnable()?.spawn()?;
        let whole = ["a", "of a", "b", "of b", "sum"];
        let (mut ran, value) = run(&mut state, &mut memory, 0.0, 3.0)?;
        ran.sort_by_key(|name| whole.iter().position(|known| known == name));
        assert_eq!((ran, value), (whole.map(str::to_owned).to_vec(), 10.0));
        assert_eq!(run(&mut state, &mut memory, 0.0, 2.0)?, (["b", "of b", "sum"].map(str::to_owned).to_vec(), 5.0));
        assert_eq!(run(&mut state, &mut memory, 0.0, 2.0)?, (Vec::new(), 5.0));
        // Equal as numbers, not as bits.
        assert_eq!(run(&mut state, &mut memory, -0.0, 2.0)?.0, ["a", "of a", "sum"]);
        let no_run = tvec!(tensor1(&[-0.0_f32]).into_tvalue());
        assert!(memory.run(&mut state, no_run, |_| ()).is_err());
        assert_eq!(run(&mut state, &mut memory, -0.0, 2.0)?.0.len(), 5);
        Ok(())
    }

    #[test]
    fn one_input_has_no_memory() -> TractResult<()> {
        let mut model = TypedModel::default();
        let a = model.add_source("a", f32::fact([1]))?;
        model.select_output_outlets(&[a])?;
        assert!(Memory::new(&model)?.is_none());
        Ok(())
    }
}
