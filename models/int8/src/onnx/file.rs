//! An ONNX graph with its names resolved: who makes and who takes each value, its shape, and what is constant.

use std::collections::HashMap;

use tract_onnx::model::{Onnx, ParseResult};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{DimLike, TractErrorContext};

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

/// What tract finds out about a file's values, by their names.
#[derive(Default)]
pub struct Facts {
    shapes: HashMap<String, Vec<usize>>,
    constants: HashMap<String, Arc<Tensor>>,
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

/// A constant that is quantized by channel or as a whole.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values, held signed.
    pub values: Vec<i8>,
    /// One scale, or one for each channel.
    pub scales: Vec<f32>,
    /// As many zero points.
    pub zero_points: Vec<i8>,
    /// The axis of the channels.
    pub axis: usize,
}

/// Constants of more bytes are taken out of the file while it is looked at: one copy of the weights is enough.
const LARGE_BYTES: usize = 1 << 10;

impl Facts {
    /// Shapes and computed constants, as tract sees them.
    pub fn new(
        onnx: &Onnx,
        proto: &ModelProto,
        fix: impl Fn(&mut InferenceModel) -> TractResult<()>,
    ) -> TractResult<Self> {
        let graph = proto.graph.as_ref().context("no graph")?;
        let ParseResult { mut model, outlets_by_name, .. } = onnx.parse(proto, None)?;
        fix(&mut model)?;
        model.analyse(false)?;
        let mut facts = Self::default();
        let made = graph.node.iter().flat_map(|node| &node.output);
        let given =
            graph.input.iter().map(|input| &input.name).chain(graph.initializer.iter().map(|weights| &weights.name));
        for name in made.chain(given) {
            let Some(outlet) = outlets_by_name.get(name) else { continue };
            let fact = model.outlet_fact(*outlet)?;
            let lengths = fact.shape.concretize().unwrap_or_default();
            let shape = lengths.iter().map(|length| length.to_usize().ok()).collect::<Option<Vec<usize>>>();
            if let Some(shape) = shape.filter(|_| fact.shape.is_concrete()) {
                facts.shapes.insert(name.clone(), shape);
            }
            if let Some(value) = fact.value.concretize() {
                facts.constants.insert(name.clone(), value);
            }
        }
        Ok(facts)
    }

    /// Empties the file's large constants, which are held here.
    pub fn take_constants(&self, graph: &mut GraphProto) {
        for weights in &mut graph.initializer {
            let held = self.constants.get(&weights.name).and_then(|tensor| tensor.try_as_plain_ram().ok());
            if held.is_some_and(|held| held.as_bytes() == weights.raw_data && weights.raw_data.len() > LARGE_BYTES) {
                weights.raw_data = Vec::new();
            }
        }
    }

    /// Gives back the constants that are left in the file.
    pub fn give_back(&self, graph: &mut GraphProto) {
        for weights in graph.initializer.iter_mut().filter(|weights| weights.raw_data.is_empty()) {
            let held = self.constants.get(&weights.name).and_then(|tensor| tensor.try_as_plain_ram().ok());
            if let Some(held) = held.filter(|held| held.as_bytes().len() > LARGE_BYTES) {
                weights.raw_data = held.as_bytes().to_vec();
            }
        }
    }
}

impl<'a> File<'a> {
    /// Resolves a file's names.
    pub fn new(graph: &'a GraphProto, opset: i64, facts: Facts) -> Self {
        let mut makers = HashMap::new();
        for (place, node) in graph.node.iter().enumerate() {
            makers.extend(node.output.iter().map(|name| (name.as_str(), place)));
        }
        Self { graph, opset, makers, facts }
    }

    /// What was known of it.
    pub fn into_facts(self) -> Facts {
        self.facts
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

    /// What a quantizing or dequantizing node says of its quantized tensor, when that has one scale.
    pub fn parameters(&self, node: &NodeProto, quantized: &str) -> Option<Quantized> {
        let scale = self.scalar(node.input.get(1)?)?;
        let zero_point = node.input.get(2).filter(|name| !name.is_empty()).map(|name| self.constant(name));
        let (zero_point, signed) = match zero_point {
            None => (0, false),
            Some(tensor) => {
                let tensor = tensor?;
                let value = *cast::<i64>(tensor)?.first()?;
                match tensor.datum_type() {
                    DatumType::U8 => (value, false),
                    DatumType::I8 => (value + 128, true),
                    _ => return None,
                }
            }
        };
        let quantization = Quantization { scale, zero_point: u8::try_from(zero_point).ok()? };
        let usable = scale.is_finite() && scale > 0.0;
        usable.then(|| Quantized { name: quantized.to_owned(), quantization, signed })
    }

    /// The constant behind a float value that a `DequantizeLinear` makes from bytes.
    pub fn weights(&self, name: &str) -> Option<Weights> {
        let node = self.maker(name).filter(|node| node.op_type == "DequantizeLinear")?;
        let tensor = self.constant(&node.input[0])?;
        let (values, offset) = match tensor.datum_type() {
            DatumType::I8 => (cast::<i8>(tensor)?, 0),
            DatumType::U8 => (cast::<u8>(tensor)?.into_iter().map(|byte| (byte ^ 0x80) as i8).collect(), 128),
            _ => return None,
        };
        let scales = self.floats(node.input.get(1)?)?;
        let zero_points = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => self.integers(name)?,
            None => vec![0; scales.len()],
        };
        let signed = zero_points.iter().map(|zero_point| i8::try_from(zero_point - offset).ok());
        let zero_points = signed.collect::<Option<Vec<i8>>>()?;
        let axis = node.get_attr_opt::<i64>("axis").ok()?.unwrap_or(1);
        let rank = tensor.rank();
        let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()?;
        let fits = zero_points.len() == scales.len()
            && (scales.len() == 1 || tensor.shape().get(axis) == Some(&scales.len()))
            && scales.iter().all(|scale| scale.is_finite() && *scale > 0.0);
        fits.then(|| Weights { shape: tensor.shape().to_vec(), values, scales, zero_points, axis })
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

impl Weights {
    /// Whether every channel of `axis` has parameters of its own, or all have the same.
    pub fn by(&self, axis: usize) -> bool {
        self.scales.len() == 1 || self.axis == axis
    }

    /// The scale of a channel.
    pub fn scale(&self, channel: usize) -> f32 {
        if self.scales.len() == 1 { self.scales[0] } else { self.scales[channel] }
    }

    /// The zero point of a channel.
    pub fn zero_point(&self, channel: usize) -> i8 {
        if self.zero_points.len() == 1 { self.zero_points[0] } else { self.zero_points[channel] }
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
