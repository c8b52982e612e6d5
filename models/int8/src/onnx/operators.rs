//! ONNX's quantizing operators for what stays with tract, computed as ONNX defines them.
//!
//! tract's own multiply by a reciprocal where ONNX divides, and are taken apart, so that nothing is left to recognise.

use tract_onnx::model::{OnnxOpRegister, ParsingContext};
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::{EvalOp, Op, TypedOp};
use tract_onnx::tract_hir::internal::*;

use super::file::cast;

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// Registers them.
pub fn register(register: &mut OnnxOpRegister) {
    register.insert("QuantizeLinear", |_: &ParsingContext<'_>, node: &NodeProto| build(node, Direction::Quantize));
    register.insert("DequantizeLinear", |_: &ParsingContext<'_>, node: &NodeProto| build(node, Direction::Dequantize));
}

fn build(node: &NodeProto, direction: Direction) -> Built {
    Ok((expand(linear(node, direction)?), vec![]))
}

fn linear(node: &NodeProto, direction: Direction) -> TractResult<Linear> {
    let blocks = node.get_attr_opt::<i64>("block_size")?.unwrap_or(0);
    ensure!(blocks == 0, "{}: quantization by blocks isn't supported", node.op_type);
    let axis = node.get_attr_opt::<i64>("axis")?.unwrap_or(1);
    let zero_point = node.input.get(2).is_some_and(|name| !name.is_empty());
    let to = output_type(node)?;
    Ok(Linear { direction, axis, zero_point, to })
}

/// The type that a node names for its output; none leaves it to the zero point, or to the scale.
fn output_type(node: &NodeProto) -> TractResult<Option<DatumType>> {
    let code = node.get_attr_opt::<i64>("output_dtype")?.unwrap_or(0);
    let named = i32::try_from(code).ok().and_then(|code| DataType::try_from(code).ok());
    Ok(match named {
        Some(DataType::Undefined) => None,
        Some(DataType::Uint8) => Some(u8::datum_type()),
        Some(DataType::Int8) => Some(i8::datum_type()),
        Some(DataType::Uint16) => Some(u16::datum_type()),
        Some(DataType::Int16) => Some(i16::datum_type()),
        Some(DataType::Float) => Some(f32::datum_type()),
        Some(DataType::Float16) => Some(f16::datum_type()),
        _ => bail!("{}: its type {code} of ONNX isn't supported", node.op_type),
    })
}

/// What a `QuantizeLinear` makes of constants; none when they don't fit.
pub fn quantized(node: &NodeProto, inputs: Vec<Arc<Tensor>>) -> Option<Arc<Tensor>> {
    of_constants(node, Direction::Quantize, inputs)
}

/// What a `DequantizeLinear` makes of constants; none when they don't fit.
pub fn dequantized(node: &NodeProto, inputs: Vec<Arc<Tensor>>) -> Option<Arc<Tensor>> {
    of_constants(node, Direction::Dequantize, inputs)
}

fn of_constants(node: &NodeProto, direction: Direction, inputs: Vec<Arc<Tensor>>) -> Option<Arc<Tensor>> {
    let inputs: TVec<TValue> = inputs.into_iter().map(IntoTValue::into_tvalue).collect();
    let linear = linear(node, direction).ok().filter(|_| inputs.len() > 1)?;
    linear.apply(inputs).ok().map(Arc::new)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Direction {
    Quantize,
    Dequantize,
}

/// `QuantizeLinear` or `DequantizeLinear`: value, scale, and perhaps zero point; the latter by channel or for all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Linear {
    direction: Direction,
    axis: i64,
    zero_point: bool,
    /// The output's type, where the node names it.
    to: Option<DatumType>,
}

impl Linear {
    /// The output's type, given those of scale and zero point.
    fn output_type(&self, scale: DatumType, zero_point: Option<DatumType>) -> DatumType {
        let own = match self.direction {
            Direction::Dequantize => scale,
            Direction::Quantize => zero_point.unwrap_or_else(u8::datum_type),
        };
        self.to.unwrap_or(own)
    }

    fn apply(&self, inputs: TVec<TValue>) -> TractResult<Tensor> {
        let scales = cast::<f32>(&inputs[1]).context("scales that aren't floats")?;
        let zero_points = match inputs.get(2) {
            Some(tensor) => cast::<i32>(tensor).context("zero points that aren't integers")?,
            None => vec![0],
        };
        let channels = Channels::new(self.axis, inputs[0].shape(), scales, zero_points)?;
        let to = self.output_type(inputs[1].datum_type(), inputs.get(2).map(|tensor| tensor.datum_type()));
        match self.direction {
            Direction::Dequantize => Ok(channels.dequantize(&inputs[0])?.cast_to_dt(to)?.into_owned()),
            Direction::Quantize => channels.quantize(&inputs[0], to),
        }
    }
}

impl Expansion for Linear {
    fn name(&self) -> StaticName {
        Op::name(self)
    }

    /// Weights stay bytes while a model is analysed.
    fn runs_out_of_plan(&self) -> bool {
        false
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2 + usize::from(self.zero_point))?;
        check_output_arity(outputs, 1)?;
        solver.equals(&outputs[0].shape, &inputs[0].shape)?;
        match (self.to, self.direction) {
            (Some(to), _) => solver.equals(&outputs[0].datum_type, to),
            (None, Direction::Dequantize) => solver.equals(&outputs[0].datum_type, &inputs[1].datum_type),
            (None, _) if self.zero_point => solver.equals(&outputs[0].datum_type, &inputs[2].datum_type),
            (None, _) => solver.equals(&outputs[0].datum_type, u8::datum_type()),
        }
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for Linear {
    fn name(&self) -> StaticName {
        if self.direction == Direction::Quantize { "QuantizeLinear" } else { "DequantizeLinear" }.into()
    }

    op_as_typed_op!();
}

impl EvalOp for Linear {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(tvec!(self.apply(inputs)?.into_tvalue()))
    }
}

impl TypedOp for Linear {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let datum_type = self.output_type(inputs[1].datum_type, inputs.get(2).map(|fact| fact.datum_type));
        Ok(tvec!(datum_type.fact(inputs[0].shape.clone())))
    }
}

/// Scales and zero points along an axis.
struct Channels {
    scales: Vec<f32>,
    zero_points: Vec<i32>,
    /// Elements between neighbours along the axis.
    inner: usize,
}

impl Channels {
    fn new(axis: i64, shape: &[usize], scales: Vec<f32>, zero_points: Vec<i32>) -> TractResult<Self> {
        if scales.len() == 1 {
            return Ok(Self { scales, zero_points, inner: usize::MAX });
        }
        let from_front = if axis < 0 { axis + shape.len() as i64 } else { axis };
        let axis = usize::try_from(from_front)?;
        let fits = shape.get(axis) == Some(&scales.len()) && [1, scales.len()].contains(&zero_points.len());
        ensure!(fits, "{} scales for an axis of another length in {shape:?}", scales.len());
        Ok(Self { scales, zero_points, inner: shape[axis + 1..].iter().product() })
    }

    /// What `convert` makes of every element, given its scale and zero point.
    fn map<T: Copy, U>(&self, elements: &[T], convert: impl Fn(T, f32, i32) -> U) -> Vec<U> {
        let mut result = Vec::with_capacity(elements.len());
        for (place, run) in elements.chunks(self.inner.max(1)).enumerate() {
            let channel = place % self.scales.len();
            let zero_point = self.zero_points.get(channel).copied().unwrap_or(self.zero_points[0]);
            result.extend(run.iter().map(|element| convert(*element, self.scales[channel], zero_point)));
        }
        result
    }

    fn dequantize(&self, input: &Tensor) -> TractResult<Tensor> {
        let values = cast::<i32>(input).context("what isn't integers can't be dequantized")?;
        let floats = self.map(&values, |value, scale, zero_point| value.wrapping_sub(zero_point) as f32 * scale);
        Tensor::from_shape(input.shape(), &floats)
    }

    /// The rule of ONNX: divide, round halves to even, add the zero point, saturate.
    fn quantize(&self, input: &Tensor, datum_type: DatumType) -> TractResult<Tensor> {
        let (low, high) = match datum_type {
            DatumType::U8 => (0.0, 255.0),
            DatumType::I8 => (-128.0, 127.0),
            DatumType::U16 => (0.0, 65_535.0),
            DatumType::I16 => (-32_768.0, 32_767.0),
            other => bail!("quantizing to {other:?} isn't supported"),
        };
        let values = cast::<f32>(input).context("what isn't floats can't be quantized")?;
        let integers = self.map(&values, |value, scale, zero_point| {
            ((value / scale).round_ties_even() + zero_point as f32).max(low).min(high) as i32
        });
        Ok(Tensor::from_shape(input.shape(), &integers)?.cast_to_dt(datum_type)?.into_owned())
    }
}
