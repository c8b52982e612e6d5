//! Operators that ONNX Runtime's optimizer makes of several (domain com.microsoft), taken apart again: what it saves, and
//! what `quantize_dynamic` writes for an LSTM, can then be read.

use std::collections::HashMap;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// Takes fused operators apart. A graph without any stays as it is.
pub fn rewrite(graph: &mut GraphProto) {
    if graph.node.iter().all(|node| !FUSED.contains(&node.op_type.as_str())) {
        return;
    }
    let ranks = ranks(graph);
    let mut parts = Parts { nodes: Vec::with_capacity(2 * graph.node.len()), constants: Vec::new() };
    for node in std::mem::take(&mut graph.node) {
        let before = parts.nodes.len();
        if parts.take_apart(&node, &ranks, &graph.initializer).is_none() {
            parts.nodes.truncate(before);
            parts.nodes.push(node);
        }
    }
    graph.node = parts.nodes;
    graph.initializer.extend(parts.constants);
}

const FUSED: [&str; 10] = [
    "DynamicQuantizeMatMul",
    "MatMulIntegerToFloat",
    "FusedMatMul",
    "Gelu",
    "BiasGelu",
    "FastGelu",
    "QuickGelu",
    "SkipLayerNormalization",
    "DynamicQuantizeLSTM",
    "NhwcMaxPool",
];

/// How many axes values have, as far as the file says.
fn ranks(graph: &GraphProto) -> HashMap<String, usize> {
    use tract_onnx::pb::type_proto::Value;
    let described = graph.value_info.iter().chain(&graph.input).filter_map(|info| {
        let Some(Value::TensorType(tensor)) = info.r#type.as_ref()?.value.as_ref() else { return None };
        Some((info.name.clone(), tensor.shape.as_ref()?.dim.len()))
    });
    let constants = graph.initializer.iter().map(|weights| (weights.name.clone(), weights.dims.len()));
    described.chain(constants).collect()
}

/// What a graph is taken apart into.
struct Parts {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Parts {
    /// Adds what stands for a node; none where it can't be taken apart.
    fn take_apart(&mut self, node: &NodeProto, ranks: &HashMap<String, usize>, weights: &[TensorProto]) -> Option<()> {
        let first = input(node, 0)?;
        let result = match node.op_type.as_str() {
            "DynamicQuantizeMatMul" => self.dynamic_product(node)?,
            "MatMulIntegerToFloat" => {
                let sums = [first, input(node, 1)?, input(node, 4).unwrap_or(""), input(node, 5).unwrap_or("")];
                self.scaled_product(sums, [input(node, 2)?, input(node, 3)?], input(node, 6))
            }
            "FusedMatMul" => self.product(node, ranks)?,
            // ONNX's own has an attribute, which says how.
            "Gelu" if node.attribute.is_empty() => self.gelu(first),
            "BiasGelu" => {
                let sum = self.add("Add", &[first, input(node, 1)?]);
                self.gelu(&sum)
            }
            "FastGelu" => self.fast_gelu(first, input(node, 1)),
            "QuickGelu" => {
                let factor = self.number(attribute(node, "alpha").map_or(1.702, |alpha| alpha.f));
                let inner = self.add("Mul", &[first, &factor]);
                let gate = self.add("Sigmoid", &[&inner]);
                self.add("Mul", &[first, &gate])
            }
            "SkipLayerNormalization" => self.skip_normalization(node)?,
            "DynamicQuantizeLSTM" => return self.recurrent(node, weights),
            "NhwcMaxPool" => self.pool(node)?,
            _ => return None,
        };
        self.call(&result, node.output.first()?)
    }

    /// Adds an operator with one output, and tells its name.
    fn add(&mut self, operator: &str, inputs: &[&str]) -> String {
        let name = format!("int8 part {} {operator}", self.nodes.len());
        self.nodes.push(NodeProto {
            name: name.clone(),
            op_type: operator.to_owned(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![name.clone()],
            ..NodeProto::default()
        });
        name
    }

    fn add_with(&mut self, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let name = self.add(operator, inputs);
        self.nodes.last_mut().into_iter().for_each(|node| node.attribute.clone_from(&attributes));
        name
    }

    /// Gives a result the name that the file has for it.
    fn call(&mut self, result: &str, name: &str) -> Option<()> {
        let maker = self.nodes.iter_mut().rev().find(|node| node.output.first().is_some_and(|made| made == result))?;
        maker.output[0] = name.to_owned();
        for node in self.nodes.iter_mut().rev().take(16) {
            node.input.iter_mut().filter(|input| *input == result).for_each(|input| name.clone_into(input));
        }
        Some(())
    }

    fn number(&mut self, value: f32) -> String {
        self.constant(vec![], vec![value])
    }

    fn constant(&mut self, dims: Vec<i64>, values: Vec<f32>) -> String {
        let name = format!("int8 constant {}", self.constants.len());
        self.constants.push(TensorProto {
            name: name.clone(),
            dims,
            data_type: DataType::Float.into(),
            float_data: values,
            ..TensorProto::default()
        });
        name
    }

    fn dynamic_product(&mut self, node: &NodeProto) -> Option<String> {
        let bytes = self.add("DynamicQuantizeLinear", &[input(node, 0)?]);
        let [scale, zero_point] = ["scale", "zero point"].map(|what| format!("{bytes} {what}"));
        self.nodes.last_mut()?.output.extend([scale.clone(), zero_point.clone()]);
        let sums = [&bytes[..], input(node, 1)?, &zero_point, input(node, 3).unwrap_or("")];
        Some(self.scaled_product(sums, [&scale, input(node, 2)?], input(node, 4)))
    }

    /// Sums of products of bytes, in floats.
    fn scaled_product(&mut self, operands: [&str; 4], scales: [&str; 2], bias: Option<&str>) -> String {
        let given = operands.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let sums = self.add("MatMulInteger", &operands[..given]);
        let floats = self.add_with("Cast", &[&sums], vec![integer("to", i64::from(i32::from(DataType::Float)))]);
        let scale = self.add("Mul", &scales);
        let product = self.add("Mul", &[&floats, &scale]);
        bias.map_or(product.clone(), |bias| self.add("Add", &[&product, bias]))
    }

    /// `MatMul` with a factor, and with sides that are taken transposed.
    fn product(&mut self, node: &NodeProto, ranks: &HashMap<String, usize>) -> Option<String> {
        let is_set = |name: &str| attribute(node, name).is_some_and(|attribute| attribute.i != 0);
        if is_set("transBatchA") || is_set("transBatchB") {
            return None;
        }
        let mut sides = [input(node, 0)?.to_owned(), input(node, 1)?.to_owned()];
        for (side, name) in sides.iter_mut().zip(["transA", "transB"]) {
            if is_set(name) {
                let rank = ranks.get(side.as_str()).copied().filter(|rank| *rank >= 2)? as i64;
                let order = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
                *side = self.add_with("Transpose", &[side], vec![integers("perm", order)]);
            }
        }
        let product = self.add("MatMul", &[&sides[0], &sides[1]]);
        let factor = attribute(node, "alpha").map_or(1.0, |alpha| alpha.f);
        if factor == 1.0 {
            return Some(product);
        }
        let factor = self.number(factor);
        Some(self.add("Mul", &[&product, &factor]))
    }

    /// `x / 2 × (1 + erf(x / √2))`.
    fn gelu(&mut self, x: &str) -> String {
        let [root, one, half] = [std::f32::consts::FRAC_1_SQRT_2, 1.0, 0.5].map(|value| self.number(value));
        let scaled = self.add("Mul", &[x, &root]);
        let erf = self.add("Erf", &[&scaled]);
        let gate = self.add("Add", &[&erf, &one]);
        let product = self.add("Mul", &[x, &gate]);
        self.add("Mul", &[&product, &half])
    }

    /// `x / 2 × (1 + tanh(√(2 / π) × (x + 0.044715 x³)))`, with a bias added to x first.
    fn fast_gelu(&mut self, x: &str, bias: Option<&str>) -> String {
        let x = bias.map_or(x.to_owned(), |bias| self.add("Add", &[x, bias]));
        let root = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
        let [cubic, linear, one, half] = [0.044_715 * root, root, 1.0, 0.5].map(|value| self.number(value));
        let square = self.add("Mul", &[&x, &x]);
        let scaled = self.add("Mul", &[&square, &cubic]);
        let factor = self.add("Add", &[&scaled, &linear]);
        let inner = self.add("Mul", &[&x, &factor]);
        let tanh = self.add("Tanh", &[&inner]);
        let gate = self.add("Add", &[&tanh, &one]);
        let product = self.add("Mul", &[&x, &gate]);
        self.add("Mul", &[&product, &half])
    }

    /// Layer normalization of a sum, which may be wanted itself.
    fn skip_normalization(&mut self, node: &NodeProto) -> Option<String> {
        if node.output.iter().skip(1).take(2).any(|name| !name.is_empty()) {
            return None;
        }
        let mut sum = self.add("Add", &[input(node, 0)?, input(node, 1)?]);
        if let Some(bias) = input(node, 4) {
            sum = self.add("Add", &[&sum, bias]);
        }
        let epsilon = attribute(node, "epsilon").cloned().into_iter();
        let attributes = epsilon.chain([integer("axis", -1)]).collect();
        let inputs: Vec<&str> = [Some(sum.as_str()), input(node, 2), input(node, 3)].into_iter().flatten().collect();
        let normal = self.add_with("LayerNormalization", &inputs, attributes);
        if let Some(name) = node.output.get(3).filter(|name| !name.is_empty()) {
            self.call(&sum, name)?;
        }
        Some(normal)
    }

    /// `MaxPool` of pictures whose channels lie at the end.
    fn pool(&mut self, node: &NodeProto) -> Option<String> {
        let axes = attribute(node, "kernel_shape")?.ints.len() as i64;
        let first = std::iter::once(0).chain(std::iter::once(axes + 1)).chain(1..=axes).collect();
        let last = std::iter::once(0).chain(2..axes + 2).chain(std::iter::once(1)).collect();
        let channels_first = self.add_with("Transpose", &[input(node, 0)?], vec![integers("perm", first)]);
        let pooled = self.add_with("MaxPool", &[&channels_first], node.attribute.clone());
        Some(self.add_with("Transpose", &[&pooled], vec![integers("perm", last)]))
    }

    /// `LSTM` of the weights that the bytes mean. (What flows stays float: closer to the model before it was quantized.)
    fn recurrent(&mut self, node: &NodeProto, weights: &[TensorProto]) -> Option<()> {
        let mut inputs: Vec<String> = node.input.iter().take(8).cloned().collect();
        for (place, parameters) in [(1, [8, 9]), (2, [10, 11])] {
            let named = |place: usize| input(node, place).and_then(|name| weights.iter().find(|one| one.name == name));
            let scale = floats(named(parameters[0])?)?;
            let zero_point = named(parameters[1]).map_or(Some(vec![0.0]), floats)?;
            let bytes = named(place)?;
            let (dims, values) = turned(bytes, &floats(bytes)?, &scale, &zero_point)?;
            inputs[place] = self.constant(dims, values);
        }
        self.nodes.push(NodeProto { op_type: "LSTM".to_owned(), input: inputs, domain: String::new(), ..node.clone() });
        Some(())
    }
}

/// Weights (directions, depth, rows) by scales of directions, or of their rows, as floats (directions, rows, depth).
fn turned(bytes: &TensorProto, values: &[f32], scales: &[f32], zero_points: &[f32]) -> Option<(Vec<i64>, Vec<f32>)> {
    let [directions, depth, rows] = bytes.dims[..] else { return None };
    let [count, depth_length, rows_length] = [directions, depth, rows].map(|length| usize::try_from(length).ok());
    let [count, depth_length, rows_length] = [count?, depth_length?, rows_length?];
    let of = |list: &[f32], direction: usize, row: usize| match list.len() {
        1 => list.first().copied(),
        length if length == count => list.get(direction).copied(),
        _ => list.get(direction * rows_length + row).copied(),
    };
    let mut result = Vec::with_capacity(values.len());
    for direction in 0..count {
        for row in 0..rows_length {
            let (scale, zero_point) = (of(scales, direction, row)?, of(zero_points, direction, row)?);
            for at in 0..depth_length {
                let value = values.get((direction * depth_length + at) * rows_length + row)?;
                result.push((value - zero_point) * scale);
            }
        }
    }
    Some((vec![directions, rows, depth], result))
}

/// A constant's numbers: floats or bytes.
fn floats(constant: &TensorProto) -> Option<Vec<f32>> {
    let raw = &constant.raw_data;
    let words = || raw.chunks_exact(4).filter_map(|word| Some(f32::from_le_bytes(word.try_into().ok()?)));
    let small = || constant.int32_data.iter().map(|value| *value as f32);
    Some(match DataType::try_from(constant.data_type).ok()? {
        DataType::Float if raw.is_empty() => constant.float_data.clone(),
        DataType::Float => words().collect(),
        DataType::Int8 if !raw.is_empty() => raw.iter().map(|byte| f32::from(byte.cast_signed())).collect(),
        DataType::Uint8 if !raw.is_empty() => raw.iter().map(|byte| f32::from(*byte)).collect(),
        DataType::Int8 | DataType::Uint8 => small().collect(),
        _ => return None,
    })
}

fn input(node: &NodeProto, place: usize) -> Option<&str> {
    node.input.get(place).map(String::as_str).filter(|name| !name.is_empty())
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Int.into(), i: value, ..AttributeProto::default() }
}

fn integers(name: &str, values: Vec<i64>) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints.into(),
        ints: values,
        ..AttributeProto::default()
    }
}
