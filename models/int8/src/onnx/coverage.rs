//! What runs on integers, what doesn't, and why.

use std::collections::BTreeMap;

use super::file::File;
use super::partition::Item;

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
        let left = |place: usize| items.iter().any(|item| item.place == place && item.region.is_none());
        let node = |(place, node): (usize, &tract_onnx::pb::NodeProto)| {
            let macs = macs(file, node)?;
            let on_integers = !left(place);
            let unknown = || "its output isn't quantized".to_owned();
            let reason = (!on_integers).then(|| reasons.get(&place).cloned().unwrap_or_else(unknown));
            Some(NodeCoverage { name: node.name.clone(), operator: node.op_type.clone(), macs, on_integers, reason })
        };
        Self { nodes: file.graph.node.iter().enumerate().filter_map(node).collect(), regions }
    }
}

/// Multiply-accumulates of an operator; none for those that have none.
fn macs(file: &File<'_>, node: &tract_onnx::pb::NodeProto) -> Option<u64> {
    let product = |shape: &[usize]| shape.iter().map(|length| *length as u64).product::<u64>();
    let shape = |name: Option<&String>| name.and_then(|name| file.shape(name).ok()).unwrap_or_default();
    let output = product(&shape(node.output.first()));
    let depth = match node.op_type.as_str() {
        "Conv" | "ConvInteger" => product(shape(node.input.get(1)).get(1..).unwrap_or(&[])),
        "MatMul" | "MatMulInteger" => shape(node.input.first()).last().map_or(0, |depth| *depth as u64),
        "Gemm" => {
            let turned = node.get_attr_opt::<i64>("transA").ok().flatten().unwrap_or(0) != 0;
            shape(node.input.first()).get(usize::from(!turned)).map_or(0, |depth| *depth as u64)
        }
        _ => return None,
    };
    let known = node.output.first().is_some_and(|name| file.shape(name).is_ok());
    Some(if known { output.saturating_mul(depth) } else { 0 })
}
