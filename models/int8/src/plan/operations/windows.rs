//! Pools: moving windows over pixels whose channels lie together.

use super::{bytes, bytes_mut};
use crate::formula::requantizing_table;
use crate::graph::{Node, Pool, PoolKind};
use crate::kernels::elementwise;
use crate::plan::build::Builder;
use crate::plan::order::Order;
use crate::plan::step::Views;
use crate::quantization::Quantization;
use crate::threads::Threads;

/// Greatest or mean value under a window.
pub fn pool(builder: &mut Builder<'_>, node: &Node, pool: &Pool) {
    let shape = builder.value(node.inputs[0]).shape.clone();
    let order = Order::channels_last(shape.len());
    let meanings = [builder.quantization(node.inputs[0]), builder.quantization(node.outputs[0])];
    let table = (meanings[0] != meanings[1]).then(|| requantizing_table(meanings[0], meanings[1]));
    let to = picture_size(&builder.value(node.outputs[0]).shape);
    let pooling = Pooling { pool: *pool, channels: shape[1], from: picture_size(&shape), to, meanings, table };
    let input = builder.in_order(node.inputs[0], &order);
    let output = builder.make(node.outputs[0], order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = bytes(views.inputs[0]);
        let pixels = |start: usize, output: &mut [u8]| pooling.run(input, start / pooling.channels, output);
        threads.split_slice(bytes_mut(views.output), pooling.channels, &pixels);
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

/// Height and width of (N, C, W) or (N, C, H, W).
fn picture_size(shape: &[usize]) -> [usize; 2] {
    if let [.., height, width] = shape[2..] { [height, width] } else { [1, shape[2]] }
}

struct Pooling {
    pool: Pool,
    channels: usize,
    from: [usize; 2],
    to: [usize; 2],
    meanings: [Quantization; 2],
    /// Brings greatest bytes to the output's quantization, when it differs.
    table: Option<Box<[u8; 256]>>,
}

/// Channels that are summed at once, on the stack.
const CHUNK: usize = 64;

impl Pooling {
    /// Makes the output's pixels from `first` on.
    fn run(&self, input: &[u8], first: usize, output: &mut [u8]) {
        let [height, width] = self.to;
        for (pixel, output) in (first..).zip(output.chunks_mut(self.channels)) {
            let at = [pixel / width % height, pixel % width];
            let batch = pixel / (height * width) * self.from[0] * self.from[1];
            match self.pool.kind {
                PoolKind::Max => self.greatest(input, (batch, at), output),
                PoolKind::Average { count_include_pad } => {
                    let count =
                        if count_include_pad { self.pool.window.kernel.iter().product() } else { self.inside(at) };
                    self.average(input, (batch, at), count as f32, output);
                }
            }
        }
    }

    fn greatest(&self, input: &[u8], (batch, at): (usize, [usize; 2]), output: &mut [u8]) {
        output.fill(0);
        self.pixels(at, |pixel| elementwise::keep_greatest(&input[(batch + pixel) * self.channels..], output));
        if let Some(table) = &self.table {
            output.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
        }
        elementwise::bound(output, self.pool.bounds);
    }

    fn average(&self, input: &[u8], (batch, at): (usize, [usize; 2]), count: f32, output: &mut [u8]) {
        let [from, to] = self.meanings;
        for (chunk, output) in output.chunks_mut(CHUNK).enumerate() {
            let mut sums = [0.0; CHUNK];
            let sums = &mut sums[..output.len()];
            let start = batch * self.channels + chunk * CHUNK;
            self.pixels(at, |pixel| elementwise::add_reals(&input[start + pixel * self.channels..], from, sums));
            elementwise::averages(sums, count, to, self.pool.bounds, output);
        }
    }

    /// How many elements of the window lie inside the input.
    fn inside(&self, at: [usize; 2]) -> usize {
        self.along(0, at).count() * self.along(1, at).count()
    }

    /// Visits the pixels of the window that lie inside the input, row by row.
    fn pixels(&self, at: [usize; 2], mut visit: impl FnMut(usize)) {
        for row in self.along(0, at) {
            self.along(1, at).for_each(|column| visit(row * self.from[1] + column));
        }
    }

    /// The window's places along an axis that lie inside the input.
    fn along(&self, axis: usize, at: [usize; 2]) -> impl Iterator<Item = usize> {
        let window = &self.pool.window;
        let (start, before, length) = (at[axis] * window.stride[axis], window.pad_before[axis], self.from[axis]);
        let taps = (0..window.kernel[axis]).map(move |tap| start + tap * self.pool.window.dilation[axis]);
        taps.filter_map(move |place| place.checked_sub(before).filter(|place| *place < length))
    }
}
