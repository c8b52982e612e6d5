//! Operators on bytes (`QLinearConv` and its like, ONNX's own and com.microsoft's) written as what they mean: the float
//! operator of the same name between dequantizing and quantizing nodes. So there is one form to be lowered, and what
//! can't be lowered is at least computed.

use std::collections::{BTreeSet, HashMap};

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// Attributes that only the operators on bytes have.
const OWN_ATTRIBUTES: [&str; 2] = ["channels_last", "opset"];

/// Operators that only move bytes or choose among them: they may stand between operators on bytes as they are.
const CARRYING: [&str; 11] = [
    "MaxPool",
    "Reshape",
    "Flatten",
    "Transpose",
    "Split",
    "Slice",
    "Squeeze",
    "Unsqueeze",
    "Gather",
    "Resize",
    "Identity",
];

/// Where an operator has its operands; numbers are places among its inputs.
struct Form {
    float_operator: String,
    /// Tensor, scale, zero point.
    operands: Vec<[usize; 3]>,
    /// The axis of the second operand's channels.
    weight_axis: i64,
    /// A bias of 32-bit integers, in steps of both operands' scales.
    bias: Option<usize>,
    /// The output's scale and zero point.
    output: [usize; 2],
    /// Axes between batch and channels, when channels lie at the end.
    spatial: Option<i64>,
}

/// Rewrites a graph's operators on bytes. A graph without any stays as it is.
pub fn rewrite(graph: &mut GraphProto) {
    if graph.node.iter().all(|node| form(node).is_none()) {
        return;
    }
    let mut rewriting = Rewriting::new(graph);
    for node in std::mem::take(&mut graph.node) {
        rewriting.add(node);
    }
    graph.node = rewriting.nodes;
    graph.initializer.extend(rewriting.scales);
}

fn form(node: &NodeProto) -> Option<Form> {
    let (float_operator, operands, bias, output) = match node.op_type.as_str() {
        "QGemm" => ("Gemm", vec![[0, 1, 2], [3, 4, 5]], Some(6), [7, 8]),
        "QLinearConv" => ("Conv", vec![[0, 1, 2], [3, 4, 5]], Some(8), [6, 7]),
        "QLinearConcat" => {
            let operands = (2..node.input.len().saturating_sub(2)).step_by(3);
            ("Concat", operands.map(|at| [at, at + 1, at + 2]).collect(), None, [0, 1])
        }
        "QLinearMatMul" | "QLinearAdd" | "QLinearMul" => {
            (&node.op_type["QLinear".len()..], vec![[0, 1, 2], [3, 4, 5]], None, [6, 7])
        }
        "QLinearSigmoid"
        | "QLinearLeakyRelu"
        | "QLinearAveragePool"
        | "QLinearGlobalAveragePool"
        | "QLinearSoftmax"
        | "QLinearReduceMean" => (&node.op_type["QLinear".len()..], vec![[0, 1, 2]], None, [3, 4]),
        _ => return None,
    };
    let channels_last = integer(node, "channels_last") == Some(1);
    let spatial = channels_last.then(|| spatial_axes(node));
    let weight_axis = match float_operator {
        "Conv" => 0,
        "Gemm" if integer(node, "transB") == Some(1) => 0,
        _ => -1,
    };
    Some(Form { float_operator: float_operator.to_owned(), operands, weight_axis, bias, output, spatial })
}

/// How many axes a window moves along: two where nothing tells.
fn spatial_axes(node: &NodeProto) -> i64 {
    let window = node.attribute.iter().find(|attribute| ["kernel_shape", "strides"].contains(&attribute.name.as_str()));
    window.map_or(2, |window| window.ints.len() as i64)
}

fn integer(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.i)
}

/// A graph in the making.
struct Rewriting {
    nodes: Vec<NodeProto>,
    /// Constants of type float, by name.
    floats: HashMap<String, Vec<f32>>,
    /// Scale and zero point of tensors of bytes, by the tensor's name.
    parameters: HashMap<String, [String; 2]>,
    /// Dequantized tensors that there are.
    dequantized: BTreeSet<String>,
    /// New constants: scales of biases.
    scales: Vec<TensorProto>,
}

impl Rewriting {
    fn new(graph: &GraphProto) -> Self {
        let floats = graph.initializer.iter().filter_map(|constant| Some((constant.name.clone(), floats(constant)?)));
        Self {
            nodes: Vec::with_capacity(2 * graph.node.len()),
            floats: floats.collect(),
            parameters: HashMap::new(),
            dequantized: BTreeSet::new(),
            scales: Vec::new(),
        }
    }

    /// Adds what stands for a node.
    fn add(&mut self, node: NodeProto) {
        let parameters = |at: [usize; 2]| at.map(|place| node.input.get(place).cloned().unwrap_or_default());
        if let Some(form) = form(&node) {
            let output = parameters(form.output);
            if let Some(mut inputs) = self.inputs(&node, &form) {
                if let Some(spatial) = form.spatial {
                    let first = [0, spatial + 1].into_iter().chain(1..=spatial).collect();
                    inputs[0] = self.transposed(&inputs[0], &node.name, first);
                }
                self.between(&node, &form.float_operator, inputs, &output);
                if let Some(spatial) = form.spatial {
                    self.turn_output(std::iter::once(0).chain(2..spatial + 2).chain([1]).collect());
                }
                return;
            }
        } else if node.op_type == "QuantizeLinear" {
            self.parameters.extend(node.output.iter().map(|name| (name.clone(), parameters([1, 2]))));
        } else if CARRYING.contains(&node.op_type.as_str()) {
            let known = node.input.first().and_then(|name| Some((name.clone(), self.parameters.get(name)?.clone())));
            if let Some((name, own)) = known {
                let mut inputs = node.input.clone();
                inputs[0] = self.real(&name, &own, None);
                return self.between(&node, &node.op_type, inputs, &own);
            }
        }
        self.nodes.push(node);
    }

    /// The float operands of an operator; none when the scale of its bias can't be told.
    fn inputs(&mut self, node: &NodeProto, form: &Form) -> Option<Vec<String>> {
        let name = |place: usize| node.input.get(place).cloned().unwrap_or_default();
        let bias = form.bias.map(name).filter(|bias| !bias.is_empty());
        let scale = bias.as_ref().map(|_| self.bias_scale(node)).map_or(Some(None), |scale| scale.map(Some))?;
        let mut inputs = Vec::with_capacity(3);
        for (place, [tensor, scale, zero_point]) in form.operands.iter().enumerate() {
            let axis = (place == 1).then_some(form.weight_axis);
            inputs.push(self.real(&name(*tensor), &[name(*scale), name(*zero_point)], axis));
        }
        if let Some((bias, scale)) = bias.zip(scale) {
            inputs.push(self.real(&bias, &[scale, String::new()], Some(-1)));
        }
        Some(inputs)
    }

    /// A new constant: the product of the operands' scales, by channel.
    fn bias_scale(&mut self, node: &NodeProto) -> Option<String> {
        let scales = [1, 4].map(|place| self.floats.get(node.input.get(place)?));
        let [Some([first]), Some(second)] = scales.map(|scales| scales.map(Vec::as_slice)) else { return None };
        let alpha = node.attribute.iter().find(|attribute| attribute.name == "alpha").map_or(1.0, |alpha| alpha.f);
        let values: Vec<f32> = second.iter().map(|scale| alpha * first * scale).collect();
        let name = format!("int8 scale of the bias of {}", node.output.first()?);
        self.floats.insert(name.clone(), values.clone());
        self.scales.push(TensorProto {
            name: name.clone(),
            dims: if values.len() == 1 { vec![] } else { vec![values.len() as i64] },
            data_type: DataType::Float.into(),
            float_data: values,
            ..TensorProto::default()
        });
        Some(name)
    }

    /// The float tensor that bytes mean; its node is made where it is first wanted.
    fn real(&mut self, bytes: &str, [scale, zero_point]: &[String; 2], axis: Option<i64>) -> String {
        let name = format!("int8 reals of {bytes} by {scale}");
        let axis = axis.filter(|_| self.floats.get(scale).is_some_and(|scales| scales.len() > 1));
        if self.dequantized.insert(name.clone()) {
            let inputs = [bytes, scale, zero_point].into_iter().filter(|input| !input.is_empty());
            self.nodes.push(NodeProto {
                name: name.clone(),
                op_type: "DequantizeLinear".to_owned(),
                input: inputs.map(str::to_owned).collect(),
                output: vec![name.clone()],
                attribute: axis.map(|axis| attribute("axis", axis)).into_iter().collect(),
                ..NodeProto::default()
            });
        }
        name
    }

    /// A float tensor with its axes in another order.
    fn transposed(&mut self, from: &str, name: &str, order: Vec<i64>) -> String {
        let to = format!("int8 turned {from} for {name} {}", self.nodes.len());
        self.nodes.push(transpose(from, &to, order));
        to
    }

    /// Turns the axes of what the operator before the last node, which quantizes it, makes.
    fn turn_output(&mut self, order: Vec<i64>) {
        let Some(quantize) = self.nodes.pop() else { return };
        let turned = quantize.input[0].clone();
        let made = format!("{turned} before it is turned");
        self.nodes.last_mut().into_iter().for_each(|node| node.output = vec![made.clone()]);
        self.nodes.extend([transpose(&made, &turned, order), quantize]);
    }

    /// An operator on floats in the place of `node`, and what quantizes its outputs. (`QGemm` may give floats.)
    fn between(&mut self, node: &NodeProto, operator: &str, inputs: Vec<String>, parameters: &[String; 2]) {
        let quantizes = !parameters[0].is_empty();
        let real = |name: &String| if quantizes { format!("int8 reals that become {name}") } else { name.clone() };
        let attributes = node.attribute.iter().filter(|attribute| !OWN_ATTRIBUTES.contains(&attribute.name.as_str()));
        self.nodes.push(NodeProto {
            name: node.name.clone(),
            op_type: operator.to_owned(),
            input: inputs,
            output: node.output.iter().map(real).collect(),
            attribute: attributes.cloned().collect(),
            ..NodeProto::default()
        });
        for output in node.output.iter().filter(|_| quantizes) {
            let [scale, zero_point] = parameters;
            let inputs = [&real(output), scale, zero_point].map(Clone::clone);
            self.nodes.push(NodeProto {
                name: format!("{output} is quantized"),
                op_type: "QuantizeLinear".to_owned(),
                input: inputs.into_iter().filter(|input| !input.is_empty()).collect(),
                output: vec![output.clone()],
                ..NodeProto::default()
            });
            self.parameters.insert(output.clone(), parameters.clone());
        }
    }
}

fn transpose(from: &str, to: &str, order: Vec<i64>) -> NodeProto {
    let order = AttributeProto {
        name: "perm".to_owned(),
        r#type: AttributeType::Ints.into(),
        ints: order,
        ..AttributeProto::default()
    };
    NodeProto {
        name: to.to_owned(),
        op_type: "Transpose".to_owned(),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        attribute: vec![order],
        ..NodeProto::default()
    }
}

fn attribute(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Int.into(), i: value, ..AttributeProto::default() }
}

/// The numbers of a constant of type float that lies in the file itself.
fn floats(constant: &TensorProto) -> Option<Vec<f32>> {
    if constant.data_type != i32::from(DataType::Float) {
        return None;
    }
    if !constant.float_data.is_empty() {
        return Some(constant.float_data.clone());
    }
    let words = constant.raw_data.chunks_exact(4).map(|word| word.try_into().map(f32::from_le_bytes).ok());
    words.collect()
}
