//! Operators that count from the first axis up to one that the file names. When it names one before the first, tract would count to the end of the
//! numbers: a damaged file would never be loaded, and never refused.

use std::sync::LazyLock;

use tract_onnx::Onnx;
use tract_onnx::model::{OnnxOpRegister, ParsingContext};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::*;

const COUNTING: [&str; 2] = ["LayerNormalization", "RMSNormalization"];

/// Has tract's reader refuse axes that a tensor hasn't got, where it would count up to them.
pub fn check_axes(register: &mut OnnxOpRegister) {
    for name in COUNTING {
        register.insert(name, checked);
    }
}

fn checked(context: &ParsingContext<'_>, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    static TRACT: LazyLock<Onnx> = LazyLock::new(tract_onnx::onnx);
    let build = TRACT.op_register.0.get(&node.op_type).with_context(|| format!("tract has no {}", node.op_type))?;
    let (operator, closures) = build(context, node)?;
    let inner = operator.as_op().downcast_ref::<Box<dyn Expansion>>().cloned();
    let inner = inner.with_context(|| format!("{} isn't expanded", node.op_type))?;
    let axis = node.get_attr_opt("axis")?.unwrap_or(-1);
    Ok((expand(Checked { inner, axis }), closures))
}

/// An operator whose axis is held against its first input's rank.
#[derive(Clone, Debug)]
struct Checked {
    inner: Box<dyn Expansion>,
    axis: i64,
}

impl Checked {
    fn check(&self, rank: i64) -> TractResult<()> {
        ensure!((-rank..rank).contains(&self.axis), "axis {} of a tensor of rank {rank}", self.axis);
        Ok(())
    }
}

impl Expansion for Checked {
    fn name(&self) -> StaticName {
        Expansion::name(self.inner.as_ref())
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Expansion::nboutputs(self.inner.as_ref())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let input = inputs.first().context("no input")?;
        // Before the operator's own rules: those of a wrong axis are never asked.
        solver.given(&input.rank, |_, rank| self.check(rank))?;
        Expansion::rules(self.inner.as_ref(), solver, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        self.check(model.outlet_fact(*inputs.first().context("no input")?)?.rank() as i64)?;
        Expansion::wire(self.inner.as_ref(), prefix, model, inputs)
    }
}
