//! Quantizing and dequantizing nodes moved past operators that only move elements, or keep their order.
//!
//! Some tools quantize what a convolution takes, and leave a `Transpose`, a `Flatten` or a `MaxPool` on the float side of
//! it. What was quantized stays exactly so behind such an operator, and what will be quantized may be so before it: a
//! pair of `QuantizeLinear` and `DequantizeLinear` there changes no value, and lets both neighbours run on integers.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto};

use super::nested;

/// Operators of one tensor whose result, element by element, is an element of it (or zero).
const MOVING: [&str; 13] = [
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Split",
    "Gather",
    "Resize",
    "DepthToSpace",
    "Identity",
    "MaxPool",
    "Relu",
];

/// Longest chain of operators that a pair is moved past.
const LONGEST_CHAIN: usize = 16;

/// Adds pairs of quantizing and dequantizing nodes. A graph without any stays as it is.
pub fn propagate(graph: &mut GraphProto) {
    if graph.node.iter().any(is_border) {
        forwards(graph);
        (0..LONGEST_CHAIN).any(|_| !backwards(graph));
    }
}

fn is_border(node: &NodeProto) -> bool {
    ["QuantizeLinear", "DequantizeLinear"].contains(&node.op_type.as_str())
}

/// Whether a node moves elements, and nothing else than its outputs comes of that.
fn moves(node: &NodeProto) -> bool {
    let text =
        |name: &str| node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.s[..]);
    let named = MOVING.contains(&node.op_type.as_str());
    let interpolates = node.op_type == "Resize" && text("mode").is_some_and(|mode| mode != b"nearest");
    let tells_places = node.op_type == "MaxPool" && node.output.len() > 1;
    named && !interpolates && !tells_places
}

/// Who makes and reads values.
struct Uses {
    makers: HashMap<String, usize>,
    /// A node stands as often as it reads.
    readers: HashMap<String, Vec<usize>>,
    outputs: HashSet<String>,
    /// Constants of one element.
    scalars: HashSet<String>,
    constants: HashSet<String>,
}

impl Uses {
    fn new(graph: &GraphProto) -> Self {
        let (mut makers, mut readers) = (HashMap::new(), HashMap::<String, Vec<usize>>::new());
        for (place, node) in graph.node.iter().enumerate() {
            makers.extend(node.output.iter().map(|name| (name.clone(), place)));
            nested::reads(node).into_iter().for_each(|name| readers.entry(name.clone()).or_default().push(place));
        }
        let nodes = graph.node.iter().filter(|node| node.op_type == "Constant");
        let nodes = nodes.filter_map(|node| Some((node.output.first()?, node.attribute.first()?.t.as_ref()?)));
        let given = graph.initializer.iter().map(|weights| (&weights.name, weights)).chain(nodes);
        let one = |dims: &[i64]| dims.iter().product::<i64>() == 1;
        let scalars = given.clone().filter(|(_, weights)| one(&weights.dims)).map(|(name, _)| name.clone()).collect();
        let constants = given.map(|(name, _)| name.clone()).collect();
        let outputs = graph.output.iter().map(|output| output.name.clone()).collect();
        Self { makers, readers, outputs, scalars, constants }
    }

    fn maker<'a>(&self, graph: &'a GraphProto, name: &str) -> Option<&'a NodeProto> {
        self.makers.get(name).map(|place| &graph.node[*place])
    }

    /// Scale and zero point of a border node, when there is one of each.
    fn parameters(&self, node: &NodeProto) -> Option<Vec<String>> {
        let parameters: Vec<String> = node.input.get(1..)?.iter().filter(|name| !name.is_empty()).cloned().collect();
        let plain = node.attribute.iter().all(|attribute| attribute.name == "axis");
        (plain && !parameters.is_empty() && parameters.iter().all(|name| self.scalars.contains(name)))
            .then_some(parameters)
    }
}

/// Behind operators that take dequantized tensors: what they make is quantized alike.
fn forwards(graph: &mut GraphProto) {
    let uses = Uses::new(graph);
    let quantizes: Vec<bool> = graph.node.iter().map(|node| node.op_type == "QuantizeLinear").collect();
    let mut quantized: HashMap<String, Vec<String>> = HashMap::new();
    let mut nodes = Vec::with_capacity(graph.node.len());
    let mut tables: HashMap<String, NodeProto> = HashMap::new();
    for mut node in std::mem::take(&mut graph.node) {
        if node.op_type == "DequantizeLinear"
            && let Some((name, parameters)) = node.output.first().cloned().zip(uses.parameters(&node))
        {
            if uses.constants.contains(&node.input[0]) {
                tables.insert(name, node.clone());
            } else {
                quantized.insert(name, parameters);
            }
        }
        if let Some(table) = node.input.first().filter(|_| node.op_type == "Gather").and_then(|name| tables.get(name)) {
            nodes.extend(looked_up(node, table));
            continue;
        }
        let parameters = node.input.first().and_then(|name| quantized.get(name)).cloned().filter(|_| moves(&node));
        let mut pairs = Vec::new();
        for name in node.output.iter_mut().filter(|name| !name.is_empty()) {
            let readers = uses.readers.get(name).map(Vec::as_slice).unwrap_or_default();
            let wanted = !readers.is_empty() && readers.iter().all(|place| !quantizes[*place]);
            let Some(parameters) = parameters.as_ref().filter(|_| wanted) else { continue };
            let moved = format!("int8 floats of {name}");
            pairs.extend(pair(&moved, name, parameters));
            quantized.insert(std::mem::replace(name, moved), parameters.clone());
        }
        nodes.push(node);
        nodes.extend(pairs);
    }
    graph.node = nodes;
}

/// Rows of a constant table of bytes, dequantized: not the table as a whole, of which few rows are wanted.
fn looked_up(mut gather: NodeProto, table: &NodeProto) -> [NodeProto; 2] {
    let name = std::mem::take(&mut gather.output[0]);
    let bytes = format!("int8 bytes of {name}");
    gather.input[0].clone_from(&table.input[0]);
    gather.output[0].clone_from(&bytes);
    let mut dequantize = NodeProto { name: format!("{name} by DequantizeLinear"), output: vec![name], ..table.clone() };
    dequantize.input[0] = bytes;
    [gather, dequantize]
}

/// Before operators whose output alone is quantized: their inputs are quantized alike. Whether there were any.
fn backwards(graph: &mut GraphProto) -> bool {
    let uses = Uses::new(graph);
    let mut before: HashMap<usize, Vec<String>> = HashMap::new();
    for quantize in graph.node.iter().filter(|node| node.op_type == "QuantizeLinear") {
        let Some(value) = quantize.input.first().filter(|value| !uses.outputs.contains(*value)) else { continue };
        let alone = uses.readers.get(value).is_some_and(|readers| readers.len() == 1);
        let mover = uses.makers.get(value).filter(|place| alone && carries(graph, &uses, &graph.node[**place]));
        before.extend(mover.copied().zip(uses.parameters(quantize)));
    }
    let found = !before.is_empty();
    let mut nodes = Vec::with_capacity(graph.node.len() + 2 * before.len());
    for (place, mut node) in std::mem::take(&mut graph.node).into_iter().enumerate() {
        if let Some(parameters) = before.get(&place) {
            let operands = if node.op_type == "Concat" { node.input.len() } else { 1 };
            for (operand, name) in node.input.iter_mut().take(operands).enumerate() {
                let reals = format!("int8 reals of {name} for {} {operand}", node.output[0]);
                nodes.extend(pair(name, &reals, parameters));
                *name = reals;
            }
        }
        nodes.push(node);
    }
    graph.node = nodes;
    found
}

/// Whether a quantizing node may be moved before a node, and it is worth it: what it takes isn't quantized yet.
fn carries(graph: &GraphProto, uses: &Uses, node: &NodeProto) -> bool {
    let maker = |name: &String| uses.maker(graph, name);
    let is_quantized = |name: &String| maker(name).is_some_and(|maker| maker.op_type == "DequantizeLinear");
    let known = |name: &String| is_quantized(name) || uses.constants.contains(name);
    match node.op_type.as_str() {
        "Concat" => !node.input.iter().all(known),
        // An activation behind sums narrows them where they are made.
        "Relu" => node.input.first().and_then(maker).is_some_and(|maker| moves(maker) || maker.op_type == "Concat"),
        _ => moves(node) && node.output.len() == 1 && node.input.first().is_some_and(|name| !known(name)),
    }
}

/// Nodes that quantize `from` and make floats of it again, called `to`.
fn pair(from: &str, to: &str, parameters: &[String]) -> [NodeProto; 2] {
    let bytes = format!("int8 bytes of {to}");
    let node = |operator: &str, from: &str, to: &str| NodeProto {
        name: format!("{to} by {operator}"),
        op_type: operator.to_owned(),
        input: std::iter::once(from.to_owned()).chain(parameters.iter().cloned()).collect(),
        output: vec![to.to_owned()],
        ..NodeProto::default()
    };
    [node("QuantizeLinear", from, &bytes), node("DequantizeLinear", &bytes, to)]
}
