//! What can be said of an ONNX file before tract reads it: tract trusts names and lengths, a damaged file has neither.

use std::collections::{BTreeMap, HashSet};

use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto, tensor_shape_proto::dimension, type_proto};

/// Largest number of values in an input: 1 GiB of floats.
const MAXIMUM_VALUES: i64 = 1 << 28;
/// More operators than any model has that a board runs.
const MAXIMUM_OPERATORS: usize = 1 << 17;

/// Checks what tract would trust.
///
/// # Errors
/// What is wrong, in words.
pub fn check(proto: &ModelProto) -> Result<(), String> {
    let graph = proto.graph.as_ref().ok_or("it has no graph: it isn't an ONNX model")?;
    if graph.output.is_empty() {
        return Err("its graph has no outputs".to_owned());
    }
    if graph.node.len() > MAXIMUM_OPERATORS {
        return Err(format!("its graph has {} operators; at most {MAXIMUM_OPERATORS} are read", graph.node.len()));
    }
    graph.input.iter().try_for_each(check_input)?;
    check_names(graph)
}

/// ONNX wants each operator after those that it takes from, and each name made once.
fn check_names(graph: &GraphProto) -> Result<(), String> {
    let given =
        graph.input.iter().map(|input| &input.name).chain(graph.initializer.iter().map(|weights| &weights.name));
    let mut known: HashSet<&str> = given.map(String::as_str).collect();
    for node in &graph.node {
        if let Some(missing) = node.input.iter().find(|name| !name.is_empty() && !known.contains(name.as_str())) {
            return Err(format!("an operator {} takes {missing:?}, which nothing before it makes", node.op_type));
        }
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if !known.insert(name) {
                return Err(format!("two operators make {name:?}"));
            }
        }
    }
    match graph.output.iter().find(|output| !known.contains(output.name.as_str())) {
        Some(output) => Err(format!("nothing makes its output {:?}", output.name)),
        None => Ok(()),
    }
}

fn check_input(input: &ValueInfoProto) -> Result<(), String> {
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(format!("its input {:?} has no type", input.name));
    };
    let dimensions = tensor.shape.iter().flat_map(|shape| &shape.dim);
    let lengths = dimensions.map(|dimension| match dimension.value {
        Some(dimension::Value::DimValue(length)) => length.max(1),
        _ => 1,
    });
    let values = lengths.fold(1_i64, i64::saturating_mul);
    if values > MAXIMUM_VALUES {
        return Err(format!("its input {:?} has {values} values; at most {MAXIMUM_VALUES} are read", input.name));
    }
    Ok(())
}

/// The file's operators, counted.
#[must_use]
pub fn operators(graph: &GraphProto) -> BTreeMap<String, usize> {
    let mut operators = BTreeMap::new();
    for node in &graph.node {
        *operators.entry(node.op_type.clone()).or_default() += 1;
    }
    operators
}
