//! Convolutions that enlarge.

use super::linear::{bias, multipliers, weights, zero_points};
use super::windows::{images, window};
use super::{Step, Tensor, Wish};
use crate::graph::{ChannelAxis, Convolution, Operation, Window};

/// `ConvTranspose` whose windows lie side by side: every pixel becomes a block of pixels, by a product with the weights
/// of its places. Then blocks of channels become blocks of pixels.
pub fn transposed_convolution(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let input = wish.quantized(0)?;
    let weights = weights(wish, 1, 1)?;
    let (from, to) = (wish.call.file.shape(&input.name)?, wish.call.shape()?);
    images(&from)?;
    let (kernel, channels) = (weights.shape[2..].to_vec(), weights.shape[1]);
    if kernel.len() + 2 != from.len() || weights.shape[0] != from[1] || wish.call.attribute("group", 1) != 1 {
        return Err("is in groups, or its weights don't fit its input".to_owned());
    }
    let enlarged = from[2..].iter().zip(&kernel).map(|(length, taps)| length * taps);
    let beside = window(&wish.call, &kernel, &from)?;
    let plain = Window { stride: beside.kernel, ..Window { kernel: beside.kernel, ..Window::POINT } };
    if beside != plain || !enlarged.eq(to[2..].iter().copied()) {
        return Err("has windows that overlap or are cut".to_owned());
    }
    let taps: usize = kernel.iter().product();
    let convolution = Convolution {
        layout: ChannelAxis::Second,
        window: Window::POINT,
        groups: 1,
        output_channels: taps * channels,
        weights: by_place(&weights.values, from[1], channels, taps).into(),
        weight_zero_points: zero_points(&weights, channels).repeat(taps),
        bias: bias(wish, 2, &weights, input.quantization, channels)?.repeat(taps),
        multipliers: multipliers(wish, &weights, input.quantization, channels).repeat(taps),
        bounds: wish.bounds,
    };
    let product = (Operation::Convolution(convolution), [&[from[0], taps * channels], &from[2..]].concat());
    let blocks = (Operation::Reshape, [&[from[0]], &kernel[..], &[channels], &from[2..]].concat());
    let permutation = side_by_side(kernel.len());
    let turned = permutation.iter().map(|axis| blocks.1[*axis]).collect();
    let operations = [product, blocks, (Operation::Transpose { permutation }, turned), (Operation::Reshape, to)];
    let mut steps: Vec<Step> = Vec::with_capacity(operations.len());
    for (operation, shape) in operations {
        let previous = steps.len().checked_sub(1).map(Tensor::Made);
        let inputs = vec![previous.unwrap_or_else(|| Tensor::Named(input.clone(), from.clone()))];
        steps.push(Step { operation, inputs, shape, kind: wish.kind() });
    }
    Ok(steps)
}

/// Weights (input channel, output channel, place) in the order (place, output channel, input channel).
fn by_place(values: &[i8], inputs: usize, outputs: usize, taps: usize) -> Vec<i8> {
    let places = (0..taps).flat_map(|tap| (0..outputs).map(move |output| output * taps + tap));
    places.flat_map(|place| (0..inputs).map(move |input| values[input * outputs * taps + place])).collect()
}

/// (N, places…, C, lengths…) to (N, C, length, places, …).
fn side_by_side(axes: usize) -> Vec<usize> {
    let pairs = (0..axes).flat_map(|axis| [axes + 2 + axis, axis + 1]);
    [0, axes + 1].into_iter().chain(pairs).collect()
}
