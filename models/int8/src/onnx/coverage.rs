//! What runs on integers, what doesn't, and why.

use std::collections::BTreeMap;

use tract_onnx::pb::NodeProto;

use super::file::File;
use super::partition::{Item, ItemKind};

/// An operator of the file that multiplies and accumulates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCoverage {
    /// Its name in the file.
    pub name: String,
    /// Its operator, such as `Conv`.
    pub operator: String,
    /// Multiply-accumulates of one run; 0 where its shapes aren't known.
    pub macs: u64,
    /// Whether it runs on integers.
    pub on_integers: bool,
    /// Why it doesn't.
    pub reason: Option<String>,
}

/// How much of a model runs on integers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Its operators that multiply and accumulate, in the file's order.
    pub nodes: Vec<NodeCoverage>,
    /// How many regions run on integers.
    pub regions: usize,
}

impl Coverage {
    /// Multiply-accumulates of one run.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.nodes.iter().map(|node| node.macs).sum()
    }

    /// Those of them on integers.
    #[must_use]
    pub fn integer_macs(&self) -> u64 {
        self.nodes.iter().filter(|node| node.on_integers).map(|node| node.macs).sum()
    }

    /// Share of the multiply-accumulates on integers, 0 to 1; none without any.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let macs = self.macs();
        (macs > 0).then(|| self.integer_macs() as f64 / macs as f64)
    }

    /// Looks at every operator of the file.
    pub(super) fn new(file: &File<'_>, items: &[Item], regions: usize, reasons: &BTreeMap<usize, String>) -> Self {
        let in_floats = |item: &Item| item.region.is_none() || matches!(item.kind, ItemKind::Float(_));
        let left = |place: usize| items.iter().any(|item| item.place == place && in_floats(item));
        let node = |(place, node): (usize, &NodeProto)| {
            let macs = macs(file, node)?;
            let on_integers = !left(place);
            let unknown = || "its output isn't quantized".to_owned();
            let reason = (!on_integers).then(|| reasons.get(&place).cloned().unwrap_or_else(unknown));
            Some(NodeCoverage { name: node.name.clone(), operator: node.op_type.clone(), macs, on_integers, reason })
        };
        Self { nodes: file.graph.node.iter().enumerate().filter_map(node).collect(), regions }
    }
}

/// Multiply-accumulates of an operator; 0 where shapes aren't known, none for operators that have none.
fn macs(file: &File<'_>, node: &NodeProto) -> Option<u64> {
    let shape = |name: Option<&String>| name.and_then(|name| file.shape(name).ok());
    let length = |input: usize, axis: usize| Some(*shape(node.input.get(input))?.get(axis)? as u64);
    let behind_first = |input: usize| Some(product(shape(node.input.get(input))?.get(1..)?));
    let output = || shape(node.output.first()).map(|shape| product(&shape));
    let known = match node.op_type.as_str() {
        "Conv" | "ConvInteger" => output().zip(behind_first(1)),
        // Every element of its input goes into each output channel and place of the window.
        "ConvTranspose" => shape(node.input.first()).map(|shape| product(&shape)).zip(behind_first(1)),
        "MatMul" | "MatMulInteger" => {
            let depth = shape(node.input.first()).map(|shape| shape.last().map_or(1, |depth| *depth as u64));
            output().zip(depth)
        }
        "Gemm" => {
            let turned = node.get_attr_opt::<i64>("transA").ok().flatten().unwrap_or(0) != 0;
            output().zip(length(0, usize::from(!turned)))
        }
        "LSTM" | "GRU" | "RNN" => recurrent(&length),
        _ => return None,
    };
    Some(known.map_or(0, |(elements, depth)| elements.saturating_mul(depth)))
}

/// Rows of all steps and directions, and the multiply-accumulates of each: gates × (input width + state width).
fn recurrent(length: &impl Fn(usize, usize) -> Option<u64>) -> Option<(u64, u64)> {
    let rows = length(0, 0)?.saturating_mul(length(0, 1)?).saturating_mul(length(1, 0)?);
    let width = length(1, 2)?.saturating_add(length(2, 2)?);
    Some((rows, length(1, 1)?.saturating_mul(width)))
}

fn product(shape: &[usize]) -> u64 {
    shape.iter().map(|length| *length as u64).fold(1, u64::saturating_mul)
}
