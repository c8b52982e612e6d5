//! Convolutions, and products with constant weights.

use super::access::Shared;
use super::depthwise::{CHANNELS, DepthwiseConvolution};
use super::gather::Gather;
use super::panels::{Matrix, Panels};
use super::tile::To;
use super::work::{self, Work};
use super::{Kernels, Large};
use crate::graph::{Convolution, Window};
use crate::quantization::Bounds;
use crate::threads::Threads;

/// The shapes of a convolution whose channels lie together: (batch, height, width, channels).
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// How many pictures.
    pub batch: usize,
    /// Height and width of the input.
    pub input_size: [usize; 2],
    /// Channels of the input.
    pub input_channels: usize,
    /// Height and width of the output.
    pub output_size: [usize; 2],
    /// Channels of the output.
    pub output_channels: usize,
    /// The window.
    pub window: Window,
    /// How many groups the channels are in.
    pub groups: usize,
    /// Elements from one pixel of the input to the next, no fewer than its channels.
    pub input_pitch: usize,
    /// Elements from one pixel of the output to the next, no fewer than its channels.
    pub output_pitch: usize,
}

impl Geometry {
    /// Channels of a group of the input.
    pub const fn group_channels(&self) -> usize {
        self.input_channels / self.groups
    }

    /// Products that make one output element.
    pub const fn depth(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.group_channels()
    }

    /// Output pixels.
    pub const fn rows(&self) -> usize {
        self.batch * self.output_size[0] * self.output_size[1]
    }

    /// Whether output pixels see one input pixel each, in order.
    pub fn is_pointwise(&self) -> bool {
        self.window == Window { dilation: self.window.dilation, ..Window::POINT }
    }

    /// Where a pixel starts; none in the padding. `place` counts the padding above and to the left.
    #[inline(always)]
    pub fn pixel(&self, picture: usize, place: [usize; 2]) -> Option<usize> {
        let row = place[0].wrapping_sub(self.window.pad_before[0]);
        let column = place[1].wrapping_sub(self.window.pad_before[1]);
        let [height, width] = self.input_size;
        (row < height && column < width).then(|| ((picture * height + row) * width + column) * self.input_pitch)
    }
}

/// Where results go.
pub enum Destination<'a> {
    /// To bytes with this zero point.
    Bytes {
        /// The output's zero point.
        zero_point: u8,
        /// The output.
        bytes: &'a mut [u8],
    },
    /// To sums without bias.
    Sums(&'a mut [i32]),
}

/// A destination that threads share.
enum Sink<'a> {
    Bytes(u8, Shared<'a, u8>),
    Sums(Shared<'a, i32>),
}

impl Sink<'_> {
    fn to<'a>(&'a self, multipliers: &'a [f32], bounds: Bounds) -> To<'a> {
        match self {
            Self::Bytes(zero_point, output) => To::Bytes { multipliers, zero_point: *zero_point, bounds, output },
            Self::Sums(output) => To::Sums(output),
        }
    }
}

/// A convolution whose weights are packed for one instruction set.
#[derive(Clone, Debug)]
pub struct PackedConvolution {
    kernels: &'static Kernels,
    geometry: Geometry,
    weights: Weights,
    /// By output channel, each group filled up to whole panels: what is added, sums of weights, and so on.
    columns: Columns,
    bounds: Bounds,
}

#[derive(Clone, Debug)]
enum Weights {
    Depthwise(Box<DepthwiseConvolution>),
    /// One for each group.
    Panels(Vec<Panels>),
}

#[derive(Clone, Debug)]
struct Columns {
    /// Columns of one group, filled up.
    group: usize,
    bias: Vec<i32>,
    /// Sums of each channel's weights, their zero points taken off.
    weight_sums: Vec<i32>,
    /// What gives back what the tiles take off the bytes of their rows.
    given_back: Vec<i32>,
    multipliers: Vec<f32>,
    /// Empty when all are zero, and for depthwise convolutions.
    weight_zero_points: Vec<i32>,
}

impl PackedConvolution {
    /// Packs a convolution that [`check`](crate::check::check) found right.
    #[must_use]
    pub fn new(kernels: &'static Kernels, geometry: Geometry, convolution: &Convolution) -> Self {
        let mut kernels = kernels.for_weights(&convolution.weights);
        let (weights, columns) = if DepthwiseConvolution::is(&geometry) {
            let weights = DepthwiseConvolution::new(kernels, geometry, convolution);
            let columns = Columns::new(&geometry, convolution, CHANNELS, weights.taken());
            (Weights::Depthwise(Box::new(weights)), columns)
        } else {
            let (packed_for, panels) = pack_groups(kernels, &geometry, convolution);
            kernels = packed_for;
            (Weights::Panels(panels), Columns::new(&geometry, convolution, kernels.columns, kernels.taken))
        };
        Self { kernels, geometry, weights, columns, bounds: convolution.bounds }
    }

    /// Scratch memory that so many threads need.
    #[must_use]
    pub fn scratch_bytes(&self, threads: usize) -> usize {
        let folded = self.folded_bytes();
        match &self.weights {
            Weights::Depthwise(weights) => folded + weights.scratch_bytes(),
            Weights::Panels(_) => folded + Work::scratch_bytes(self.kernels, &self.geometry, threads),
        }
    }

    fn folded_bytes(&self) -> usize {
        size_of_val(&self.columns.bias[..]).next_multiple_of(crate::plan::ALIGNMENT)
    }

    /// Convolves. `scratch` starts at a cache line.
    pub fn run(
        &self,
        input: &[u8],
        input_zero_point: u8,
        destination: Destination<'_>,
        scratch: &mut [u8],
        threads: &Threads,
    ) {
        let with_bias = matches!(destination, Destination::Bytes { .. });
        let sink = match destination {
            Destination::Bytes { zero_point, bytes } => Sink::Bytes(zero_point, Shared::new(bytes)),
            Destination::Sums(sums) => Sink::Sums(Shared::new(sums)),
        };
        let (folded, scratch) = scratch.split_at_mut(self.folded_bytes());
        let folded: &mut [i32] = bytemuck::cast_slice_mut(folded);
        self.columns.fold(input_zero_point, with_bias, folded);
        match &self.weights {
            Weights::Depthwise(weights) => {
                let gather = Gather { geometry: &self.geometry, group: 0, input, zero_point: input_zero_point };
                let to = sink.to(&self.columns.multipliers, self.bounds);
                weights.run(gather, folded, to, scratch, threads);
            }
            Weights::Panels(groups) => {
                for (group, panels) in groups.iter().enumerate() {
                    let gather = Gather { geometry: &self.geometry, group, input, zero_point: input_zero_point };
                    self.work(gather, panels, folded, &sink).run(scratch, threads);
                }
            }
        }
    }

    fn work<'a>(&'a self, rows: Gather<'a>, panels: &'a Panels, folded: &'a [i32], sink: &'a Sink<'a>) -> Work<'a> {
        let columns = self.geometry.output_channels / self.geometry.groups;
        let filled = rows.group * self.columns.group;
        let zero_points = &self.columns.weight_zero_points;
        Work {
            kernels: self.kernels,
            rows,
            panels: work::Weights::Panels(panels),
            columns,
            bias: &folded[filled..],
            weight_zero_points: zero_points.get(filled..).unwrap_or(&[]),
            to: sink.to(&self.columns.multipliers[filled..], self.bounds),
            first: rows.group * columns,
            pitch: self.geometry.output_pitch,
        }
    }
}

/// The weights of each group, and the kernels that they are packed for.
fn pack_groups(
    kernels: &'static Kernels,
    geometry: &Geometry,
    convolution: &Convolution,
) -> (&'static Kernels, Vec<Panels>) {
    let depth = geometry.depth();
    let columns = geometry.output_channels / geometry.groups;
    let bytes: &[u8] = bytemuck::cast_slice(&convolution.weights);
    let matrix = |group: usize| {
        let bytes = &bytes[group * columns * depth..];
        Matrix { bytes, strides: [1, depth], depth, columns, flip: 0 }
    };
    let groups = 0..geometry.groups;
    let symmetric = convolution.weight_zero_points.iter().all(|zero_point| *zero_point == 0);
    let size = [geometry.rows(), depth, columns];
    let suits = |large: &&Large| {
        size.iter().zip(large.least).all(|(size, least)| *size >= least) && (symmetric || !large.in_pairs)
    };
    if let Some(large) = kernels.large.as_ref().filter(suits) {
        let pack = |group: usize| match large.in_pairs {
            true => Panels::in_pairs(large.kernels, matrix(group)),
            false => Some(Panels::new(large.kernels, matrix(group))),
        };
        if let Some(panels) = groups.clone().map(pack).collect() {
            return (large.kernels, panels);
        }
    }
    (kernels, groups.map(|group| Panels::new(kernels, matrix(group))).collect())
}

impl Columns {
    fn new(geometry: &Geometry, convolution: &Convolution, whole: usize, taken: i32) -> Self {
        // Depthwise kernels take all channels as one group.
        let depthwise = DepthwiseConvolution::is(geometry);
        let groups = if depthwise { 1 } else { geometry.groups };
        let channels = geometry.output_channels / groups;
        let filled = Filled { groups, channels, group: channels.next_multiple_of(whole) };
        let depth = geometry.depth();
        let zero_point =
            |channel: usize| convolution.weight_zero_points.get(channel).map_or(0, |zero| i32::from(*zero));
        let sum = |channel: usize| {
            let weights = &convolution.weights[channel * depth..(channel + 1) * depth];
            weights.iter().map(|weight| i32::from(*weight) - zero_point(channel)).sum()
        };
        let given_back = |channel: usize| taken * (sum(channel) + depth as i32 * zero_point(channel));
        let any = convolution.weight_zero_points.iter().any(|zero_point| *zero_point != 0);
        let taken_off = depthwise || !any;
        Self {
            group: filled.group,
            bias: filled.values(|channel| convolution.bias.get(channel).copied().unwrap_or(0)),
            weight_sums: filled.values(sum),
            given_back: filled.values(given_back),
            multipliers: filled.values(|channel| convolution.multipliers.get(channel).copied().unwrap_or(0.0)),
            weight_zero_points: if taken_off { Vec::new() } else { filled.values(zero_point) },
        }
    }

    /// What is added to the sums of raw bytes by raw weights.
    fn fold(&self, input_zero_point: u8, with_bias: bool, folded: &mut [i32]) {
        let columns = self.bias.iter().zip(&self.weight_sums).zip(&self.given_back);
        for (folded, ((bias, sum), given_back)) in folded.iter_mut().zip(columns) {
            let bias = if with_bias { *bias } else { 0 };
            let zero = i32::from(input_zero_point).wrapping_mul(*sum);
            *folded = bias.wrapping_sub(zero).wrapping_add(*given_back);
        }
    }
}

/// Channels in groups, each filled up to whole panels.
struct Filled {
    groups: usize,
    channels: usize,
    group: usize,
}

impl Filled {
    fn values<T: Default>(&self, value: impl Fn(usize) -> T) -> Vec<T> {
        let one = |place: usize| {
            let (group, column) = (place / self.group, place % self.group);
            if column < self.channels { value(group * self.channels + column) } else { T::default() }
        };
        (0..self.groups * self.group).map(one).collect()
    }
}
