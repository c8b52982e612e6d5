//! A region as one operator of tract.

use tract_onnx::model::{OnnxOpRegister, ParsingContext};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::{Cost, EvalOp, Op, OpState, TypedOp};
use tract_onnx::tract_hir::internal::*;

use super::assemble::Port;
use crate::plan::{Arena, Plan};
use crate::tensor::{Data, DataMut};
use crate::threads::Threads;
use crate::traffic::Traffic;

/// The operator's name in a rewritten file.
pub const OPERATOR: &str = "EdgevalInt8Region";

/// What regions of one model share.
#[derive(Clone, Debug)]
pub struct RegionOperator {
    /// How it runs; none until the rewritten file was read.
    running: Option<Arc<Running>>,
    /// Which region of the file.
    index: usize,
}

/// A region, ready to run.
#[derive(Debug)]
pub struct Running {
    /// What it does.
    pub plan: Arc<Plan>,
    /// What it takes.
    pub inputs: Vec<Port>,
    /// What it makes.
    pub outputs: Vec<Port>,
    /// Multiply-accumulates of one run, of integers and of floats.
    pub macs: [u64; 2],
    /// Bytes that one run moves.
    pub traffic: Traffic,
    /// Who works on it.
    pub threads: Arc<Threads>,
}

impl PartialEq for RegionOperator {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl Eq for RegionOperator {}

/// Lets tract's reader know the operator.
pub fn register(register: &mut OnnxOpRegister) {
    register.insert(OPERATOR, |_: &ParsingContext<'_>, node: &NodeProto| {
        let index = node.get_attr::<i64>("index")?;
        let outputs = node.output.len();
        let index = usize::try_from(index)?;
        Ok((expand(Unfilled { index, outputs, running: None }), vec![]))
    });
}

/// The operator while a file is read.
#[derive(Clone, Debug)]
struct Unfilled {
    index: usize,
    outputs: usize,
    running: Option<Arc<Running>>,
}

/// Gives the regions of a model that was read what they run.
pub fn fill(model: &mut InferenceModel, regions: &[Arc<Running>]) {
    for node in model.nodes_mut() {
        let Some(expansion) = node.op_as_mut::<Box<dyn Expansion>>() else { continue };
        if let Some(unfilled) = expansion.as_any_mut().downcast_mut::<Unfilled>() {
            unfilled.running = regions.get(unfilled.index).cloned();
        }
    }
}

impl Unfilled {
    fn running(&self) -> TractResult<&Arc<Running>> {
        self.running.as_ref().context("a region that no plan was made for")
    }
}

impl Expansion for Unfilled {
    fn name(&self) -> StaticName {
        "Int8Region".into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.outputs)
    }

    fn runs_out_of_plan(&self) -> bool {
        false
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let running = self.running()?;
        for (proxies, ports) in [(inputs, &running.inputs), (outputs, &running.outputs)] {
            for (proxy, port) in proxies.iter().zip(ports) {
                let shape: TVec<TDim> = port.shape.iter().map(TDim::from).collect();
                solver.equals(&proxy.datum_type, port.datum_type)?;
                solver.equals(&proxy.shape, ShapeFactoid::from(shape))?;
            }
        }
        Ok(())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let running = Some(Arc::clone(self.running()?));
        model.wire_node(prefix, RegionOperator { running, index: self.index }, inputs)
    }
}

impl Op for RegionOperator {
    fn name(&self) -> StaticName {
        "Int8Region".into()
    }

    op_as_typed_op!();
}

/// Whether a node is a region: its state is memory that every run fills anew, so nothing goes from one run to the next.
#[must_use]
pub fn is_region(node: &TypedNode) -> bool {
    node.op_is::<RegionOperator>()
}

/// Bytes that one run of a region moves, its own inputs and outputs among them; none of what is no region.
#[must_use]
pub fn traffic(node: &TypedNode) -> Option<Traffic> {
    Some(node.op_as::<RegionOperator>()?.running.as_ref()?.traffic)
}

impl RegionOperator {
    fn running(&self) -> TractResult<&Arc<Running>> {
        self.running.as_ref().context("a region that no plan was made for")
    }
}

impl EvalOp for RegionOperator {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext<'_>) -> TractResult<Option<Box<dyn OpState>>> {
        let arena = self.running()?.plan.arena();
        Ok(Some(Box::new(RegionState { arena })))
    }
}

impl TypedOp for RegionOperator {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let fact = |port: &Port| port.datum_type.fact(&*port.shape);
        Ok(self.running()?.outputs.iter().map(fact).collect())
    }

    fn cost(&self, _: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [integer, float] = self.running()?.macs;
        Ok(tvec!((Cost::FMA(DatumType::I8), integer.into()), (Cost::FMA(DatumType::F32), float.into())))
    }
}

/// The memory of one region in one session.
#[derive(Clone, Debug)]
struct RegionState {
    arena: Arena,
}

impl OpState for RegionState {
    fn eval(&mut self, _: &EvalContext<'_>, op: &dyn Op, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let operator = op.downcast_ref::<RegionOperator>().context("another operator's state")?;
        let running = operator.running()?;
        let allocate = |port: &Port| Tensor::zero_dt(port.datum_type, &port.shape);
        let mut outputs = running.outputs.iter().map(allocate).collect::<TractResult<TVec<Tensor>>>()?;
        let from = inputs.iter().map(|value| data(value)).collect::<TractResult<TVec<Data<'_>>>>()?;
        let mut to: TVec<DataMut<'_>> = outputs.iter_mut().map(data_mut).collect();
        running.plan.run(&mut self.arena, &from, &mut to, &running.threads)?;
        drop(to);
        Ok(outputs.into_iter().map(IntoTValue::into_tvalue).collect())
    }

    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        Ok(())
    }
}

fn data(tensor: &Tensor) -> TractResult<Data<'_>> {
    let plain = tensor.try_as_plain_ram()?;
    Ok(match tensor.datum_type() {
        DatumType::F32 => Data::Floats(plain.as_slice::<f32>()?),
        DatumType::I8 => Data::Bytes(bytemuck::cast_slice(plain.as_slice::<i8>()?)),
        DatumType::I32 => Data::Sums(plain.as_slice::<i32>()?),
        _ => Data::Bytes(plain.as_slice::<u8>()?),
    })
}

fn data_mut(tensor: &mut Tensor) -> DataMut<'_> {
    // A tensor's memory is aligned for its elements.
    match tensor.datum_type() {
        DatumType::F32 => DataMut::Floats(bytemuck::cast_slice_mut(tensor.as_bytes_mut())),
        DatumType::I32 => DataMut::Sums(bytemuck::cast_slice_mut(tensor.as_bytes_mut())),
        _ => DataMut::Bytes(tensor.as_bytes_mut()),
    }
}
