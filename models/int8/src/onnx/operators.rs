//! ONNX's quantizing operators for what stays with tract, computed as ONNX defines them.
//!
//! tract's own multiply by a reciprocal where ONNX divides, and are taken apart, so that nothing is left to recognise.

use tract_onnx::model::{OnnxOpRegister, ParsingContext};
use tract_onnx::pb::NodeProto;
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
    let blocks = node.get_attr_opt::<i64>("block_size")?.unwrap_or(0);
    ensure!(blocks == 0, "{}: quantization by blocks isn't supported", node.op_type);
    let axis = node.get_attr_opt::<i64>("axis")?.unwrap_or(1);
    let zero_point = node.input.get(2).is_some_and(|name| !name.is_empty());
    Ok((expand(Linear { direction, axis, zero_point }), vec![]))
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
        solver.equals(&inputs[1].datum_type, f32::datum_type())?;
        solver.equals(&outputs[0].shape, &inputs[0].shape)?;
        match self.direction {
            Direction::Dequantize => solver.equals(&outputs[0].datum_type, f32::datum_type()),
            Direction::Quantize if self.zero_point => solver.equals(&outputs[0].datum_type, &inputs[2].datum_type),
            Direction::Quantize => solver.equals(&outputs[0].datum_type, u8::datum_type()),
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
        let scales = cast::<f32>(&inputs[1]).context("scales that aren't floats")?;
        let zero_points = match inputs.get(2) {
            Some(tensor) => cast::<i32>(tensor).context("zero points that aren't integers")?,
            None => vec![0],
        };
        let channels = Channels::new(self.axis, inputs[0].shape(), scales, zero_points)?;
        let output = match self.direction {
            Direction::Dequantize => channels.dequantize(&inputs[0])?,
            Direction::Quantize => {
                let datum_type = inputs.get(2).map_or(u8::datum_type(), |tensor| tensor.datum_type());
                channels.quantize(&inputs[0], datum_type)?
            }
        };
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Linear {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let datum_type = match self.direction {
            Direction::Dequantize => f32::datum_type(),
            Direction::Quantize => inputs.get(2).map_or(u8::datum_type(), |fact| fact.datum_type),
        };
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

    fn of(&self, place: usize) -> (f32, i32) {
        let channel = place / self.inner.max(1) % self.scales.len();
        (self.scales[channel], self.zero_points.get(channel).copied().unwrap_or(self.zero_points[0]))
    }

    fn dequantize(&self, input: &Tensor) -> TractResult<Tensor> {
        let values = cast::<i32>(input).context("what isn't integers can't be dequantized")?;
        let value = |(place, value): (usize, i32)| {
            let (scale, zero_point) = self.of(place);
            value.wrapping_sub(zero_point) as f32 * scale
        };
        let floats: Vec<f32> = values.into_iter().enumerate().map(value).collect();
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
        let value = |(place, value): (usize, f32)| {
            let (scale, zero_point) = self.of(place);
            ((value / scale).round_ties_even() + zero_point as f32).max(low).min(high) as i32
        };
        let integers: Vec<i32> = values.into_iter().enumerate().map(value).collect();
        Ok(Tensor::from_shape(input.shape(), &integers)?.cast_to_dt(datum_type)?.into_owned())
    }
}
