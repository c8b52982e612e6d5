//! Pools: moving windows over pixels whose channels lie together.

use super::{bytes, bytes_mut};
use crate::graph::{Node, Pool};
use crate::kernels::pooling::Pooling;
use crate::plan::build::Builder;
use crate::plan::order::Order;
use crate::plan::step::Views;
use crate::threads::Threads;

/// Greatest or mean value under a window.
pub fn pool(builder: &mut Builder<'_>, node: &Node, pool: &Pool) {
    let shape = builder.value(node.inputs[0]).shape.clone();
    let order = Order::channels_last(shape.len());
    let meanings = [builder.quantization(node.inputs[0]), builder.quantization(node.outputs[0])];
    let sizes = [picture_size(&shape), picture_size(&builder.value(node.outputs[0]).shape)];
    let (channels, pooling) = (shape[1], Pooling::new(pool, shape[1], sizes, meanings));
    let input = builder.in_order(node.inputs[0], &order);
    let output = builder.make(node.outputs[0], order);
    let work = move |views: Views<'_>, threads: &Threads| {
        let input = bytes(views.inputs[0]);
        let pixels = |start: usize, output: &mut [u8]| pooling.run(input, start / channels, output);
        threads.split_slice(bytes_mut(views.output), channels, &pixels);
    };
    builder.step(node, &[input], output, 0, Box::new(work));
}

/// Height and width of (N, C, W) or (N, C, H, W).
fn picture_size(shape: &[usize]) -> [usize; 2] {
    if let [.., height, width] = shape[2..] { [height, width] } else { [1, shape[2]] }
}
