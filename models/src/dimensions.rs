//! Dimensions that an ONNX file leaves open get lengths before tract reads it: everything that runs has fixed shapes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value};
use tract_onnx::pb::{GraphProto, TensorShapeProto, ValueInfoProto, type_proto};

use crate::graph::GraphError;

/// Length of an open dimension of token ids that nobody gave one: what text encoders are usually measured with.
const ASSUMED_TOKENS: usize = 128;
/// No dimension is given a greater length.
const MAXIMUM_LENGTH: usize = 1 << 20;

/// Lengths by the file's names for its open dimensions, such as `sequence`.
pub type Dimensions = BTreeMap<String, usize>;

/// A dimension that the file leaves open, and the length that was taken because nobody said another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssumedDimension {
    /// The file's name for it, or the input's name and the dimension's place: `pixels[0]`.
    pub name: String,
    /// The length.
    pub length: usize,
}

/// What is known of open dimensions before the file is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownDimensions {
    /// By name, as a person says.
    pub named: Dimensions,
    /// Of inputs, as a manifest or another graph says; of a shape with fewer dimensions those in front are 1.
    pub shapes: BTreeMap<String, Vec<usize>>,
}

/// Gives every open dimension of an input a length: the known one, 1 for a batch, 128 for token ids.
///
/// # Errors
/// When none is known, or one is known of a dimension that isn't there.
pub(crate) fn settle(graph: &mut GraphProto, known: &KnownDimensions) -> Result<Vec<AssumedDimension>, GraphError> {
    let open = open_names(graph);
    for (name, length) in &known.named {
        if !open.contains(name) {
            return Err(GraphError::UnknownDimension { name: name.clone(), known: open.join(", ") });
        }
        if !(1..=MAXIMUM_LENGTH).contains(length) {
            return Err(GraphError::DimensionLength { name: name.clone(), length: *length, limit: MAXIMUM_LENGTH });
        }
    }
    let mut settler = Settler { lengths: known.named.clone(), assumed: Vec::new() };
    let weights: Vec<String> = graph.initializer.iter().map(|weights| weights.name.clone()).collect();
    let mut inputs: Vec<_> = graph.input.iter_mut().filter(|input| !weights.contains(&input.name)).collect();
    // What a manifest says goes first, then token ids, whose dimensions can be assumed; others share their names.
    inputs.sort_by_key(|input| (!known.shapes.contains_key(&input.name), !holds_tokens(input)));
    for input in inputs {
        settler.settle(input, known.shapes.get(&input.name))?;
    }
    for value in graph.output.iter_mut().chain(&mut graph.value_info) {
        settler.name(value);
    }
    Ok(settler.assumed)
}

struct Settler {
    lengths: Dimensions,
    assumed: Vec<AssumedDimension>,
}

impl Settler {
    fn settle(&mut self, input: &mut ValueInfoProto, shape: Option<&Vec<usize>>) -> Result<(), GraphError> {
        let (input_name, tokens) = (input.name.clone(), holds_tokens(input));
        let words = words(input);
        let open = || GraphError::OpenShape { input: input_name.clone(), shape: words.clone() };
        let dimensions = &mut shape_of(input).ok_or_else(open)?.dim;
        let shape = shape.and_then(|shape| lengthened(shape, dimensions.len()));
        for (place, dimension) in dimensions.iter_mut().enumerate() {
            let Some(name) = open_name(dimension) else { continue };
            let said = shape.as_ref().and_then(|shape| shape.get(place)).copied();
            let named = self.lengths.get(&name).copied();
            let assumed = if place == 0 { Some(1) } else { tokens.then_some(ASSUMED_TOKENS) };
            let length = named.or(said).or(assumed).ok_or_else(open)?;
            if named.or(said).is_none() {
                let name = if name.is_empty() { format!("{input_name}[{place}]") } else { name.clone() };
                self.assumed.push(AssumedDimension { name, length });
            }
            if !name.is_empty() {
                self.lengths.insert(name, length);
            }
            set(dimension, length);
        }
        Ok(())
    }

    /// What lies behind the inputs has their names for dimensions.
    fn name(&self, value: &mut ValueInfoProto) {
        for dimension in shape_of(value).into_iter().flat_map(|shape| &mut shape.dim) {
            if let Some(length) = open_name(dimension).and_then(|name| self.lengths.get(&name)) {
                set(dimension, *length);
            }
        }
    }
}

fn set(dimension: &mut Dimension, length: usize) {
    dimension.value = i64::try_from(length).ok().map(Value::DimValue);
}

/// A shape with as many dimensions as wanted, those in front of length 1; `None` if it has more.
fn lengthened(shape: &[usize], dimensions: usize) -> Option<Vec<usize>> {
    let missing = dimensions.checked_sub(shape.len())?;
    Some([vec![1; missing], shape.to_vec()].concat())
}

/// The name of a dimension without a number, which may be empty; `None` for one that has a number.
fn open_name(dimension: &Dimension) -> Option<String> {
    match &dimension.value {
        Some(Value::DimValue(length)) if *length >= 0 => None,
        Some(Value::DimParam(name)) if name != "?" => Some(name.clone()),
        _ => Some(String::new()),
    }
}

/// Names of the inputs' open dimensions, each once.
fn open_names(graph: &GraphProto) -> Vec<String> {
    let shapes = graph.input.iter().filter_map(tensor_of).filter_map(|tensor| tensor.shape.as_ref());
    let names: BTreeSet<String> =
        shapes.flat_map(|shape| &shape.dim).filter_map(open_name).filter(|name| !name.is_empty()).collect();
    names.into_iter().collect()
}

fn tensor_of(value: &ValueInfoProto) -> Option<&type_proto::Tensor> {
    let type_proto::Value::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    Some(tensor)
}

fn shape_of(value: &mut ValueInfoProto) -> Option<&mut TensorShapeProto> {
    let type_proto::Value::TensorType(tensor) = value.r#type.as_mut()?.value.as_mut()?;
    tensor.shape.as_mut()
}

/// Whether an input has the type of token ids.
fn holds_tokens(input: &ValueInfoProto) -> bool {
    let token_types = [DataType::Int64 as i32, DataType::Int32 as i32];
    tensor_of(input).is_some_and(|tensor| token_types.contains(&tensor.elem_type))
}

/// A shape in words: `[batch, 3, height, ?]`.
fn words(input: &ValueInfoProto) -> String {
    let Some(shape) = tensor_of(input).and_then(|tensor| tensor.shape.as_ref()) else { return "no shape".to_owned() };
    let word = |dimension: &Dimension| match (open_name(dimension), &dimension.value) {
        (None, Some(Value::DimValue(length))) => length.to_string(),
        (Some(name), _) if !name.is_empty() => name,
        _ => "?".to_owned(),
    };
    format!("[{}]", shape.dim.iter().map(word).collect::<Vec<_>>().join(", "))
}
