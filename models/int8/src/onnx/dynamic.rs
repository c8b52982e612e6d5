//! What `quantize_dynamic` writes: scales and zero points of activations are computed while running.

use tract_onnx::pb::NodeProto;

use super::file::{File, cast};
use super::lower::{Call, convolution_window};
use crate::graph::{ChannelAxis, Convolution, Window};
use crate::kernels::turn::turn;
use crate::quantization::FULL;

/// An operator whose input's quantization is computed.
#[derive(Clone, Debug)]
pub enum Dynamic {
    /// `DynamicQuantizeLinear`: the shape of its input.
    Quantize(Vec<usize>),
    /// `ConvInteger` or `MatMulInteger` with constant weights.
    Sums {
        /// What it computes.
        convolution: Box<Convolution>,
        /// The shape of its input.
        from: Vec<usize>,
        /// The shape of its output.
        to: Vec<usize>,
    },
}

impl Dynamic {
    /// What it takes while running: weights are inside.
    pub fn inputs(&self, node: &NodeProto) -> Vec<String> {
        match self {
            Self::Quantize(_) => vec![node.input[0].clone()],
            Self::Sums { .. } => vec![node.input[0].clone(), node.input[2].clone()],
        }
    }
}

/// Lowers one of these operators.
///
/// # Errors
/// In words: why it can't be.
pub fn lower(file: &File<'_>, node: &NodeProto) -> Result<Dynamic, String> {
    let from = file.shape(node.input.first().ok_or("has no input")?)?;
    if node.op_type == "DynamicQuantizeLinear" {
        return Ok(Dynamic::Quantize(from));
    }
    let to = file.shape(node.output.first().ok_or("has no output")?)?;
    let made = |name: &String| file.maker(name).is_some_and(|maker| maker.op_type == "DynamicQuantizeLinear");
    if !(node.input.get(2).is_some_and(made) && made(&node.input[0])) {
        return Err("its input isn't made by DynamicQuantizeLinear".to_owned());
    }
    let weights = file.constant(node.input.get(1).ok_or("has no weights")?).ok_or("its weights aren't constant")?;
    let (values, offset) = match weights.datum_type() {
        tract_onnx::prelude::DatumType::I8 => (cast::<i8>(weights), 0),
        tract_onnx::prelude::DatumType::U8 => {
            (cast::<u8>(weights).map(|bytes| bytes.into_iter().map(|byte| (byte ^ 0x80) as i8).collect()), 128)
        }
        _ => (None, 0),
    };
    let values = values.ok_or("its weights aren't bytes")?;
    let shape = weights.shape().to_vec();
    let is_convolution = node.op_type == "ConvInteger";
    let channels = if is_convolution { shape[0] } else { shape.get(1).copied().unwrap_or(0) };
    let zero_points = zero_points(file, node, offset, channels)?;
    let convolution = if is_convolution {
        convolved(file, node, (&values, &shape), &from)?
    } else {
        product(&values, &shape, &from)?
    };
    let convolution = Box::new(Convolution { weight_zero_points: zero_points, ..convolution });
    Ok(Dynamic::Sums { convolution, from, to })
}

fn zero_points(file: &File<'_>, node: &NodeProto, offset: i64, channels: usize) -> Result<Vec<i8>, String> {
    let given = match node.input.get(3).filter(|name| !name.is_empty()) {
        Some(name) => file.integers(name).ok_or("its weights' zero point isn't constant")?,
        None => vec![0],
    };
    let signed: Option<Vec<i8>> = given.iter().map(|value| i8::try_from(value - offset).ok()).collect();
    match signed.ok_or("its weights' zero point is no byte")?[..] {
        [0] => Ok(Vec::new()),
        [only] => Ok(vec![only; channels]),
        ref many if many.len() == channels => Ok(many.to_vec()),
        _ => Err("has another number of zero points than channels".to_owned()),
    }
}

fn bare(layout: ChannelAxis, window: Window, groups: usize, channels: usize, weights: Vec<i8>) -> Convolution {
    Convolution {
        layout,
        window,
        groups,
        output_channels: channels,
        weights: weights.into(),
        weight_zero_points: Vec::new(),
        bias: Vec::new(),
        multipliers: vec![1.0; channels],
        bounds: FULL,
    }
}

fn convolved(
    file: &File<'_>,
    node: &NodeProto,
    (values, shape): (&[i8], &[usize]),
    from: &[usize],
) -> Result<Convolution, String> {
    if shape.len() != from.len() || !matches!(shape.len(), 3 | 4) {
        return Err("isn't a convolution over one or two axes".to_owned());
    }
    let window = convolution_window(&Call { file, node, value: &node.output[0] }, &shape[2..], from)?;
    let (taps, of_group) = (shape[2..].iter().product::<usize>(), shape[1]);
    let mut reordered = vec![0; values.len()];
    let each = (taps * of_group).max(1);
    for (from, to) in values.chunks(each).zip(reordered.chunks_mut(each)) {
        turn(from, taps, to);
    }
    let groups = usize::try_from(node.get_attr_opt::<i64>("group").ok().flatten().unwrap_or(1)).unwrap_or(0);
    Ok(bare(ChannelAxis::Second, window, groups, shape[0], reordered))
}

fn product(values: &[i8], shape: &[usize], from: &[usize]) -> Result<Convolution, String> {
    let [depth, channels] = *shape else { return Err("its right side isn't one matrix".to_owned()) };
    if from.last() != Some(&depth) {
        return Err("its sides don't fit each other".to_owned());
    }
    let mut turned = vec![0; values.len()];
    turn(values, channels, &mut turned);
    Ok(bare(ChannelAxis::Last, Window::POINT, 1, channels, turned))
}
