//! A quantized region as a graph of integer operations: what is to be computed, not how.
//!
//! Shapes and axes are logical, in ONNX's order (N, C, H, W for pictures). How values lie in memory is the plan's
//! business. A value is made by one node or given as an input, and nodes stand in an order in which they can run.

use std::sync::Arc;

use crate::float::FloatOperation;
use crate::quantization::{Bounds, Quantization};

/// A region's computation.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Every tensor that flows.
    pub values: Vec<Value>,
    /// Operations, each after those that make its inputs.
    pub nodes: Vec<Node>,
    /// Values given from outside, in order.
    pub inputs: Vec<ValueId>,
    /// Values handed out, in order.
    pub outputs: Vec<ValueId>,
}

/// A place in [`Graph::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub usize);

/// A tensor that flows.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its name in the ONNX file.
    pub name: String,
    /// Its dimensions, in ONNX's order; no more than [`MAXIMUM_RANK`].
    pub shape: Vec<usize>,
    /// What its elements are.
    pub kind: Kind,
}

/// More dimensions than any operation here takes.
pub const MAXIMUM_RANK: usize = 8;

/// What the elements of a value are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Bytes with a meaning.
    Quantized(Quantization),
    /// Bytes whose scale and zero point are computed while running, by [`Operation::DynamicQuantize`].
    Bytes,
    /// 32-bit floating point.
    Float,
    /// 32-bit sums of products.
    Sums,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in the ONNX file.
    pub name: String,
    /// What it does.
    pub operation: Operation,
    /// What it takes.
    pub inputs: Vec<ValueId>,
    /// What it makes.
    pub outputs: Vec<ValueId>,
}

/// What an operation does. Unless said otherwise it takes one quantized value and makes one quantized value. What only moves
/// elements ([`Self::Select`], [`Self::Reshape`], [`Self::Transpose`]) or joins them ([`Self::Concat`]) does so with floats, too.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Bytes that never change, in ONNX's order. Takes nothing.
    Constant(Arc<[u8]>),
    /// Float to quantized.
    Quantize,
    /// Quantized to float.
    Dequantize,
    /// Changes the sign convention of bytes that enter or leave the region as ONNX `int8`: 128 is added, modulo 256.
    /// Both sides are bytes; the side outside the region is the ONNX tensor.
    FlipSign,
    /// Convolution, or a product with constant weights.
    Convolution(Convolution),
    /// Product of two computed quantized matrices: (…, M, K) by (…, K, N) gives (…, M, N); leading dimensions broadcast.
    Product {
        /// Narrows the result.
        bounds: Bounds,
    },
    /// Two quantized values, element by element; dimensions broadcast as in ONNX.
    Binary {
        /// Which.
        operator: BinaryOperator,
        /// Narrows the result.
        bounds: Bounds,
        /// Whether ONNX's tensors are `int8`: their sums round a little differently.
        signed: bool,
    },
    /// Any function of one quantized value, as the output byte of every input byte.
    Table(Box<[u8; 256]>),
    /// Values one after the other along an axis. Inputs of another quantization than the output's are brought to it.
    Concat {
        /// The axis, from 0.
        axis: usize,
    },
    /// Greatest or mean value under a moving window over the last one or two axes. Input (N, C, W) or (N, C, H, W).
    Pool(Pool),
    /// Mean over axes, which stay with length 1.
    Mean {
        /// The axes, ascending.
        axes: Vec<usize>,
    },
    /// Softmax over one axis.
    Softmax {
        /// The axis, from 0.
        axis: usize,
    },
    /// Layer normalization over the last axis.
    LayerNorm(LayerNorm),
    /// Chosen places along one axis: slices, splits, gathers by constants, nearest-neighbour resizing.
    Select {
        /// The axis, from 0.
        axis: usize,
        /// Places in the input, in the output's order.
        indices: Arc<[usize]>,
    },
    /// Another shape of the same elements, in ONNX's (row-major) order.
    Reshape,
    /// Axes in another order: output axis `i` is input axis `permutation[i]`.
    Transpose {
        /// The order.
        permutation: Vec<usize>,
    },
    /// More elements at the edges, of one value.
    Pad {
        /// How many before, for each axis.
        before: Vec<usize>,
        /// How many after, for each axis.
        after: Vec<usize>,
        /// The byte of the new elements.
        fill: u8,
    },
    /// ONNX `DynamicQuantizeLinear`: float to bytes, their scale (float, no axes) and zero point (bytes, no axes).
    DynamicQuantize,
    /// ONNX `ConvInteger` and `MatMulInteger` with constant weights: bytes, and their zero point (bytes, no axes), to
    /// sums. The convolution's multipliers and bounds mean nothing; its input's zero point comes as a value.
    IntegerConvolution(Convolution),
    /// Floats from floats, between quantized parts.
    Float(FloatOperation),
}

/// A convolution over the last one or two axes, or (with [`Window::POINT`]) a product with constant weights.
///
/// A product takes (…, K) and gives (…, N): channels are its last axis. A convolution takes (N, C, W) or (N, C, H, W).
#[derive(Clone, Debug)]
pub struct Convolution {
    /// Where channels and space are.
    pub layout: ChannelAxis,
    /// The window, one entry per spatial axis (two always: a 1-D convolution has height 1).
    pub window: Window,
    /// How many groups the channels are in.
    pub groups: usize,
    /// Output channels.
    pub output_channels: usize,
    /// Weights, in the order (output channel, kernel row, kernel column, input channel of the group).
    pub weights: Arc<[i8]>,
    /// Zero point of the weights for each output channel; empty: all zero.
    pub weight_zero_points: Vec<i8>,
    /// Added to each output channel's sum, in units of input scale × weight scale; empty: zeros.
    pub bias: Vec<i32>,
    /// For each output channel: input scale × weight scale / output scale, computed in that order in `f32`.
    pub multipliers: Vec<f32>,
    /// Narrows the result.
    pub bounds: Bounds,
}

/// Where an operation finds its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelAxis {
    /// After the batch, before space: convolutions.
    Second,
    /// At the end: products.
    Last,
}

/// A moving window over height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Steps.
    pub stride: [usize; 2],
    /// Distance of neighbouring elements.
    pub dilation: [usize; 2],
    /// Elements added above and to the left.
    pub pad_before: [usize; 2],
    /// Elements added below and to the right.
    pub pad_after: [usize; 2],
}

impl Window {
    /// One place, which doesn't move over its neighbours.
    pub const POINT: Self =
        Self { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad_before: [0, 0], pad_after: [0, 0] };

    /// Output height and width for an input of `size`; none when the window is larger than the padded input.
    #[must_use]
    pub fn output_size(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let reach = (self.kernel[axis].checked_sub(1)?).checked_mul(self.dilation[axis])?.checked_add(1)?;
            let padded = size[axis].checked_add(self.pad_before[axis])?.checked_add(self.pad_after[axis])?;
            padded.checked_sub(reach)?.checked_div(self.stride[axis]).map(|steps| steps + 1)
        };
        Some([along(0)?, along(1)?])
    }
}

/// An operator of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// Sum.
    Add,
    /// First minus second.
    Sub,
    /// Product.
    Mul,
}

/// Pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Which.
    pub kind: PoolKind,
    /// The window. Padded elements never count as greatest.
    pub window: Window,
    /// Narrows the result.
    pub bounds: Bounds,
}

/// What a pool takes from a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The greatest byte, then brought to the output's quantization when it differs.
    Max,
    /// The mean; padded elements count as zeros where asked.
    Average {
        /// ONNX `count_include_pad`.
        count_include_pad: bool,
    },
}

/// Layer normalization over the last axis: `(x − mean) / sqrt(variance + epsilon) × scale + bias`, in `f32`.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// Added to the variance.
    pub epsilon: f32,
    /// One factor for each element of the last axis.
    pub scale: Arc<[f32]>,
    /// One addend for each element of the last axis; empty: zeros.
    pub bias: Arc<[f32]>,
}
