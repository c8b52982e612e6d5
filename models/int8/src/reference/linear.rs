//! Convolutions and products.

use super::{Bytes, indices, quantization, ravel};
use crate::graph::{ChannelAxis, Convolution, Value};
use crate::quantization::{Bounds, requantize};

/// Quantized convolution, or product with constant weights.
pub fn convolution(input: Bytes<'_>, output: &Value, convolution: &Convolution) -> Vec<u8> {
    let sums = sums(input, input.quantization.zero_point, output, convolution);
    let zero_point = quantization(output).zero_point;
    let byte = |(place, sum): (usize, &i32)| {
        let channel = Pixels::of(&output.shape, convolution.layout).channel(place);
        let sum = sum.wrapping_add(convolution.bias.get(channel).copied().unwrap_or(0));
        requantize(sum, convolution.multipliers[channel], zero_point, convolution.bounds)
    };
    sums.iter().enumerate().map(byte).collect()
}

/// The sums of products of a convolution, without its bias. They wrap.
pub fn sums(input: Bytes<'_>, zero_point: u8, output: &Value, convolution: &Convolution) -> Vec<i32> {
    let from = Pixels::of(input.shape, convolution.layout);
    let to = Pixels::of(&output.shape, convolution.layout);
    let mut sums = vec![0; output.shape.iter().product()];
    for [batch, row, column, channel] in to.all() {
        let mut sum = 0_i32;
        for (tap, pixel) in taps(convolution, from.size, [row, column]) {
            for of_group in 0..from.channels / convolution.groups {
                let group = channel / (to.channels / convolution.groups);
                let place = from.place(batch, pixel, group * (from.channels / convolution.groups) + of_group);
                let value = i32::from(input.bytes[place]) - i32::from(zero_point);
                sum = sum.wrapping_add(value * weight(convolution, from.channels, channel, tap, of_group));
            }
        }
        sums[to.place(batch, [row, column], channel)] = sum;
    }
    sums
}

fn weight(convolution: &Convolution, channels: usize, channel: usize, tap: usize, of_group: usize) -> i32 {
    let [height, width] = convolution.window.kernel;
    let place = (channel * height * width + tap) * (channels / convolution.groups) + of_group;
    let zero_point = convolution.weight_zero_points.get(channel).copied().unwrap_or(0);
    i32::from(convolution.weights[place]) - i32::from(zero_point)
}

/// The window's elements that lie inside the input, each with its number: padding adds nothing.
fn taps(convolution: &Convolution, size: [usize; 2], at: [usize; 2]) -> Vec<(usize, [usize; 2])> {
    super::windows::taps(&convolution.window, size, at)
}

/// A tensor seen as pictures of pixels with channels.
struct Pixels {
    layout: ChannelAxis,
    batch: usize,
    size: [usize; 2],
    channels: usize,
}

impl Pixels {
    fn of(shape: &[usize], layout: ChannelAxis) -> Self {
        match (layout, shape) {
            (ChannelAxis::Second, [batch, channels, width]) => {
                Self { layout, batch: *batch, size: [1, *width], channels: *channels }
            }
            (ChannelAxis::Second, [batch, channels, height, width]) => {
                Self { layout, batch: *batch, size: [*height, *width], channels: *channels }
            }
            (_, shape) => {
                let channels = shape.last().copied().unwrap_or(1);
                let rows = shape.iter().product::<usize>() / channels.max(1);
                Self { layout, batch: 1, size: [1, rows], channels }
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = [usize; 4]> {
        let shape = [self.batch, self.size[0], self.size[1], self.channels];
        indices(&shape).map(|at| [at[0], at[1], at[2], at[3]])
    }

    fn place(&self, batch: usize, [row, column]: [usize; 2], channel: usize) -> usize {
        let [height, width] = self.size;
        match self.layout {
            ChannelAxis::Second => ((batch * self.channels + channel) * height + row) * width + column,
            ChannelAxis::Last => ((batch * height + row) * width + column) * self.channels + channel,
        }
    }

    fn channel(&self, place: usize) -> usize {
        match self.layout {
            ChannelAxis::Second => place / (self.size[0] * self.size[1]) % self.channels,
            ChannelAxis::Last => place % self.channels,
        }
    }
}

/// Product of two computed matrices; leading dimensions broadcast.
pub fn product(inputs: [Bytes<'_>; 2], output: &Value, bounds: Bounds) -> Vec<u8> {
    let [left, right] = inputs;
    let meaning = quantization(output);
    let multiplier = left.quantization.scale * right.quantization.scale / meaning.scale;
    let depth = left.shape.last().copied().unwrap_or(1);
    let element = |index: Vec<usize>| {
        let (matrices, place) = index.split_at(index.len() - 2);
        let mut sum = 0_i32;
        for k in 0..depth {
            let one = at(left, matrices, [place[0], k]);
            let two = at(right, matrices, [k, place[1]]);
            sum = sum.wrapping_add(one * two);
        }
        requantize(sum, multiplier, meaning.zero_point, bounds)
    };
    indices(&output.shape).map(element).collect()
}

/// An element of one of many matrices, its zero point taken off.
fn at(input: Bytes<'_>, matrices: &[usize], place: [usize; 2]) -> i32 {
    let leading = input.shape.len() - 2;
    let own = &matrices[matrices.len() - leading..];
    let mut index: Vec<usize> =
        own.iter().zip(input.shape).map(|(index, length)| if *length == 1 { 0 } else { *index }).collect();
    index.extend(place);
    i32::from(input.bytes[ravel(&index, input.shape)]) - i32::from(input.quantization.zero_point)
}
