//! Random graphs, the same for the same seed.

use std::sync::Arc;

use edgeval_int8::float::{FloatFunction, FloatOperation, FloatOperator, Reduction};
use edgeval_int8::graph::{
    BinaryOperator, ChannelAxis, Convolution, Graph, Kind, LayerNorm, Node, Operation, Pool, PoolKind, Value, ValueId,
    Window,
};
use edgeval_int8::quantization::{Bounds, Quantization};

/// A generator of numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both possible.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        // One in four is all extremes, where saturation happens.
        let extreme = self.chance(25);
        let byte = |random: &mut Self| if extreme { [0, 255][random.between(0, 1)] } else { random.next() as u8 };
        (0..length).map(|_| byte(self)).collect()
    }

    fn quantization(&mut self) -> Quantization {
        let zero_point = [0, 255, 128, self.next() as u8][self.between(0, 3)];
        Quantization { scale: self.between(1, 2000) as f32 / 10_000.0, zero_point }
    }

    fn bounds(&mut self) -> Bounds {
        let (one, two) = (self.next() as u8, self.next() as u8);
        if self.chance(60) { Bounds { low: 0, high: 255 } } else { Bounds { low: one.min(two), high: one.max(two) } }
    }
}

/// A graph that grows by random operations.
pub struct Grower {
    pub random: Random,
    pub graph: Graph,
}

impl Grower {
    /// A graph with one quantized input and about `length` operations.
    pub fn grow(seed: u64, length: usize) -> Graph {
        let mut grower = Self { random: Random(seed), graph: Graph::default() };
        let shape = grower.first_shape();
        let input = if grower.random.chance(50) {
            let floats = grower.value(shape.clone(), Kind::Float);
            grower.graph.inputs.push(floats);
            grower.quantized(Operation::Quantize, &[floats], shape)
        } else {
            let kind = Kind::Quantized(grower.random.quantization());
            let bytes = grower.value(shape, kind);
            grower.graph.inputs.push(bytes);
            bytes
        };
        let mut made = vec![input];
        for _ in 0..length {
            let from = made[grower.random.between(made.len().saturating_sub(3), made.len() - 1)];
            made.push(grower.add(from));
        }
        grower.finish(&made)
    }

    fn first_shape(&mut self) -> Vec<usize> {
        let random = &mut self.random;
        match random.between(0, 3) {
            0 => vec![random.between(1, 2), random.between(1, 9), random.between(4, 12), random.between(4, 12)],
            1 => vec![random.between(1, 2), random.between(1, 20), random.between(5, 40)],
            2 => vec![random.between(1, 3), random.between(1, 33)],
            _ => vec![1, [3, 16, 32][random.between(0, 2)], random.between(6, 10), random.between(6, 10)],
        }
    }

    /// Some operations on floats, between bytes and bytes.
    fn floats(&mut self, from: ValueId) -> ValueId {
        let mut last = self.float(Operation::Dequantize, &[from], self.shape(from));
        for _ in 0..self.random.between(1, 5) {
            last = self.add_float(last);
            if self.random.chance(20) {
                self.graph.outputs.push(last);
            }
        }
        let shape = self.shape(last);
        self.quantized(Operation::Quantize, &[last], shape)
    }

    fn float(&mut self, operation: Operation, inputs: &[ValueId], shape: Vec<usize>) -> ValueId {
        let output = self.value(shape, Kind::Float);
        self.node(operation, inputs, output);
        output
    }

    fn add_float(&mut self, from: ValueId) -> ValueId {
        let shape = self.shape(from);
        match self.random.between(0, 7) {
            0 => {
                let operation = FloatOperation::Function(self.function());
                self.float(Operation::Float(operation), &[from], shape)
            }
            1 => self.float_binary(from),
            2 => self.float_reduce(from),
            3 => {
                let axis = self.random.between(0, shape.len() - 1);
                self.float(Operation::Float(FloatOperation::Softmax { axis }), &[from], shape)
            }
            4 => self.select(from),
            5 => self.transpose(from),
            6 if shape.len() > 1 && shape[shape.len() - 2] < 40 => {
                let (turned, to) = self.turned(from);
                self.float(Operation::Float(FloatOperation::Product), &[from, turned], to)
            }
            6 => self.reshape(from),
            _ => {
                let axis = self.random.between(0, shape.len() - 1);
                let mut to = shape;
                to[axis] *= 2;
                self.float(Operation::Concat { axis }, &[from, from], to)
            }
        }
    }

    fn function(&mut self) -> FloatFunction {
        let low = self.random.between(0, 20) as f32 - 10.0;
        let clip = FloatFunction::Clip { low, high: low + 7.0 };
        use FloatFunction::{Absolute, Error, Exponential, Negate, Reciprocal, Sigmoid, SquareRoot, Tanh};
        let functions = [SquareRoot, Negate, Absolute, Reciprocal, Exponential, Error, Tanh, Sigmoid, clip];
        functions[self.random.between(0, 8)]
    }

    fn float_binary(&mut self, from: ValueId) -> ValueId {
        use FloatOperator::{Add, Divide, Multiply, Subtract};
        let shape = self.shape(from);
        let other = if self.random.chance(30) {
            from
        } else {
            let own = self.narrower(&shape);
            let floats = self.random.bytes(own.iter().product()).into_iter().map(|byte| f32::from(byte) / 8.0 - 16.0);
            let constant = Operation::Float(FloatOperation::Constant(floats.collect()));
            self.float(constant, &[], own)
        };
        let operator = [Add, Subtract, Multiply, Divide][self.random.between(0, 3)];
        let inputs = if self.random.chance(50) { [from, other] } else { [other, from] };
        self.float(Operation::Float(FloatOperation::Binary(operator)), &inputs, shape)
    }

    fn float_reduce(&mut self, from: ValueId) -> ValueId {
        use Reduction::{Greatest, Least, Mean, Sum};
        let (axes, shape) = self.reduced(self.shape(from));
        let reduction = [Greatest, Least, Mean, Sum][self.random.between(0, 3)];
        self.float(Operation::Float(FloatOperation::Reduce { reduction, axes }), &[from], shape)
    }

    /// The last value leaves as floats, and some others as bytes.
    fn finish(mut self, made: &[ValueId]) -> Graph {
        let last = made[made.len() - 1];
        let shape = self.shape(last);
        let floats = self.value(shape, Kind::Float);
        self.node(Operation::Dequantize, &[last], floats);
        self.graph.outputs.push(floats);
        for id in made {
            if self.random.chance(20) {
                self.graph.outputs.push(*id);
            }
        }
        self.graph
    }

    fn shape(&self, id: ValueId) -> Vec<usize> {
        self.graph.values[id.0].shape.clone()
    }

    fn value(&mut self, shape: Vec<usize>, kind: Kind) -> ValueId {
        let name = format!("value {}", self.graph.values.len());
        self.graph.values.push(Value { name, shape, kind });
        ValueId(self.graph.values.len() - 1)
    }

    fn node(&mut self, operation: Operation, inputs: &[ValueId], output: ValueId) {
        let name = format!("node {}", self.graph.nodes.len());
        self.graph.nodes.push(Node { name, operation, inputs: inputs.to_vec(), outputs: vec![output] });
    }

    fn quantized(&mut self, operation: Operation, inputs: &[ValueId], shape: Vec<usize>) -> ValueId {
        let kind = Kind::Quantized(self.random.quantization());
        let output = self.value(shape, kind);
        self.node(operation, inputs, output);
        output
    }

    fn carried(&mut self, operation: Operation, input: ValueId, shape: Vec<usize>) -> ValueId {
        let output = self.value(shape, self.graph.values[input.0].kind);
        self.node(operation, &[input], output);
        output
    }

    /// Adds one operation on a value.
    fn add(&mut self, from: ValueId) -> ValueId {
        let shape = self.shape(from);
        let picture = matches!(shape.len(), 3 | 4) && shape[1] < 100;
        match self.random.between(0, 15) {
            0..=2 if picture => self.convolution(from),
            0..=2 => self.rows(from),
            3 => self.binary(from),
            4 if picture => self.pool(from),
            5 => {
                let table = self.random.bytes(256).try_into().unwrap();
                self.quantized(Operation::Table(Box::new(table)), &[from], shape)
            }
            6 => self.concat(from),
            7 => self.mean(from),
            8 => {
                let axis = self.random.between(0, shape.len() - 1);
                self.quantized(Operation::Softmax { axis }, &[from], shape)
            }
            9 => self.layer_norm(from),
            10 => self.select(from),
            11 => self.reshape(from),
            12 => self.transpose(from),
            13 if shape.iter().product::<usize>() < 5000 => self.pad(from),
            14 | 15 => self.floats(from),
            _ => self.product(from),
        }
    }

    fn weights(&mut self, length: usize) -> Arc<[i8]> {
        self.random.bytes(length).into_iter().map(|byte| byte as i8).collect()
    }

    fn linear(&mut self, layout: ChannelAxis, window: Window, groups: usize, channels: [usize; 2]) -> Convolution {
        let [from, to] = channels;
        let depth = window.kernel[0] * window.kernel[1] * from / groups;
        let weights = self.weights(depth * to);
        let random = &mut self.random;
        let bias = |random: &mut Random| random.between(0, 20_000) as i32 - 10_000;
        Convolution {
            layout,
            window,
            groups,
            output_channels: to,
            weights,
            weight_zero_points: if random.chance(30) { (0..to).map(|_| random.next() as i8).collect() } else { vec![] },
            bias: if random.chance(80) { (0..to).map(|_| bias(random)).collect() } else { vec![] },
            multipliers: (0..to).map(|_| random.between(1, 1000) as f32 / 1e5 / depth as f32).collect(),
            bounds: random.bounds(),
        }
    }

    fn window(&mut self, size: [usize; 2]) -> Window {
        let random = &mut self.random;
        let kernel = size.map(|size| random.between(1, size.min(4)));
        let dilation = [0, 1].map(|axis| if (kernel[axis] - 1) * 2 < size[axis] { random.between(1, 2) } else { 1 });
        let mut pad = || kernel.map(|kernel| random.between(0, kernel - 1));
        let (pad_before, pad_after) = (pad(), pad());
        let stride = [self.random.between(1, 3), self.random.between(1, 3)];
        let point = self.random.chance(30);
        if point { Window::POINT } else { Window { kernel, stride, dilation, pad_before, pad_after } }
    }

    fn convolution(&mut self, from: ValueId) -> ValueId {
        let mut shape = self.shape(from);
        let size = if shape.len() == 4 { [shape[2], shape[3]] } else { [1, shape[2]] };
        let window = self.window(size);
        let channels = shape[1];
        let groups = [1, channels, if channels.is_multiple_of(2) { 2 } else { 1 }][self.random.between(0, 2)];
        let to = groups * self.random.between(1, if groups == 1 { 40 } else { 2 });
        let convolution = self.linear(ChannelAxis::Second, window, groups, [channels, to]);
        let size = window.output_size(size).unwrap();
        shape[1] = to;
        let first = 4 - shape.len();
        shape[2..].copy_from_slice(&size[first..]);
        self.quantized(Operation::Convolution(convolution), &[from], shape)
    }

    fn rows(&mut self, from: ValueId) -> ValueId {
        let mut shape = self.shape(from);
        let to = self.random.between(1, 40);
        let depth = shape.pop().unwrap();
        let product = self.linear(ChannelAxis::Last, Window::POINT, 1, [depth, to]);
        shape.push(to);
        self.quantized(Operation::Convolution(product), &[from], shape)
    }

    /// With itself transposed, so that depths fit.
    fn product(&mut self, from: ValueId) -> ValueId {
        let shape = self.shape(from);
        if shape.len() < 2 || shape[shape.len() - 2] > 64 {
            return self.rows(from);
        }
        let (turned, to) = self.turned(from);
        let bounds = self.random.bounds();
        self.quantized(Operation::Product { bounds }, &[from, turned], to)
    }

    /// A value with its last axes turned, and the shape of the product with it.
    fn turned(&mut self, from: ValueId) -> (ValueId, Vec<usize>) {
        let shape = self.shape(from);
        let rank = shape.len();
        let permutation = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
        let (mut turned, mut to) = (shape.clone(), shape.clone());
        turned.swap(rank - 1, rank - 2);
        to[rank - 1] = shape[rank - 2];
        (self.carried(Operation::Transpose { permutation }, from, turned), to)
    }

    /// A shape that broadcasts to another.
    fn narrower(&mut self, shape: &[usize]) -> Vec<usize> {
        let first = self.random.between(0, shape.len() - 1);
        shape[first..].iter().map(|length| if self.random.chance(40) { 1 } else { *length }).collect()
    }

    /// Some axes, and the shape without them.
    fn reduced(&mut self, mut shape: Vec<usize>) -> (Vec<usize>, Vec<usize>) {
        let axes: Vec<usize> = (0..shape.len()).filter(|_| self.random.chance(50)).collect();
        axes.iter().for_each(|axis| shape[*axis] = 1);
        (axes, shape)
    }

    fn binary(&mut self, from: ValueId) -> ValueId {
        let shape = self.shape(from);
        let kind = Kind::Quantized(self.random.quantization());
        let other = if self.random.chance(30) {
            from
        } else {
            let own = self.narrower(&shape);
            let bytes = self.random.bytes(own.iter().product());
            let other = self.value(own, kind);
            self.node(Operation::Constant(bytes.into()), &[], other);
            other
        };
        let operator = [BinaryOperator::Add, BinaryOperator::Sub, BinaryOperator::Mul][self.random.between(0, 2)];
        let inputs = if self.random.chance(50) { [from, other] } else { [other, from] };
        let bounds = self.random.bounds();
        let signed = self.random.chance(50);
        self.quantized(Operation::Binary { operator, bounds, signed }, &inputs, shape)
    }

    fn pool(&mut self, from: ValueId) -> ValueId {
        let mut shape = self.shape(from);
        let size = if shape.len() == 4 { [shape[2], shape[3]] } else { [1, shape[2]] };
        let window = self.window(size);
        let count_include_pad = self.random.chance(50);
        let kind = if self.random.chance(50) { PoolKind::Max } else { PoolKind::Average { count_include_pad } };
        let size = window.output_size(size).unwrap();
        let first = 4 - shape.len();
        shape[2..].copy_from_slice(&size[first..]);
        let bounds = self.random.bounds();
        self.quantized(Operation::Pool(Pool { kind, window, bounds }), &[from], shape)
    }

    fn concat(&mut self, from: ValueId) -> ValueId {
        let mut shape = self.shape(from);
        let axis = self.random.between(0, shape.len() - 1);
        let mut other_shape = shape.clone();
        other_shape[axis] = self.random.between(1, 5);
        let bytes = self.random.bytes(other_shape.iter().product());
        let kind = Kind::Quantized(self.random.quantization());
        shape[axis] += other_shape[axis];
        let other = self.value(other_shape, kind);
        self.node(Operation::Constant(bytes.into()), &[], other);
        self.quantized(Operation::Concat { axis }, &[other, from], shape)
    }

    fn mean(&mut self, from: ValueId) -> ValueId {
        let (axes, shape) = self.reduced(self.shape(from));
        self.quantized(Operation::Mean { axes }, &[from], shape)
    }

    fn layer_norm(&mut self, from: ValueId) -> ValueId {
        let shape = self.shape(from);
        let length = shape[shape.len() - 1];
        let mut factors = || (0..length).map(|_| self.random.between(0, 400) as f32 / 100.0 - 2.0).collect();
        let (scale, bias): (Arc<[f32]>, Arc<[f32]>) = (factors(), factors());
        let bias = if length.is_multiple_of(3) { Arc::new([]) } else { bias };
        self.quantized(Operation::LayerNorm(LayerNorm { epsilon: 1e-5, scale, bias }), &[from], shape)
    }

    fn select(&mut self, from: ValueId) -> ValueId {
        let mut shape = self.shape(from);
        let axis = self.random.between(0, shape.len() - 1);
        let length = self.random.between(1, 6);
        let indices = (0..length).map(|_| self.random.between(0, shape[axis] - 1)).collect();
        shape[axis] = length;
        self.carried(Operation::Select { axis, indices }, from, shape)
    }

    fn reshape(&mut self, from: ValueId) -> ValueId {
        let mut shape = self.shape(from);
        match self.random.between(0, 2) {
            0 if shape.len() > 2 => {
                let last = shape.pop().unwrap();
                *shape.last_mut().unwrap() *= last;
            }
            1 if shape.len() < 4 => {
                let last = shape.pop().unwrap();
                let half = if last.is_multiple_of(2) { 2 } else { 1 };
                shape.extend([last / half, half]);
            }
            _ => shape.swap(0, 1),
        }
        self.carried(Operation::Reshape, from, shape)
    }

    fn transpose(&mut self, from: ValueId) -> ValueId {
        let shape = self.shape(from);
        let mut permutation: Vec<usize> = (0..shape.len()).collect();
        for axis in (1..permutation.len()).rev() {
            permutation.swap(axis, self.random.between(0, axis));
        }
        let to = permutation.iter().map(|axis| shape[*axis]).collect();
        self.carried(Operation::Transpose { permutation }, from, to)
    }

    fn pad(&mut self, from: ValueId) -> ValueId {
        let shape = self.shape(from);
        let edges = |random: &mut Random| (0..shape.len()).map(|_| random.between(0, 2)).collect::<Vec<_>>();
        let (before, after) = (edges(&mut self.random), edges(&mut self.random));
        let to = shape.iter().zip(before.iter().zip(&after)).map(|(length, (before, after))| length + before + after);
        let (fill, to) = (self.random.next() as u8, to.collect());
        self.carried(Operation::Pad { before, after, fill }, from, to)
    }
}
