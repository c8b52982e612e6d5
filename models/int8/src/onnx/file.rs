//! An ONNX graph with its names resolved: who makes and who takes each value, its shape, and what is constant.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};
use tract_onnx::prelude::*;

use super::facts::Facts;
use super::operators;
use crate::quantization::Quantization;

/// A graph to look things up in.
pub struct File<'a> {
    /// The graph.
    pub graph: &'a GraphProto,
    /// Version of ONNX's operators.
    pub opset: i64,
    makers: HashMap<&'a str, usize>,
    facts: Facts,
}

/// A quantized tensor of the file, as a float operator sees it through a `DequantizeLinear`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    /// Its name.
    pub name: String,
    /// What its bytes mean, held unsigned.
    pub quantization: Quantization,
    /// Whether ONNX holds it as `int8`.
    pub signed: bool,
}

impl<'a> File<'a> {
    /// Resolves a file's names.
    pub fn new(graph: &'a GraphProto, opset: i64, facts: Facts) -> Self {
        let mut makers = HashMap::new();
        for (place, node) in graph.node.iter().enumerate() {
            makers.extend(node.output.iter().map(|name| (name.as_str(), place)));
        }
        let mut file = Self { graph, opset, makers, facts };
        file.quantize_constants();
        file
    }

    /// What was known of it.
    pub fn into_facts(self) -> Facts {
        self.facts
    }

    /// Bytes of float weights that the file itself quantizes. (tract's analysis leaves quantizing operators alone.)
    fn quantize_constants(&mut self) {
        for node in self.graph.node.iter().filter(|node| node.op_type == "QuantizeLinear") {
            let given = node.input.iter().filter(|name| !name.is_empty());
            let Some(inputs) = given.map(|name| self.constant(name).cloned()).collect::<Option<Vec<_>>>() else {
                continue;
            };
            if let Some((name, bytes)) = node.output.first().zip(operators::quantized(node, inputs)) {
                self.facts.constants.insert(name.clone(), bytes);
            }
        }
    }

    /// The node that makes a value.
    pub fn maker(&self, name: &str) -> Option<&'a NodeProto> {
        self.maker_place(name).map(|place| &self.graph.node[place])
    }

    /// The place of the node that makes a value.
    pub fn maker_place(&self, name: &str) -> Option<usize> {
        self.makers.get(name).copied()
    }

    /// The shape of a value.
    ///
    /// # Errors
    /// In words, when it isn't known.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>, String> {
        self.facts.shapes.get(name).cloned().ok_or_else(|| format!("the shape of `{name}` isn't known before running"))
    }

    /// The type of a value's elements, when it is known.
    pub fn datum_type(&self, name: &str) -> Option<DatumType> {
        self.facts.types.get(name).copied()
    }

    /// The value of a constant.
    pub fn constant(&self, name: &str) -> Option<&Arc<Tensor>> {
        self.facts.constants.get(name)
    }

    /// The numbers of a constant, as 64-bit integers.
    pub fn integers(&self, name: &str) -> Option<Vec<i64>> {
        cast(self.constant(name)?)
    }

    /// The numbers of a constant, as floats.
    pub fn floats(&self, name: &str) -> Option<Vec<f32>> {
        cast(self.constant(name)?)
    }

    /// The only number of a constant.
    pub fn scalar(&self, name: &str) -> Option<f32> {
        let values = self.floats(name)?;
        (values.len() == 1).then(|| values[0])
    }

    /// The quantized tensor behind a float value, when it isn't constant.
    pub fn dequantized(&self, name: &str) -> Option<Quantized> {
        let node = self.maker(name).filter(|node| node.op_type == "DequantizeLinear")?;
        self.constant(&node.input[0]).is_none().then(|| self.parameters(node, &node.input[0])).flatten()
    }

    /// What a quantizing or dequantizing node says of its quantized tensor, when that has one scale, of type `float`.
    pub fn parameters(&self, node: &NodeProto, quantized: &str) -> Option<Quantized> {
        let name = node.input.get(1).filter(|name| self.datum_type(name) == Some(DatumType::F32))?;
        let scale = self.scalar(name)?;
        let zero_point = match node.input.get(2).filter(|name| !name.is_empty()) {
            None => 0,
            Some(name) => *self.integers(name)?.first()?,
        };
        let (zero_point, signed) = match self.datum_type(quantized)? {
            DatumType::U8 => (zero_point, false),
            DatumType::I8 => (zero_point + 128, true),
            _ => return None,
        };
        let quantization = Quantization { scale, zero_point: u8::try_from(zero_point).ok()? };
        let usable = scale.is_finite() && scale > 0.0;
        usable.then(|| Quantized { name: quantized.to_owned(), quantization, signed })
    }

    /// The 32-bit integers behind a float value that a `DequantizeLinear` makes of a constant.
    pub fn integer_bias(&self, name: &str) -> Option<Vec<i32>> {
        let node = self.maker(name).filter(|node| node.op_type == "DequantizeLinear")?;
        let tensor = self.constant(&node.input[0])?;
        (tensor.datum_type() == DatumType::I32).then(|| cast(tensor)).flatten()
    }

    /// The floats of a constant, whether quantized or not.
    pub fn any_floats(&self, name: &str) -> Option<Vec<f32>> {
        self.floats(name).or_else(|| self.dequantized_constant(name))
    }

    /// The floats that a `DequantizeLinear` makes of a constant with one scale.
    fn dequantized_constant(&self, name: &str) -> Option<Vec<f32>> {
        let node = self.maker(name).filter(|node| node.op_type == "DequantizeLinear")?;
        let values: Vec<i32> = cast(self.constant(&node.input[0])?)?;
        let scale = self.scalar(node.input.get(1)?)?;
        let zero_point = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => *cast::<i32>(self.constant(name)?)?.first()?,
            None => 0,
        };
        Some(values.into_iter().map(|value| value.wrapping_sub(zero_point) as f32 * scale).collect())
    }
}

/// Version of ONNX's own operators.
pub fn opset(proto: &ModelProto) -> i64 {
    let own = proto.opset_import.iter().find(|import| import.domain.is_empty() || import.domain == "ai.onnx");
    own.map_or(0, |import| import.version)
}

/// A tensor's numbers as another type.
pub fn cast<T: Datum + Copy>(tensor: &Tensor) -> Option<Vec<T>> {
    let cast = tensor.cast_to::<T>().ok()?;
    let plain = cast.try_as_plain_ram().ok()?;
    plain.as_slice::<T>().ok().map(<[T]>::to_vec)
}
