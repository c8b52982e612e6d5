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
mod coverage;
mod dynamic;
mod file;
mod function;
mod lower;
mod operators;
mod partition;
mod qoperator;
mod region;

use std::collections::BTreeSet;
use std::sync::Arc;

use tract_onnx::model::Onnx;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};
use tract_onnx::prelude::*;

use self::assemble::{Region, assemble};
pub use self::coverage::{Coverage, NodeCoverage};
use self::file::{Facts, File};
use self::partition::{Item, assign_regions, items};
use self::region::Running;
use crate::graph::{Graph, Operation};
use crate::kernels::Kernels;
use crate::plan::Plan;
use crate::threads::{Threads, ThreadsError};

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
        qoperator::rewrite(graph);
    }
    let facts = Facts::new(&onnx, &proto, &fix)?;
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
    let count = assign_regions(&mut items);
    let coverage = Coverage::new(&file, &items, count, &reasons);
    let regions = (0..count).map(|region| build(&file, &items, region).map_err(LoadError::Region));
    let regions = regions.collect::<Result<Vec<_>, _>>()?;
    let mut nodes: Vec<NodeProto> = regions.iter().enumerate().map(|(index, region)| node(index, region)).collect();
    nodes.extend(items.iter().filter(|item| item.region.is_none()).map(|item| file.graph.node[item.place].clone()));
    let facts = file.into_facts();
    graph.node = nodes;
    let used: BTreeSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
    let outputs: BTreeSet<&String> = graph.output.iter().map(|output| &output.name).collect();
    graph.initializer.retain(|weights| used.contains(&weights.name) || outputs.contains(&weights.name));
    graph.value_info.clear();
    facts.give_back(graph);
    Ok((coverage, regions))
}

/// A reader of ONNX files that knows quantizing operators and regions.
fn reader() -> Onnx {
    let mut onnx = tract_onnx::onnx();
    operators::register(&mut onnx.op_register);
    region::register(&mut onnx.op_register);
    onnx
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
    let macs = macs(&region.graph);
    Ok(Running {
        plan: Arc::new(plan),
        inputs: region.inputs,
        outputs: region.outputs,
        macs,
        threads: Arc::clone(threads),
    })
}

/// Multiply-accumulates of a region.
fn macs(graph: &Graph) -> u64 {
    let shape = |id: crate::graph::ValueId| &graph.values[id.0].shape;
    let node = |node: &crate::graph::Node| {
        let output = node.outputs.first().map_or(0, |id| shape(*id).iter().product::<usize>()) as u64;
        let depth = match &node.operation {
            Operation::Convolution(convolution) | Operation::IntegerConvolution(convolution) => {
                convolution.weights.len() / convolution.output_channels.max(1)
            }
            Operation::Product { .. } => shape(node.inputs[0]).last().copied().unwrap_or(0),
            _ => 0,
        };
        output * depth as u64
    };
    graph.nodes.iter().map(node).sum()
}
