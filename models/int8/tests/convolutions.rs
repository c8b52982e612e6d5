//! Single convolutions whose shapes and values reach every kernel's special ways: whole panels and odd ends, windows that
//! kernels know by heart, weights and bytes at their extremes. Every instruction set gives the definition's bits.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![allow(dead_code, reason = "the support module is shared")]

mod support;

use edgeval_int8::graph::{ChannelAxis, Convolution, Graph, Kind, Node, Operation, Value, ValueId, Window};
use edgeval_int8::kernels::Kernels;
use edgeval_int8::plan::Plan;
use edgeval_int8::quantization::{Bounds, FULL, Quantization};
use edgeval_int8::reference::{self, Owned};
use edgeval_int8::tensor::DataMut;
use edgeval_int8::threads::Threads;
use std::sync::Arc;
use support::Random;

/// Height and width, channels in and out, kernel, stride, dilation, groups.
type Shape = ([usize; 2], [usize; 2], usize, usize, usize, usize);

const SHAPES: [Shape; 25] = [
    ([5, 5], [64, 16], 1, 1, 1, 1),
    ([6, 7], [100, 40], 1, 1, 1, 1),
    ([7, 9], [24, 33], 3, 1, 1, 1),
    ([5, 4], [44, 70], 1, 1, 1, 1),
    ([5, 5], [16, 128], 3, 1, 1, 2),
    ([1, 1], [16, 16], 1, 1, 1, 1),
    ([1, 1], [600, 33], 1, 1, 1, 1),
    ([1, 7], [32, 16], 1, 1, 1, 1),
    ([3, 13], [24, 48], 1, 1, 1, 1),
    ([5, 5], [20, 40], 1, 2, 1, 1),
    ([5, 5], [4, 16], 1, 1, 1, 1),
    ([9, 7], [3, 32], 3, 2, 1, 1),
    ([5, 28], [1, 16], 3, 1, 1, 1),
    ([9, 12], [16, 48], 3, 2, 1, 1),
    ([6, 6], [16, 17], 3, 1, 1, 1),
    ([6, 6], [16, 32], 3, 1, 2, 2),
    ([8, 9], [16, 16], 3, 1, 1, 16),
    ([3, 3], [48, 48], 3, 1, 1, 48),
    ([9, 11], [32, 32], 3, 2, 1, 32),
    ([9, 9], [16, 16], 3, 1, 2, 16),
    ([9, 9], [16, 16], 3, 2, 2, 16),
    ([7, 7], [24, 24], 3, 1, 1, 24),
    ([1, 3], [16, 16], 3, 1, 1, 16),
    ([7, 8], [32, 32], 5, 1, 1, 32),
    ([7, 8], [17, 17], 5, 2, 1, 17),
];

/// The weights: from the least to the greatest that each may be, and whether there are zero points other than 0.
const WEIGHTS: [([i8; 2], bool); 7] = [
    ([-70, 70], false),
    ([-66, 66], false),
    ([-128, 127], false),
    ([-127, 127], false),
    ([-128, -128], false),
    ([-128, 127], true),
    ([-127, 127], true),
];

/// Where the least and the greatest are far from a byte's, a few neighbours are a byte's least or greatest nevertheless.
fn weights(length: usize, [least, most]: [i8; 2], random: &mut Random) -> Arc<[i8]> {
    let mut weights: Vec<i8> = random.bytes(length).into_iter().map(|byte| (byte as i8).clamp(least, most)).collect();
    if most < 100 && least > -100 {
        for place in (0..length.saturating_sub(2)).step_by(83) {
            let extreme = [i8::MIN, i8::MAX][random.between(0, 1)];
            weights[place..place + 2].fill(extreme);
        }
    }
    weights.into()
}

fn graph(shape: Shape, ([least, most], zero_points): ([i8; 2], bool), random: &mut Random) -> Graph {
    let (size, [from, to], kernel, stride, dilation, groups) = shape;
    let pad = kernel / 2 * dilation;
    let window = Window {
        kernel: [kernel; 2],
        stride: [stride; 2],
        dilation: [dilation; 2],
        pad_before: [pad; 2],
        pad_after: [pad; 2],
    };
    let depth = kernel * kernel * from / groups;
    let bounds = if random.chance(50) { FULL } else { Bounds { low: 20, high: 200 } };
    let convolution = Convolution {
        layout: ChannelAxis::Second,
        window,
        groups,
        output_channels: to,
        weights: weights(depth * to, [least, most], random),
        weight_zero_points: if zero_points { (0..to).map(|_| random.next() as i8).collect() } else { Vec::new() },
        bias: (0..to).map(|_| random.between(0, 4000) as i32 - 2000).collect(),
        multipliers: (0..to).map(|_| random.between(1, 100) as f32 * 1e-4 / (depth as f32).sqrt()).collect(),
        bounds,
    };
    let size_after = window.output_size(size).unwrap();
    let value = |name: &str, channels: usize, size: [usize; 2], zero_point: u8| Value {
        name: name.into(),
        shape: vec![1, channels, size[0], size[1]],
        kind: Kind::Quantized(Quantization { scale: 0.1, zero_point }),
    };
    let values = vec![value("from", from, size, random.next() as u8), value("to", to, size_after, random.next() as u8)];
    let [input, output] = [0, 1].map(|place| vec![ValueId(place)]);
    let node = Node {
        name: "convolution".into(),
        operation: Operation::Convolution(convolution),
        inputs: input.clone(),
        outputs: output.clone(),
    };
    Graph { values, nodes: vec![node], inputs: input, outputs: output }
}

/// Bytes at random, and all at an extreme.
fn inputs(length: usize, random: &mut Random) -> [Vec<u8>; 3] {
    [random.bytes(length), vec![0; length], vec![255; length]]
}

fn run(graph: &Graph, kernels: &'static Kernels, input: &Owned, length: usize) -> Vec<u8> {
    let plan = Plan::new(graph, kernels, 1).unwrap();
    let mut output = vec![77; length];
    plan.run(&mut plan.arena(), &[input.data()], &mut [DataMut::Bytes(&mut output)], &Threads::one()).unwrap();
    output
}

#[test]
fn convolutions_equal_the_definition() {
    let mut random = Random(3);
    for shape in SHAPES {
        for weights in WEIGHTS {
            let graph = graph(shape, weights, &mut random);
            for bytes in inputs(graph.values[0].shape.iter().product(), &mut random) {
                let input = Owned::Bytes(bytes);
                let Owned::Bytes(expected) = reference::run(&graph, &[input.data()]).unwrap().remove(0) else {
                    unreachable!("a convolution makes bytes")
                };
                for kernels in Kernels::available() {
                    let actual = run(&graph, kernels, &input, expected.len());
                    assert!(actual == expected, "{}: {shape:?}, weights {weights:?}", kernels.name());
                }
            }
        }
    }
}
