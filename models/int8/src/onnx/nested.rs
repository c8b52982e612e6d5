//! What a node reads: its inputs, and what the graphs inside of it (`If`, `Loop`, `Scan`) take from around them.

use tract_onnx::pb::{GraphProto, NodeProto};

/// The names that a node reads. Names that a graph inside makes itself are among them: nothing outside has those.
pub fn reads(node: &NodeProto) -> Vec<&String> {
    let graphs = node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
    let inputs = node.input.iter().filter(|name| !name.is_empty());
    inputs.chain(graphs.flat_map(reads_of_graph)).collect()
}

fn reads_of_graph(graph: &GraphProto) -> Vec<&String> {
    graph.node.iter().flat_map(reads).chain(graph.output.iter().map(|output| &output.name)).collect()
}
