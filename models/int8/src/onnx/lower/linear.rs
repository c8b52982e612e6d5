//! Convolutions and products.

use std::sync::Arc;

use super::windows::{images, window};
use super::{Step, Tensor, Wish};
use crate::graph::{ChannelAxis, Convolution, Operation, Window};
use crate::kernels::turn::turn;
use crate::onnx::weights::Weights;
use crate::quantization::Quantization;

/// `Conv`.
pub fn convolution(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let input = wish.quantized(0)?;
    let weights = weights(wish, 1, 0)?;
    let from = wish.call.file.shape(&input.name)?;
    images(&from)?;
    let kernel = &weights.shape[2..];
    if kernel.len() + 2 != from.len() || weights.shape.contains(&0) {
        return Err("its weights have another number of dimensions than its input".to_owned());
    }
    let [channels, of_group] = [weights.shape[0], weights.shape[1]];
    let taps: usize = kernel.iter().product();
    let each = (taps * of_group).max(1);
    let reordered = filled(weights.values.len(), |reordered| {
        for (from, to) in weights.values.chunks(each).zip(reordered.chunks_mut(each)) {
            turn(from, taps, to);
        }
    });
    let groups = usize::try_from(wish.call.attribute("group", 1)).map_err(|_| "has a negative number of groups")?;
    let convolution = Convolution {
        layout: ChannelAxis::Second,
        window: window(&wish.call, kernel, &from)?,
        groups,
        output_channels: channels,
        weights: reordered,
        weight_zero_points: zero_points(&weights, channels),
        bias: bias(wish, 2, &weights, input.quantization, channels)?,
        multipliers: multipliers(wish, &weights, input.quantization, channels),
        bounds: wish.bounds,
    };
    wish.step(Operation::Convolution(convolution), vec![Tensor::Named(input, from)])
}

/// `Gemm` with constant weights.
pub fn gemm(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let factor = |name: &str| wish.call.node.get_attr_opt::<f32>(name).ok().flatten().unwrap_or(1.0);
    if factor("alpha") != 1.0 || (factor("beta") != 1.0 && wish.call.node.input.len() > 2) {
        return Err("has factors (alpha, beta) other than 1".to_owned());
    }
    if wish.call.attribute("transA", 0) != 0 {
        return Err("takes its left side transposed".to_owned());
    }
    let of_bias = wish.call.node.input.get(2).map(|name| wish.call.file.shape(name)).transpose()?.unwrap_or_default();
    if let [rows, _] = of_bias[..]
        && rows != 1
    {
        return Err("has a bias for each row".to_owned());
    }
    let turned = wish.call.attribute("transB", 0) != 0;
    product(wish, weights(wish, 1, usize::from(!turned))?, turned)
}

/// `MatMul` with a constant or a computed right side.
pub fn matmul(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let constant = wish.call.node.input.get(1).and_then(|name| wish.call.file.weights(name));
    match constant {
        Some(weights) if weights.shape.len() == 2 && weights.by(1) => product(wish, weights, false),
        Some(_) => Err("its constant right side isn't one matrix, quantized as a whole or by column".to_owned()),
        None => {
            let (left, right) = (wish.input(0)?, wish.input(1)?);
            for side in [&left, &right] {
                if matches!(side, Tensor::Named(_, shape) if shape.len() < 2) {
                    return Err("multiplies a vector".to_owned());
                }
            }
            wish.step(Operation::Product { bounds: wish.bounds }, vec![left, right])
        }
    }
}

/// Rows by constant weights: (depth, columns), or turned.
fn product(wish: &Wish<'_>, weights: Weights, turned: bool) -> Result<Vec<Step>, String> {
    let input = wish.quantized(0)?;
    let from = wish.call.file.shape(&input.name)?;
    let [rows, columns] = [weights.shape[0], weights.shape[1]];
    let (depth, channels) = if turned { (columns, rows) } else { (rows, columns) };
    if from.last() != Some(&depth) {
        return Err("its sides don't fit each other".to_owned());
    }
    let by_channel = filled(weights.values.len(), |by_channel| match turned {
        true => by_channel.copy_from_slice(&weights.values),
        false => turn(&weights.values, channels, by_channel),
    });
    let convolution = Convolution {
        layout: ChannelAxis::Last,
        window: Window::POINT,
        groups: 1,
        output_channels: channels,
        weights: by_channel,
        weight_zero_points: zero_points(&weights, channels),
        bias: bias(wish, 2, &weights, input.quantization, channels)?,
        multipliers: multipliers(wish, &weights, input.quantization, channels),
        bounds: wish.bounds,
    };
    wish.step(Operation::Convolution(convolution), vec![Tensor::Named(input, from)])
}

/// Shared weights that are written where they stay: a vector would be copied.
fn filled(length: usize, fill: impl FnOnce(&mut [i8])) -> Arc<[i8]> {
    let mut weights: Arc<[i8]> = std::iter::repeat_n(0, length).collect();
    // Nobody else has them yet.
    if let Some(weights) = Arc::get_mut(&mut weights) {
        fill(weights);
    }
    weights
}

/// Constant weights with channels along an axis.
pub fn weights(wish: &Wish<'_>, place: usize, axis: usize) -> Result<Weights, String> {
    let name = wish.call.node.input.get(place).ok_or("has no weights")?;
    let weights = wish.call.file.weights(name).ok_or_else(|| format!("its weights `{name}` aren't 8-bit constants"))?;
    if weights.shape.len() < 2 || !weights.by(axis) {
        return Err(format!("its weights `{name}` aren't quantized by output channel or as a whole"));
    }
    Ok(weights)
}

/// Zero points of the weights, one for each output channel; none where all are zero.
pub fn zero_points(weights: &Weights, channels: usize) -> Vec<i8> {
    if weights.zero_points.iter().all(|zero_point| *zero_point == 0) {
        return Vec::new();
    }
    (0..channels).map(|channel| weights.zero_point(channel)).collect()
}

/// Input scale × weight scale / output scale, for each output channel.
pub fn multipliers(wish: &Wish<'_>, weights: &Weights, input: Quantization, channels: usize) -> Vec<f32> {
    let output = wish.output.quantization.scale;
    (0..channels).map(|channel| input.scale * weights.scale(channel) / output).collect()
}

/// The bias in units of input scale × weight scale: as it stands when it was quantized so, else rounded to it.
pub fn bias(
    wish: &Wish<'_>,
    place: usize,
    weights: &Weights,
    input: Quantization,
    channels: usize,
) -> Result<Vec<i32>, String> {
    let Some(name) = wish.call.node.input.get(place).filter(|name| !name.is_empty()) else { return Ok(Vec::new()) };
    let unit = |channel: usize| input.scale * weights.scale(channel);
    if let Some(values) = wish.call.file.integer_bias(name) {
        return each(values, channels);
    }
    let values = wish.call.file.any_floats(name).ok_or_else(|| format!("its bias `{name}` isn't constant"))?;
    let rounded = |(channel, value): (usize, f32)| (value / unit(channel)).round_ties_even() as i32;
    Ok(each(values, channels)?.into_iter().enumerate().map(rounded).collect())
}

/// One value for each channel.
fn each<T: Copy>(values: Vec<T>, channels: usize) -> Result<Vec<T>, String> {
    match values[..] {
        [only] => Ok(vec![only; channels]),
        _ if values.len() == channels => Ok(values),
        _ => Err("its bias isn't one number for each channel".to_owned()),
    }
}
