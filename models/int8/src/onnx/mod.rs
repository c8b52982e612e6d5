//! From an ONNX file to regions of integers, and back into a tract model.
//!
//! ```no_run
//! use edgeval_int8::onnx::{Options, load};
//! use tract_onnx::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let proto = tract_onnx::onnx().proto_model_for_path("model.int8.onnx")?;
//! let lowered = load(proto, &Options::default(), |_| Ok(()))?;
//! println!("{:?} of the multiply-accumulates run on integers", lowered.coverage.share());
//! let model = lowered.model.into_optimized()?.into_runnable()?;
//! # Ok(())
//! # }
//! ```

mod assemble;
mod axes;
mod coverage;
mod dynamic;
mod facts;
mod file;
mod function;
mod fused;
mod lower;
mod nested;
mod operators;
mod partition;
mod propagation;
mod qoperator;
mod region;
mod weights;

use std::collections::BTreeSet;
use std::sync::Arc;

use tract_onnx::model::Onnx;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};
use tract_onnx::prelude::*;

use self::assemble::{Region, assemble};
pub use self::axes::check_axes;
pub use self::coverage::{Coverage, NodeCoverage};
use self::facts::Facts;
use self::file::File;
use self::partition::{Item, assign_regions, items};
use self::region::Running;
pub use self::region::{is_region, traffic};
use crate::float::FloatOperation;
use crate::graph::{Graph, Operation};
use crate::kernels::Kernels;
use crate::plan::Plan;
use crate::threads::{Threads, ThreadsError};
use crate::traffic::Traffic;

/// How a model is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that work on one inference, 1 or more.
    pub threads: usize,
    /// The instruction set.
    pub kernels: &'static Kernels,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 1, kernels: Kernels::best() }
    }
}

/// A model whose quantized regions are one operator each.
#[derive(Debug)]
pub struct Lowered {
    /// The model; its inputs have the shapes that `fix` gave them.
    pub model: InferenceModel,
    /// What runs on integers.
    pub coverage: Coverage,
    /// What the regions run, for profiles.
    pub plans: Vec<Arc<Plan>>,
}

/// Why a model can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// tract can't read it.
    #[error("{0:#}")]
    Tract(#[from] TractError),
    /// No threads.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
    /// An operator that nothing here runs.
    #[error("operator {operator} (of `{node}`) isn't known here{}", advice(.operator))]
    Operator {
        /// Which operator.
        operator: String,
        /// The node that wants it.
        node: String,
    },
    /// Elements of a type that nothing here computes with.
    #[error("`{name}` has elements of type {kind}: quantize to 8 bits instead")]
    Elements {
        /// Which constant.
        name: String,
        /// ONNX's name of its type.
        kind: &'static str,
    },
    /// A region contradicts itself: what made it is wrong.
    #[error("a quantized region can't be built: {0}")]
    Region(String),
}

/// Loads a model. `fix` may give its inputs shapes: regions are planned for shapes that are known.
///
/// # Errors
/// When tract can't read the file.
pub fn load(
    mut proto: ModelProto,
    options: &Options,
    fix: impl Fn(&mut InferenceModel) -> TractResult<()>,
) -> Result<Lowered, LoadError> {
    let onnx = reader();
    if let Some(graph) = &mut proto.graph {
        fused::rewrite(graph);
        qoperator::rewrite(graph);
        propagation::propagate(graph);
        known(&onnx, graph)?;
    }
    let mut facts = Facts::new(&onnx, &proto, &fix)?;
    let opset = file::opset(&proto);
    let graph = proto.graph.get_or_insert_default();
    facts.take_constants(graph);
    let (coverage, regions) = cut_out(graph, opset, facts)?;
    let threads = Arc::new(Threads::new(options.threads)?);
    let running = regions.into_iter().map(|region| plan(region, options, &threads).map(Arc::new));
    let running = running.collect::<Result<Vec<_>, _>>()?;
    let mut model = onnx.parse(&proto, None)?.model;
    region::fill(&mut model, &running);
    fix(&mut model)?;
    let plans = running.iter().map(|running| Arc::clone(&running.plan)).collect();
    Ok(Lowered { model, coverage, plans })
}

/// Cuts the regions out of a graph: each leaves a node of its own there, and takes its constants along.
fn cut_out(graph: &mut GraphProto, opset: i64, facts: Facts) -> Result<(Coverage, Vec<Region>), LoadError> {
    let file = File::new(graph, opset, facts);
    let (mut items, reasons) = items(&file);
    // Older files list their weights among the inputs.
    let given = file.graph.input.iter().map(|input| input.name.as_str());
    let given: Vec<&str> = given.filter(|name| file.constant(name).is_none()).collect();
    let count = assign_regions(&mut items, &given);
    let coverage = Coverage::new(&file, &items, count, &reasons);
    let regions = (0..count).map(|region| build(&file, &items, region).map_err(LoadError::Region));
    let regions = regions.collect::<Result<Vec<_>, _>>()?;
    let mut nodes: Vec<NodeProto> = regions.iter().enumerate().map(|(index, region)| node(index, region)).collect();
    let mut reals = Vec::new();
    for node in items.iter().filter(|item| item.region.is_none()).map(|item| &file.graph.node[item.place]) {
        match dequantized(&file, node) {
            Some(constant) => reals.push(constant),
            None => nodes.push(node.clone()),
        }
    }
    let facts = file.into_facts();
    graph.node = nodes;
    graph.initializer.extend(reals);
    let used: BTreeSet<&String> = graph.node.iter().flat_map(nested::reads).collect();
    let outputs: BTreeSet<&String> = graph.output.iter().map(|output| &output.name).collect();
    graph.initializer.retain(|weights| used.contains(&weights.name) || outputs.contains(&weights.name));
    graph.value_info.clear();
    facts.give_back(graph);
    Ok((coverage, regions))
}

/// What to do about an operator that isn't known.
fn advice(operator: &str) -> &'static str {
    let by_optimizer = ["Fused", "Nhwc", "Embed", "Attention", "QAttention", "MultiHead", "QEmbed", "Skip", "Bias"];
    if by_optimizer.iter().any(|start| operator.starts_with(start)) {
        ": ONNX Runtime's optimizer makes it of others; export or quantize the model without that step"
    } else {
        ": leave it out of what is quantized, or export the model with ONNX's own operators"
    }
}

/// Refuses a graph that can't be run, by the name of what stands in the way.
fn known(onnx: &Onnx, graph: &GraphProto) -> Result<(), LoadError> {
    let unknown = |node: &&NodeProto| {
        let own = node.domain.is_empty() || node.domain == "ai.onnx";
        !own && !onnx.op_register.0.contains_key(&node.op_type)
    };
    if let Some(node) = graph.node.iter().find(unknown) {
        return Err(LoadError::Operator { operator: node.op_type.clone(), node: node.name.clone() });
    }
    let narrow = |constant: &TensorProto| {
        let kind = DataType::try_from(constant.data_type).ok()?.as_str_name();
        let is_narrow = kind.ends_with("INT4") || kind.starts_with("FLOAT8") || kind.ends_with("INT2");
        is_narrow.then(|| LoadError::Elements { name: constant.name.clone(), kind })
    };
    graph.initializer.iter().find_map(narrow).map_or(Ok(()), Err)
}

/// A reader of ONNX files that knows quantizing operators and regions.
fn reader() -> Onnx {
    let mut onnx = tract_onnx::onnx();
    check_axes(&mut onnx.op_register);
    operators::register(&mut onnx.op_register);
    region::register(&mut onnx.op_register);
    onnx
}

/// What a node dequantizes of a constant, as a constant: some operators of tract want those.
fn dequantized(file: &File<'_>, node: &NodeProto) -> Option<TensorProto> {
    let name = node.output.first().filter(|_| node.op_type == "DequantizeLinear")?;
    let shape = file.shape(name).ok().filter(|_| file.datum_type(name) == Some(DatumType::F32))?;
    let given = node.input.iter().filter(|name| !name.is_empty());
    let inputs = given.map(|name| file.constant(name).cloned()).collect::<Option<Vec<_>>>()?;
    let real = operators::dequantized(node, inputs)?;
    let floats = file::cast::<f32>(&real)?;
    Some(TensorProto {
        name: name.clone(),
        dims: shape.into_iter().map(|length| length as i64).collect(),
        data_type: DataType::Float.into(),
        float_data: floats,
        ..TensorProto::default()
    })
}

/// A region of its members.
fn build(file: &File<'_>, items: &[Item], region: usize) -> Result<Region, String> {
    let (members, others): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.region == Some(region));
    let mut outside: BTreeSet<String> = others.iter().flat_map(|item| item.inputs.iter().cloned()).collect();
    outside.extend(file.graph.output.iter().map(|output| output.name.clone()));
    assemble(file, &members, &outside)
}

/// A region as a node of the file.
fn node(index: usize, region: &Region) -> NodeProto {
    let index_attribute = AttributeProto {
        name: "index".to_owned(),
        r#type: AttributeType::Int.into(),
        i: index as i64,
        ..AttributeProto::default()
    };
    NodeProto {
        name: format!("int8 region {index}"),
        op_type: region::OPERATOR.to_owned(),
        input: region.inputs.iter().map(|port| port.name.clone()).collect(),
        output: region.outputs.iter().map(|port| port.name.clone()).collect(),
        attribute: vec![index_attribute],
        ..NodeProto::default()
    }
}

fn plan(region: Region, options: &Options, threads: &Arc<Threads>) -> Result<Running, LoadError> {
    let plan = Plan::new(&region.graph, options.kernels, options.threads);
    let plan = plan.map_err(|error| LoadError::Region(error.to_string()))?;
    let (macs, traffic) = (macs(&region.graph), Traffic::of(&region.graph));
    Ok(Running {
        plan: Arc::new(plan),
        inputs: region.inputs,
        outputs: region.outputs,
        macs,
        traffic,
        threads: Arc::clone(threads),
    })
}

/// Multiply-accumulates of a region: those of integers, and those of floats.
fn macs(graph: &Graph) -> [u64; 2] {
    let shape = |id: crate::graph::ValueId| &graph.values[id.0].shape;
    let mut macs = [0; 2];
    for node in &graph.nodes {
        let output = node.outputs.first().map_or(0, |id| shape(*id).iter().product::<usize>()) as u64;
        let inner = || shape(node.inputs[0]).last().map_or(0, |depth| *depth as u64);
        match &node.operation {
            Operation::Convolution(convolution) | Operation::IntegerConvolution(convolution) => {
                let depth = convolution.weights.len() / convolution.output_channels.max(1);
                macs[0] += output * depth as u64;
            }
            Operation::Product { .. } => macs[0] += output * inner(),
            Operation::Float(FloatOperation::Product) => macs[1] += output * inner(),
            _ => {}
        }
    }
    macs
}
