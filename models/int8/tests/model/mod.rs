//! ONNX files written by hand, small enough to read.

#![allow(dead_code, reason = "no test uses all of it")]

use std::collections::BTreeMap;

use edgeval_int8::onnx::{Coverage, LoadError, Lowered, Options, load};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};
use tract_onnx::prelude::*;

/// A file in the making. Every node's outputs are named by whoever adds it.
#[derive(Clone, Default)]
pub struct File {
    graph: GraphProto,
}

impl File {
    /// A file with one input of floats.
    pub fn new(shape: &[usize]) -> Self {
        let graph = GraphProto { input: vec![described("x", DataType::Float, shape)], ..GraphProto::default() };
        Self { graph }
    }

    /// One more input of floats.
    pub fn input(mut self, name: &str, shape: &[usize]) -> Self {
        self.graph.input.push(described(name, DataType::Float, shape));
        self
    }

    pub fn floats(mut self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let constant = TensorProto { float_data: values.to_vec(), ..constant(name, DataType::Float, shape) };
        self.graph.initializer.push(constant);
        self
    }

    pub fn integers(mut self, name: &str, values: &[i64]) -> Self {
        let int64_data = values.to_vec();
        self.graph.initializer.push(TensorProto { int64_data, ..constant(name, DataType::Int64, &[values.len()]) });
        self
    }

    pub fn signed(mut self, name: &str, shape: &[usize], values: &[i8]) -> Self {
        let raw_data = values.iter().map(|value| value.cast_unsigned()).collect();
        self.graph.initializer.push(TensorProto { raw_data, ..constant(name, DataType::Int8, shape) });
        self
    }

    pub fn unsigned(mut self, name: &str, shape: &[usize], values: &[u8]) -> Self {
        self.graph
            .initializer
            .push(TensorProto { raw_data: values.to_vec(), ..constant(name, DataType::Uint8, shape) });
        self
    }

    /// Inputs and outputs are separated by spaces; `_` is an input that isn't given.
    pub fn node(self, operator: &str, inputs: &str, outputs: &str) -> Self {
        self.node_with(operator, inputs, outputs, vec![])
    }

    pub fn node_with(mut self, operator: &str, inputs: &str, outputs: &str, attribute: Vec<AttributeProto>) -> Self {
        let names = |list: &str| list.split(' ').map(|name| name.replace('_', "")).collect();
        let (input, output) = (names(inputs), names(outputs));
        let name = format!("node {}", self.graph.node.len());
        self.graph.node.push(NodeProto {
            name,
            op_type: operator.to_owned(),
            input,
            output,
            attribute,
            ..NodeProto::default()
        });
        self
    }

    /// An operator of com.microsoft.
    pub fn foreign(self, operator: &str, inputs: &str, outputs: &str) -> Self {
        let mut file = self.node(operator, inputs, outputs);
        file.graph.node.last_mut().into_iter().for_each(|node| node.domain = "com.microsoft".to_owned());
        file
    }

    /// Makes a constant of four bits of one of eight.
    pub fn narrow(mut self, name: &str) -> Self {
        let named = self.graph.initializer.iter_mut().filter(|constant| constant.name == name);
        named.for_each(|constant| constant.data_type = DataType::Int4.into());
        self
    }

    /// Quantizes a value and makes floats of it again, in the same steps as `scale zero` say.
    pub fn bordered(self, from: &str, parameters: &str, to: &str) -> Self {
        let bytes = format!("{to}bytes");
        self.node("QuantizeLinear", &format!("{from} {parameters}"), &bytes).node(
            "DequantizeLinear",
            &format!("{bytes} {parameters}"),
            to,
        )
    }

    /// The graph inside of an `If`: it takes nothing and gives `output`.
    pub fn branch(self, output: &str) -> GraphProto {
        let output = described_openly(output);
        GraphProto { input: vec![], output: vec![output], name: "branch".to_owned(), ..self.graph }
    }

    /// Loads it with `output` going out, runs it, and gives that and what ran on integers.
    pub fn run(self, output: &str, x: &Tensor) -> TractResult<(Tensor, Coverage)> {
        let lowered = self.load(output)?;
        let outputs = lowered.model.into_optimized()?.into_runnable()?.run(tvec![x.clone().into_tvalue()])?;
        Ok((outputs[0].clone().into_tensor(), lowered.coverage))
    }

    /// What would run on integers.
    pub fn coverage(self, output: &str) -> Coverage {
        self.load(output).unwrap().coverage
    }

    fn load(mut self, output: &str) -> Result<Lowered, LoadError> {
        self.graph.output.push(described_openly(output));
        let opset = OperatorSetIdProto { version: 21, ..OperatorSetIdProto::default() };
        let proto = ModelProto { graph: Some(self.graph), opset_import: vec![opset], ..ModelProto::default() };
        load(proto, &Options::default(), |_| Ok(()))
    }
}

fn constant(name: &str, kind: DataType, shape: &[usize]) -> TensorProto {
    let dims = shape.iter().map(|length| *length as i64).collect();
    TensorProto { name: name.to_owned(), dims, data_type: kind.into(), ..TensorProto::default() }
}

fn described(name: &str, kind: DataType, shape: &[usize]) -> ValueInfoProto {
    let dimension =
        |length: &usize| Dimension { value: Some(dimension::Value::DimValue(*length as i64)), ..Dimension::default() };
    let shape = TensorShapeProto { dim: shape.iter().map(dimension).collect() };
    let tensor = type_proto::Tensor { elem_type: kind.into(), shape: Some(shape) };
    let value = Some(type_proto::Value::TensorType(tensor));
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { value, ..TypeProto::default() }),
        ..Default::default()
    }
}

fn described_openly(name: &str) -> ValueInfoProto {
    ValueInfoProto { name: name.to_owned(), ..ValueInfoProto::default() }
}

pub fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Int.into(), i: value, ..AttributeProto::default() }
}

pub fn integers(name: &str, values: &[i64]) -> AttributeProto {
    let ints = values.to_vec();
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Ints.into(), ints, ..AttributeProto::default() }
}

pub fn inner(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Graph.into(),
        g: Some(graph),
        ..AttributeProto::default()
    }
}

/// Numbers from about −1 to 1 that repeat in no simple way.
pub fn wave(shape: &[usize]) -> Tensor {
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|place: usize| (place * 37 % 101) as f32 / 50.0 - 1.0).collect();
    Tensor::from_shape(shape, &values).unwrap()
}

pub fn bytes(count: usize) -> Vec<i8> {
    (0..count).map(|place| (place * 53 % 251) as u8 as i8).collect()
}

/// The floats of a tensor.
pub fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

/// Names of operators that run in float.
pub fn in_float(coverage: &Coverage) -> BTreeMap<String, String> {
    let left = coverage.nodes.iter().filter(|node| !node.on_integers);
    left.map(|node| (node.operator.clone(), node.reason.clone().unwrap_or_default())).collect()
}
