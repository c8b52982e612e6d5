//! A graph loaded, run, and looked at, with tract.

use std::collections::BTreeMap;

use edgeval_int8::onnx::{self as int8, NodeCoverage};
use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::Onnx;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::{OptBinByScalar, OptBinChain, OptBinUnicast, TypedBinOp};
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::nn::{Reduce, RmsNorm};
use tract_onnx::tract_core::ops::{Cost, OpState};
use tract_onnx::tract_hir::infer::InferenceModel;

use crate::dimensions::{AssumedDimension, KnownDimensions, settle};
use crate::execution::{Engine, Execution};
use crate::guard::without_panic;
use crate::inspection::BytesMoved;
use crate::memory::Memory;
use crate::onnx_file;
use crate::tensor::{MAXIMUM_EXACT, Tensor as NamedTensor, Tensors};
use crate::traffic::bytes_moved;

/// Why a graph can't be loaded or run, in words; who uses it knows the file.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The file contradicts itself.
    #[error("it is damaged or isn't an ONNX model: {0}")]
    Damaged(String),
    /// tract panicked.
    #[error("tract gave up on it, since it is damaged or larger than this board holds: {0}")]
    GaveUp(String),
    /// It isn't ONNX, or has what tract doesn't know.
    #[error("tract can't load it: {0}")]
    Load(String),
    /// A dimension has no number.
    #[error(
        "input `{input}` has a dimension without a number: {shape}; export the model with fixed shapes, or say it: --dim NAME=N"
    )]
    OpenShape {
        /// Which input.
        input: String,
        /// Its shape as the graph has it.
        shape: String,
    },
    /// A length was given to a dimension that isn't open.
    #[error("it has no open dimension `{name}`; it has: {known}")]
    UnknownDimension {
        /// The name that was given.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A length can't be.
    #[error("dimension `{name}` can't be {length}; it can be from 1 to {limit}")]
    DimensionLength {
        /// The file's name for it.
        name: String,
        /// What was given.
        length: usize,
        /// The greatest.
        limit: usize,
    },
    /// An input doesn't fit.
    #[error("input `{input}` has shape {actual:?}, the graph wants {expected:?}")]
    Shape {
        /// Which input.
        input: String,
        /// What was given.
        actual: Vec<usize>,
        /// What the graph wants.
        expected: Vec<usize>,
    },
    /// An input of whole numbers was given something else.
    #[error("input `{input}` takes whole numbers up to {MAXIMUM_EXACT}, and was given {value}")]
    NotWhole {
        /// Which input.
        input: String,
        /// What was given.
        value: f32,
    },
    /// What it gave can't be used.
    #[error("its output `{output}` holds what isn't a number at token {token} of the answer")]
    NotNumbers {
        /// Which output.
        output: String,
        /// From 1.
        token: usize,
    },
    /// It failed while running.
    #[error("tract can't run it: {0}")]
    Run(String),
}

/// An input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The graph's name for it.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its type.
    pub(crate) datum_type: DatumType,
}

impl Port {
    /// How many values it holds.
    #[must_use]
    pub fn values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds whole numbers, as token ids are.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        self.datum_type.is_integer()
    }

    /// Whether it takes whole numbers or truths, which a graph may use as places or masks.
    #[must_use]
    pub fn is_discrete(&self) -> bool {
        self.is_integer() || self.datum_type == DatumType::Bool
    }

    /// Its type's name: `f32`, `i64`, …
    #[must_use]
    pub fn data_type(&self) -> String {
        format!("{:?}", self.datum_type).to_lowercase()
    }
}

/// What a graph is made of.
#[derive(Clone, Debug, Default)]
pub struct GraphFacts {
    /// Operators of the file, counted.
    pub operators_in_file: BTreeMap<String, usize>,
    /// Operators that run, counted.
    pub operators_run: BTreeMap<String, usize>,
    /// Multiply-accumulates of one run.
    pub macs: u64,
    /// Those of them that run on integers.
    pub integer_macs: u64,
    /// Bytes that one run moves, or why that isn't known.
    pub bytes_moved: BytesMoved,
    /// Numbers in the file's weights.
    pub parameters: u64,
    /// Whether the file holds quantization operators.
    pub quantized: bool,
    /// Operators that multiply and accumulate in float though the model is quantized, and why.
    pub in_float: Vec<NodeCoverage>,
}

/// A graph, ready to run.
#[derive(Clone, Debug)]
pub struct Graph {
    state: TypedSimpleState,
    /// By node, states as they are before the first run, of operators that would begin where the last run ended: tract's recurrences (GRU, Scan) do.
    fresh_states: Vec<(usize, Box<dyn OpState>)>,
    /// What the last run with [`Graph::run_changed`] gave.
    memory: Option<Memory>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    facts: GraphFacts,
    threads: Option<Executor>,
    engine: Engine,
    assumed: Vec<AssumedDimension>,
}

/// A tensor as tract has it; copies share the numbers.
#[derive(Clone, Debug)]
pub(crate) struct Value(TValue);

impl Value {
    /// Zeros of a port's shape and type.
    pub fn zeros(port: &Port) -> Result<Self, GraphError> {
        Self::of_number(port, 0)
    }

    /// One number in every place of a port's shape, in its type.
    pub fn of_number(port: &Port, number: u32) -> Result<Self, GraphError> {
        let tensor = Tensor::from_shape(&port.shape, &vec![i64::from(number); port.values()]).map_err(run_error)?;
        Ok(Self(tensor.cast_to_dt(port.datum_type).map_err(run_error)?.into_owned().into_tvalue()))
    }

    /// What `look` sees in the numbers, as floats; they are copied only if they aren't floats.
    pub fn floats<T>(&self, look: impl FnOnce(&[f32]) -> T) -> Result<T, GraphError> {
        let floats = self.0.cast_to::<f32>().map_err(run_error)?;
        let plain = floats.try_as_plain_ram().map_err(run_error)?;
        Ok(look(plain.as_slice::<f32>().map_err(run_error)?))
    }
}

impl Graph {
    /// Loads a graph from the bytes of an ONNX file.
    ///
    /// # Errors
    /// When the bytes aren't a graph that tract can run. A panic inside tract is an error here.
    pub fn load(bytes: &[u8], execution: Execution, known: &KnownDimensions) -> Result<Self, GraphError> {
        without_panic(|| Self::load_unguarded(bytes, execution, known))
            .unwrap_or_else(|said| Err(GraphError::GaveUp(said)))
    }

    fn load_unguarded(mut bytes: &[u8], execution: Execution, known: &KnownDimensions) -> Result<Self, GraphError> {
        let mut onnx = tract_onnx::onnx();
        int8::check_axes(&mut onnx.op_register);
        let mut proto = onnx.proto_model_for_read(&mut bytes).map_err(load_error)?;
        let assumed = proto.graph.as_mut().map(|graph| settle(graph, known)).transpose()?.unwrap_or_default();
        onnx_file::check(&proto).map_err(GraphError::Damaged)?;
        let mut facts = facts_of_file(&proto);
        let output_names: Vec<String> =
            proto.graph.iter().flat_map(|graph| &graph.output).map(|output| output.name.clone()).collect();
        let (model, engine) = lower(onnx, proto, execution, &mut facts)?;
        let mut model = model.into_typed().and_then(TypedModel::into_decluttered).map_err(load_error)?;
        facts.bytes_moved = bytes_moved(&model);
        model.optimize().map_err(load_error)?;
        count_run(&model, &mut facts).map_err(load_error)?;
        let inputs = ports(&model, &model.inputs, |index| model.node(model.inputs[index].node).name.clone())?;
        let outputs = ports(&model, &model.outputs, |index| output_names.get(index).cloned().unwrap_or_default())?;
        let memory = Memory::new(&model).map_err(load_error)?;
        let state = model.into_runnable().and_then(|plan| plan.spawn()).map_err(load_error)?;
        let nodes = state.plan().model().nodes().iter().filter(|node| !int8::is_region(node));
        let fresh = |node: &TypedNode| Some((node.id, state.op_states[node.id].clone()?));
        let fresh_states = nodes.filter_map(fresh).collect();
        let threads = (execution.threads > 1).then(|| Executor::multithread_with_name(execution.threads, "inference"));
        Ok(Self { state, fresh_states, memory, inputs, outputs, facts, threads, engine, assumed })
    }

    /// What goes in, in order.
    #[must_use]
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What comes out, in order.
    #[must_use]
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// What runs it: tract alone when nothing of it can run on integers.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// Open dimensions of the file whose lengths were taken because nobody said them.
    #[must_use]
    pub fn assumed(&self) -> &[AssumedDimension] {
        &self.assumed
    }

    /// What it is made of.
    #[must_use]
    pub const fn facts(&self) -> &GraphFacts {
        &self.facts
    }

    /// Runs the graph once. `tensors` holds every input, in any order.
    ///
    /// # Errors
    /// When an input is missing or has another shape, or tract fails.
    pub fn run(&mut self, tensors: &Tensors) -> Result<Tensors, GraphError> {
        let outputs = self.run_values(self.values(tensors)?)?;
        self.tensors(&outputs)
    }

    /// Every input, in the graph's order, of tensors in any order.
    pub(crate) fn values(&self, tensors: &Tensors) -> Result<Vec<Value>, GraphError> {
        self.inputs.iter().map(|port| to_tract(port, tensors)).collect()
    }

    /// What came out, by name, of values in the graph's order.
    pub(crate) fn tensors(&self, outputs: &[Value]) -> Result<Tensors, GraphError> {
        self.outputs.iter().zip(outputs).map(|(port, value)| from_tract(port, &value.0)).collect()
    }

    /// Runs the graph once, on values in its order.
    pub(crate) fn run_values(&mut self, inputs: Vec<Value>) -> Result<Vec<Value>, GraphError> {
        self.begin();
        let state = &mut self.state;
        unharmed(self.threads.clone(), inputs, |inputs| state.run(inputs))
    }

    /// As [`Graph::run_values`], to the bit, but what hangs on inputs that are those of the last run here isn't computed again. Not to be timed.
    pub(crate) fn run_changed(&mut self, inputs: Vec<Value>) -> Result<Vec<Value>, GraphError> {
        self.begin();
        let (state, memory) = (&mut self.state, &mut self.memory);
        unharmed(self.threads.clone(), inputs, |inputs| match memory {
            Some(memory) => memory.run(state, inputs, |_| ()),
            None => state.run(inputs),
        })
    }

    /// Lets no run begin where the last one ended.
    fn begin(&mut self) {
        for (node, fresh) in &self.fresh_states {
            self.state.op_states[*node] = Some(fresh.clone());
        }
    }
}

/// Runs a graph on as many threads as it may have. A panic inside tract is an error here.
fn unharmed(
    threads: Option<Executor>,
    inputs: Vec<Value>,
    run: impl FnOnce(TVec<TValue>) -> TractResult<TVec<TValue>>,
) -> Result<Vec<Value>, GraphError> {
    let inputs: TVec<TValue> = inputs.into_iter().map(|value| value.0).collect();
    let run = || match threads {
        Some(pool) => multithread_tract_scope(pool, || run(inputs)),
        None => run(inputs),
    };
    let outputs = without_panic(run).map_err(GraphError::GaveUp)?.map_err(run_error)?;
    Ok(outputs.into_iter().map(Value).collect())
}

fn to_tract(port: &Port, tensors: &Tensors) -> Result<Value, GraphError> {
    let tensor =
        tensors.get(&port.name).filter(|tensor| tensor.shape == port.shape).ok_or_else(|| GraphError::Shape {
            input: port.name.clone(),
            actual: tensors.get(&port.name).map(|tensor| tensor.shape.clone()).unwrap_or_default(),
            expected: port.shape.clone(),
        })?;
    let whole = |value: &&f32| value.fract() == 0.0 && value.abs() <= MAXIMUM_EXACT as f32;
    if let Some(&value) = tensor.values.iter().find(|value| port.is_integer() && !whole(value)) {
        return Err(GraphError::NotWhole { input: port.name.clone(), value });
    }
    let tensor = Tensor::from_shape(&port.shape, &tensor.values).map_err(run_error)?;
    if tensor.datum_type() == port.datum_type {
        return Ok(Value(tensor.into_tvalue()));
    }
    Ok(Value(tensor.cast_to_dt(port.datum_type).map_err(run_error)?.into_owned().into_tvalue()))
}

fn from_tract(port: &Port, value: &Tensor) -> Result<NamedTensor, GraphError> {
    let floats = value.cast_to::<f32>().map_err(run_error)?;
    let values =
        floats.try_as_plain_ram().and_then(|plain| Ok(plain.as_slice::<f32>()?.to_vec())).map_err(run_error)?;
    Ok(NamedTensor { name: port.name.clone(), shape: value.shape().to_vec(), values })
}

/// An error with its causes in one line: tract's own text has a line for each.
fn in_one_line(error: &TractError) -> String {
    error.chain().map(|cause| cause.to_string().replace('\n', " ")).collect::<Vec<_>>().join(": ")
}

fn load_error(error: TractError) -> GraphError {
    GraphError::Load(in_one_line(&error))
}

fn run_error(error: TractError) -> GraphError {
    GraphError::Run(in_one_line(&error))
}

/// A model, and what runs it.
fn lower(
    onnx: Onnx,
    proto: ModelProto,
    execution: Execution,
    facts: &mut GraphFacts,
) -> Result<(InferenceModel, Engine), GraphError> {
    if execution.engine == Engine::Tract || !facts.quantized {
        let model = onnx.model_for_proto_model(&proto).map_err(load_error)?;
        return Ok((model, Engine::Tract));
    }
    let options = int8::Options { threads: execution.threads, ..int8::Options::default() };
    let lowered = int8::load(proto, &options, |_| Ok(())).map_err(|error| GraphError::Load(error.to_string()))?;
    let regions = lowered.coverage.regions;
    facts.in_float = lowered.coverage.nodes.into_iter().filter(|node| !node.on_integers).collect();
    Ok((lowered.model, if regions > 0 { Engine::Int8 } else { Engine::Tract }))
}

fn ports(model: &TypedModel, outlets: &[OutletId], name: impl Fn(usize) -> String) -> Result<Vec<Port>, GraphError> {
    let port = |(index, outlet): (usize, &OutletId)| {
        let fact = model.outlet_fact(*outlet).map_err(load_error)?;
        let name = name(index);
        let open = || GraphError::OpenShape { input: name.clone(), shape: format!("{:?}", fact.shape) };
        let shape = fact.shape.as_concrete().ok_or_else(open)?.to_vec();
        Ok(Port { name: name.clone(), shape, datum_type: fact.datum_type })
    };
    outlets.iter().enumerate().map(port).collect()
}

fn facts_of_file(proto: &ModelProto) -> GraphFacts {
    let mut facts = GraphFacts::default();
    let Some(graph) = &proto.graph else { return facts };
    facts.operators_in_file = onnx_file::operators(graph);
    let is_quantization =
        |name: &String| name.contains("Quantize") || name.starts_with("QLinear") || name.ends_with("Integer");
    facts.quantized = facts.operators_in_file.keys().any(is_quantization);
    let length =
        |dimensions: &[i64]| dimensions.iter().map(|&length| u64::try_from(length).unwrap_or(0)).product::<u64>();
    facts.parameters = graph.initializer.iter().map(|weights| length(&weights.dims)).sum();
    facts
}

/// Whether what tract counts of an operator are sums of products. It counts other work in the same unit: a tangent as
/// eleven of them, a product of two tensors and every element of a sum as one.
fn has_products(node: &TypedNode) -> bool {
    !(node.op_is::<ElementWiseOp>()
        || node.op_is::<TypedBinOp>()
        || node.op_is::<OptBinByScalar>()
        || node.op_is::<OptBinUnicast>()
        || node.op_is::<OptBinChain>()
        || node.op_is::<Reduce>()
        || node.op_is::<RmsNorm>())
}

fn count_run(model: &TypedModel, facts: &mut GraphFacts) -> TractResult<()> {
    for node in &model.nodes {
        *facts.operators_run.entry(node.op.name().to_string()).or_default() += 1;
        if !has_products(node) {
            continue;
        }
        let inputs: TVec<&TypedFact> =
            node.inputs.iter().map(|outlet| model.outlet_fact(*outlet)).collect::<TractResult<_>>()?;
        for (cost, count) in node.op.cost(&inputs)? {
            if let Cost::FMA(data_type) = cost {
                let count = u64::try_from(count.to_i64()?).unwrap_or(0);
                facts.macs += count;
                facts.integer_macs += if data_type.is_integer() || data_type.is_quantized() { count } else { 0 };
            }
        }
    }
    Ok(())
}
