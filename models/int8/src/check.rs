//! Whether a graph holds together: what runs it afterwards needs no checks of its own.

use crate::float::FloatOperation;
use crate::graph::{ChannelAxis, Convolution, Graph, Kind, MAXIMUM_RANK, Node, Operation, Pool, Value, ValueId};

/// Why a graph can't be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A node contradicts its values or its own parameters.
    #[error("node `{node}`: {reason}")]
    Node {
        /// Which node.
        node: String,
        /// What is wrong.
        reason: String,
    },
    /// A value is impossible.
    #[error("value `{value}`: {reason}")]
    Value {
        /// Which value.
        value: String,
        /// What is wrong.
        reason: String,
    },
    /// An input doesn't fit.
    #[error("input `{name}` has {actual} elements of its type, {expected} are wanted")]
    Input {
        /// Which input.
        name: String,
        /// Elements wanted.
        expected: usize,
        /// Elements given.
        actual: usize,
    },
    /// Not all inputs are there.
    #[error("{expected} inputs are wanted")]
    Inputs {
        /// How many are wanted.
        expected: usize,
    },
}

/// The most elements that one value may have.
pub const MAXIMUM_ELEMENTS: usize = 1 << 30;

/// Checks that every node's inputs are made before it, and that shapes, kinds and parameters fit each other.
///
/// # Errors
/// At the first contradiction.
pub fn check(graph: &Graph) -> Result<(), GraphError> {
    graph.values.iter().try_for_each(check_value)?;
    let mut made = vec![false; graph.values.len()];
    let unknown = |id: &ValueId| GraphError::Value { value: format!("#{}", id.0), reason: "isn't made".to_owned() };
    for id in &graph.inputs {
        *made.get_mut(id.0).ok_or_else(|| unknown(id))? = true;
    }
    for node in &graph.nodes {
        let is_made = |id: &ValueId| made.get(id.0).copied().unwrap_or(false);
        node.inputs.iter().find(|id| !is_made(id)).map_or(Ok(()), |id| Err(unknown(id)))?;
        for id in &node.outputs {
            let place = made.get_mut(id.0).ok_or_else(|| unknown(id))?;
            let twice =
                || GraphError::Value { value: graph.values[id.0].name.clone(), reason: "is made twice".to_owned() };
            if std::mem::replace(place, true) {
                Err(twice())?
            }
        }
        let view = View { graph, node };
        view.check().map_err(|reason| GraphError::Node { node: node.name.clone(), reason })?;
    }
    graph.outputs.iter().find(|id| !made.get(id.0).copied().unwrap_or(false)).map_or(Ok(()), |id| Err(unknown(id)))
}

fn check_value(value: &Value) -> Result<(), GraphError> {
    let wrong = |reason: &str| Err(GraphError::Value { value: value.name.clone(), reason: reason.to_owned() });
    let elements = value.shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
    if value.shape.len() > MAXIMUM_RANK {
        return wrong("has too many dimensions");
    }
    if elements.is_none_or(|elements| elements == 0 || elements > MAXIMUM_ELEMENTS) {
        return wrong("is empty or too large");
    }
    match value.kind {
        Kind::Quantized(quantization) if !(quantization.scale.is_finite() && quantization.scale > 0.0) => {
            wrong("has a scale that isn't a number above zero")
        }
        _ => Ok(()),
    }
}

/// A node with its values.
struct View<'a> {
    graph: &'a Graph,
    node: &'a Node,
}

type Reason = Result<(), String>;

type IsKind = fn(Kind) -> bool;

fn demand(holds: bool, reason: &str) -> Reason {
    if holds { Ok(()) } else { Err(reason.to_owned()) }
}

impl View<'_> {
    fn input(&self, index: usize) -> &Value {
        &self.graph.values[self.node.inputs[index].0]
    }

    fn output(&self) -> &Value {
        &self.graph.values[self.node.outputs[0].0]
    }

    fn check(&self) -> Reason {
        self.check_counts()?;
        self.check_kinds()?;
        let expected = self.expected_shape()?;
        let actual = &self.output().shape;
        demand(*actual == expected, &format!("makes shape {expected:?}, its value has {actual:?}"))
    }

    fn check_counts(&self) -> Reason {
        let inputs = match self.node.operation {
            Operation::Constant(_) | Operation::Float(FloatOperation::Constant(_)) => 0..=0,
            Operation::Product { .. }
            | Operation::Binary { .. }
            | Operation::IntegerConvolution(_)
            | Operation::Float(FloatOperation::Binary(_) | FloatOperation::Product) => 2..=2,
            Operation::Concat { .. } => 1..=usize::MAX,
            _ => 1..=1,
        };
        let outputs = if matches!(self.node.operation, Operation::DynamicQuantize) { 3 } else { 1 };
        demand(inputs.contains(&self.node.inputs.len()), "has another number of inputs than it takes")?;
        demand(self.node.outputs.len() == outputs, "has another number of outputs than it makes")
    }

    fn check_kinds(&self) -> Reason {
        let is_bytes = |value: &Value| matches!(value.kind, Kind::Quantized(_) | Kind::Bytes);
        let (input, output): (IsKind, IsKind) = match self.node.operation {
            Operation::Quantize => (is_float, is_quantized),
            Operation::Dequantize => (is_quantized, is_float),
            Operation::FlipSign => return demand(is_bytes(self.input(0)) && is_bytes(self.output()), "takes bytes"),
            Operation::DynamicQuantize => (is_float, |kind| kind == Kind::Bytes),
            Operation::IntegerConvolution(_) => (|kind| kind == Kind::Bytes, |kind| kind == Kind::Sums),
            Operation::Float(FloatOperation::FromSums) => (|kind| kind == Kind::Sums, is_float),
            Operation::Float(_) => (is_float, is_float),
            Operation::Select { .. } | Operation::Reshape | Operation::Transpose { .. } | Operation::Concat { .. }
                if is_float(self.output().kind) =>
            {
                (is_float, is_float)
            }
            _ => (is_quantized, is_quantized),
        };
        let inputs = (0..self.node.inputs.len()).all(|index| input(self.input(index).kind));
        demand(inputs && output(self.output().kind), "takes or makes another kind of elements")?;
        self.check_carried()
    }

    /// Operations that move bytes leave their meaning as it is.
    fn check_carried(&self) -> Reason {
        match self.node.operation {
            Operation::Select { .. } | Operation::Reshape | Operation::Transpose { .. } | Operation::Pad { .. } => {
                demand(self.input(0).kind == self.output().kind, "carries elements to another kind")
            }
            _ => Ok(()),
        }
    }

    fn expected_shape(&self) -> Result<Vec<usize>, String> {
        match &self.node.operation {
            Operation::Constant(bytes) => {
                let shape = &self.output().shape;
                demand(bytes.len() == shape.iter().product::<usize>(), "has another number of bytes than its shape")?;
                Ok(shape.clone())
            }
            Operation::Float(FloatOperation::Constant(floats)) => {
                let shape = &self.output().shape;
                demand(floats.len() == shape.iter().product::<usize>(), "has another number of floats than its shape")?;
                Ok(shape.clone())
            }
            Operation::Convolution(convolution) | Operation::IntegerConvolution(convolution) => {
                self.convolution(convolution)
            }
            Operation::Product { .. } | Operation::Float(FloatOperation::Product) => self.product(),
            Operation::Binary { .. } | Operation::Float(FloatOperation::Binary(_)) => {
                broadcast(&self.input(0).shape, &self.input(1).shape)
            }
            Operation::Concat { axis } => self.concat(*axis),
            Operation::Pool(pool) => self.pool(pool),
            Operation::Mean { axes } | Operation::Float(FloatOperation::Reduce { axes, .. }) => self.reduced(axes),
            Operation::Softmax { axis } | Operation::Float(FloatOperation::Softmax { axis }) => {
                demand(*axis < self.input(0).shape.len(), "has no such axis")?;
                Ok(self.input(0).shape.clone())
            }
            Operation::LayerNorm(norm) => {
                let length = self.input(0).shape.last().copied().unwrap_or(0);
                let bias = norm.bias.len();
                demand(norm.scale.len() == length && (bias == 0 || bias == length), "has another number of factors")?;
                Ok(self.input(0).shape.clone())
            }
            Operation::Select { axis, indices } => self.select(*axis, indices),
            Operation::Reshape => {
                let shape = &self.output().shape;
                let same = shape.iter().product::<usize>() == self.input(0).shape.iter().product::<usize>();
                demand(same, "changes the number of elements")?;
                Ok(shape.clone())
            }
            Operation::Transpose { permutation } => self.transpose(permutation),
            Operation::Pad { before, after, .. } => self.pad(before, after),
            Operation::Quantize
            | Operation::Dequantize
            | Operation::FlipSign
            | Operation::Table(_)
            | Operation::DynamicQuantize
            | Operation::Float(FloatOperation::FromSums | FloatOperation::Function(_)) => {
                Ok(self.input(0).shape.clone())
            }
        }
    }

    fn convolution(&self, convolution: &Convolution) -> Result<Vec<usize>, String> {
        let shape = &self.input(0).shape;
        let spatial = match convolution.layout {
            ChannelAxis::Last => {
                demand(!shape.is_empty() && convolution.window == crate::graph::Window::POINT, "is no product")?;
                demand(convolution.groups == 1, "is a product in groups")?;
                None
            }
            ChannelAxis::Second => Some(picture_size(shape)?),
        };
        let channels = if spatial.is_some() { shape[1] } else { shape[shape.len() - 1] };
        check_convolution(convolution, channels)?;
        let mut shape = shape.clone();
        let Some(size) = spatial else {
            shape.pop();
            shape.push(convolution.output_channels);
            return Ok(shape);
        };
        let size = convolution.window.output_size(size).ok_or("has a window larger than its input")?;
        shape[1] = convolution.output_channels;
        let first = 4 - shape.len();
        shape[2..].copy_from_slice(&size[first..]);
        Ok(shape)
    }

    fn product(&self) -> Result<Vec<usize>, String> {
        let (left, right) = (&self.input(0).shape, &self.input(1).shape);
        demand(left.len() >= 2 && right.len() >= 2, "takes matrices")?;
        let ([left_leading @ .., rows, depth], [right_leading @ .., other, columns]) = (&left[..], &right[..]) else {
            return Err("takes matrices".to_owned());
        };
        demand(depth == other, "has matrices that don't fit")?;
        if let [Kind::Quantized(left), Kind::Quantized(right), Kind::Quantized(output)] =
            [self.input(0).kind, self.input(1).kind, self.output().kind]
        {
            demand((left.scale * right.scale / output.scale).is_finite(), "has an infinite multiplier")?;
        }
        let mut shape = broadcast(left_leading, right_leading)?;
        shape.extend([rows, columns]);
        Ok(shape)
    }

    fn concat(&self, axis: usize) -> Result<Vec<usize>, String> {
        let mut shape = self.input(0).shape.clone();
        demand(axis < shape.len(), "has no such axis")?;
        shape[axis] = 0;
        for index in 0..self.node.inputs.len() {
            let other = &self.input(index).shape;
            let fits = other.len() == shape.len() && (0..shape.len()).all(|at| at == axis || other[at] == shape[at]);
            demand(fits, "joins shapes that don't fit")?;
            shape[axis] += other[axis];
        }
        Ok(shape)
    }

    fn pool(&self, pool: &Pool) -> Result<Vec<usize>, String> {
        let mut shape = self.input(0).shape.clone();
        let size = picture_size(&shape)?;
        let window = &pool.window;
        // A window that lies in the padding alone has neither a greatest element nor a mean.
        let reach = |axis: usize| {
            window.pad_before[axis].max(window.pad_after[axis]) < window.kernel[axis] * window.dilation[axis]
        };
        demand(window.dilation.iter().all(|step| *step > 0) && reach(0) && reach(1), "pads more than its window")?;
        let size = window.output_size(size).ok_or("has a window larger than its input")?;
        let first = 4 - shape.len();
        shape[2..].copy_from_slice(&size[first..]);
        Ok(shape)
    }

    fn reduced(&self, axes: &[usize]) -> Result<Vec<usize>, String> {
        let mut shape = self.input(0).shape.clone();
        for axis in axes {
            *shape.get_mut(*axis).ok_or("has no such axis")? = 1;
        }
        demand(axes.is_sorted_by(|one, two| one < two), "has axes out of order")?;
        Ok(shape)
    }

    fn select(&self, axis: usize, indices: &[usize]) -> Result<Vec<usize>, String> {
        let mut shape = self.input(0).shape.clone();
        let length = *shape.get(axis).ok_or("has no such axis")?;
        demand(indices.iter().all(|index| *index < length), "selects what isn't there")?;
        shape[axis] = indices.len();
        Ok(shape)
    }

    fn transpose(&self, permutation: &[usize]) -> Result<Vec<usize>, String> {
        let shape = &self.input(0).shape;
        let mut axes = permutation.to_vec();
        axes.sort_unstable();
        demand(axes.iter().copied().eq(0..shape.len()), "has no permutation of its axes")?;
        Ok(permutation.iter().map(|axis| shape[*axis]).collect())
    }

    fn pad(&self, before: &[usize], after: &[usize]) -> Result<Vec<usize>, String> {
        let shape = &self.input(0).shape;
        demand(before.len() == shape.len() && after.len() == shape.len(), "pads another number of axes")?;
        Ok(shape.iter().zip(before).zip(after).map(|((length, before), after)| length + before + after).collect())
    }
}

fn is_float(kind: Kind) -> bool {
    kind == Kind::Float
}

fn is_quantized(kind: Kind) -> bool {
    matches!(kind, Kind::Quantized(_))
}

/// Height and width of (N, C, W) or (N, C, H, W).
fn picture_size(shape: &[usize]) -> Result<[usize; 2], String> {
    match shape {
        [_, _, width] => Ok([1, *width]),
        [_, _, height, width] => Ok([*height, *width]),
        _ => Err("takes (N, C, W) or (N, C, H, W)".to_owned()),
    }
}

fn check_convolution(convolution: &Convolution, channels: usize) -> Reason {
    let Convolution { groups, output_channels, window, .. } = convolution;
    let whole = *groups > 0 && channels.is_multiple_of(*groups) && output_channels.is_multiple_of(*groups);
    demand(whole && *output_channels > 0, "has channels that its groups don't divide")?;
    let taps = window.kernel[0].saturating_mul(window.kernel[1]);
    let weights = taps.checked_mul(channels / groups).and_then(|depth| depth.checked_mul(*output_channels));
    demand(weights == Some(convolution.weights.len()) && taps > 0, "has another number of weights than its shape")?;
    let optional = |length: usize| length == 0 || length == *output_channels;
    demand(optional(convolution.bias.len()), "has another number of biases than channels")?;
    demand(optional(convolution.weight_zero_points.len()), "has another number of zero points than channels")?;
    demand(convolution.multipliers.len() == *output_channels, "has another number of multipliers than channels")?;
    demand(convolution.multipliers.iter().all(|multiplier| multiplier.is_finite()), "has an infinite multiplier")?;
    demand(window.stride.iter().chain(&window.dilation).all(|step| *step > 0), "has a step of zero")?;
    demand(convolution.bounds.low <= convolution.bounds.high, "has bounds the wrong way round")
}

/// The shape that two shapes broadcast to.
fn broadcast(one: &[usize], two: &[usize]) -> Result<Vec<usize>, String> {
    let rank = one.len().max(two.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    let along = |axis: usize| match (length(one, axis), length(two, axis)) {
        (one, two) if one == two || two == 1 => Ok(one),
        (1, two) => Ok(two),
        _ => Err("has shapes that don't broadcast".to_owned()),
    };
    (0..rank).map(along).collect()
}
