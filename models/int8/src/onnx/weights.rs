//! Constants that are quantized by channel or as a whole.

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;

use super::file::{File, cast};

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

impl File<'_> {
    /// The constant behind a float value that a `DequantizeLinear` makes from bytes.
    /// Moved bytes are still bytes: transposed and reshaped constants are followed to where they come from.
    pub fn weights(&self, name: &str) -> Option<Weights> {
        let node = self.maker(name)?;
        match node.op_type.as_str() {
            "DequantizeLinear" => self.dequantized_weights(node),
            "Identity" => self.weights(node.input.first()?),
            "Transpose" => self.weights(node.input.first()?)?.transposed(node),
            "Reshape" | "Squeeze" | "Unsqueeze" | "Flatten" => {
                self.weights(node.input.first()?)?.reshaped(self.shape(name).ok()?)
            }
            _ => None,
        }
    }

    fn dequantized_weights(&self, node: &NodeProto) -> Option<Weights> {
        if self.datum_type(node.output.first()?) != Some(DatumType::F32) {
            return None;
        }
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

    /// The same with its axes in another order.
    fn transposed(self, node: &NodeProto) -> Option<Self> {
        let rank = self.shape.len();
        let given = node.get_attr_opt_vec::<i64>("perm").ok()?;
        let order: Vec<usize> = match given {
            Some(axes) => axes.into_iter().map(|axis| usize::try_from(axis).ok()).collect::<Option<_>>()?,
            None => (0..rank).rev().collect(),
        };
        let axis = order.iter().position(|from| *from == self.axis).unwrap_or(0);
        let tensor = Tensor::from_shape(&self.shape, &self.values).ok()?.permute_axes(&order).ok()?;
        Some(Self { shape: tensor.shape().to_vec(), values: cast(&tensor)?, axis, ..self })
    }

    /// The same in another shape. Channels need an axis of their own there, which the first one keeps.
    fn reshaped(self, shape: Vec<usize>) -> Option<Self> {
        let keeps = self.scales.len() == 1 || (self.axis == 0 && shape.first() == self.shape.first());
        let same = shape.iter().product::<usize>() == self.values.len();
        (keeps && same).then_some(Self { shape, ..self })
    }
}
