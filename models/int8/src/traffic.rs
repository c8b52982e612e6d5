//! How many bytes a region's computation moves: constants once, every other value once when it is made and once by each
//! operation that takes it.

use std::collections::BTreeSet;
use std::ops::AddAssign;

use crate::float::FloatOperation;
use crate::graph::{Convolution, Graph, Kind, LayerNorm, Node, Operation, ValueId};

/// Bytes that one run reads and writes, as if nothing stayed in a cache or a register between two operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Constants, each read once.
    pub weight_bytes: u64,
    /// Everything else: written once by who makes it, read once by each who takes it.
    pub activation_bytes: u64,
}

impl Traffic {
    /// Of one run of a graph. Bytes and their kin take one byte, floats and sums four. Another shape of the same elements moves
    /// nothing, and who selects places reads these alone.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let constants: BTreeSet<ValueId> =
            graph.nodes.iter().filter(|node| is_constant(node)).flat_map(|node| node.outputs.iter().copied()).collect();
        let bytes = |ids: &[ValueId]| -> u64 {
            ids.iter().filter(|id| !constants.contains(id)).map(|id| value_bytes(graph, *id)).sum()
        };
        let moved = |node: &Node| match node.operation {
            Operation::Reshape => 0,
            Operation::Select { .. } => 2 * bytes(&node.outputs),
            _ => bytes(&node.inputs) + bytes(&node.outputs),
        };
        Self {
            weight_bytes: graph.nodes.iter().map(|node| constant_bytes(&node.operation)).sum(),
            activation_bytes: graph.nodes.iter().map(moved).sum(),
        }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.weight_bytes = self.weight_bytes.saturating_add(other.weight_bytes);
        self.activation_bytes = self.activation_bytes.saturating_add(other.activation_bytes);
    }
}

const fn is_constant(node: &Node) -> bool {
    matches!(node.operation, Operation::Constant(_) | Operation::Float(FloatOperation::Constant(_)))
}

fn value_bytes(graph: &Graph, id: ValueId) -> u64 {
    let value = &graph.values[id.0];
    let element = match value.kind {
        Kind::Quantized(_) | Kind::Bytes => 1,
        Kind::Float | Kind::Sums => 4,
    };
    value.shape.iter().map(|length| *length as u64).product::<u64>() * element
}

/// What an operation brings along.
fn constant_bytes(operation: &Operation) -> u64 {
    let bytes = match operation {
        Operation::Constant(bytes) => bytes.len(),
        Operation::Float(FloatOperation::Constant(floats)) => 4 * floats.len(),
        Operation::Convolution(convolution) => sum_bytes(convolution) + 4 * convolution.multipliers.len(),
        Operation::IntegerConvolution(convolution) => sum_bytes(convolution),
        Operation::Table(table) => table.len(),
        Operation::LayerNorm(LayerNorm { scale, bias, .. }) => 4 * (scale.len() + bias.len()),
        _ => 0,
    };
    bytes as u64
}

/// What a convolution's sums need.
fn sum_bytes(Convolution { weights, weight_zero_points, bias, .. }: &Convolution) -> usize {
    weights.len() + weight_zero_points.len() + 4 * bias.len()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::graph::{ChannelAxis, Value, Window};
    use crate::quantization::{Bounds, Quantization};

    fn graph(values: &[(&[usize], Kind)], nodes: Vec<(Operation, &[usize], usize)>) -> Graph {
        let value =
            |(shape, kind): &(&[usize], Kind)| Value { name: String::new(), shape: shape.to_vec(), kind: *kind };
        let ids = |places: &[usize]| places.iter().map(|place| ValueId(*place)).collect();
        let node = |(operation, inputs, output): (Operation, &[usize], usize)| Node {
            name: String::new(),
            operation,
            inputs: ids(inputs),
            outputs: ids(&[output]),
        };
        Graph {
            values: values.iter().map(value).collect(),
            nodes: nodes.into_iter().map(node).collect(),
            inputs: ids(&[0]),
            outputs: ids(&[values.len() - 1]),
        }
    }

    fn product(inputs: usize, outputs: usize) -> Operation {
        Operation::Convolution(Convolution {
            layout: ChannelAxis::Last,
            window: Window::POINT,
            groups: 1,
            output_channels: outputs,
            weights: vec![1; inputs * outputs].into(),
            weight_zero_points: Vec::new(),
            bias: vec![0; outputs],
            multipliers: vec![1.0; outputs],
            bounds: Bounds { low: 0, high: 255 },
        })
    }

    const QUANTIZED: Kind = Kind::Quantized(Quantization { scale: 1.0, zero_point: 0 });

    /// Floats (1, 6) to bytes, by a product to (1, 3), added to themselves by a constant, and back to floats.
    #[test]
    fn a_chain_is_counted_by_hand() {
        let shapes: [(&[usize], Kind); 5] = [
            (&[1, 6], Kind::Float),
            (&[1, 6], QUANTIZED),
            (&[1, 3], QUANTIZED),
            (&[3], QUANTIZED),
            (&[1, 3], Kind::Float),
        ];
        let graph = graph(
            &shapes,
            vec![
                (Operation::Quantize, &[0], 1),
                (product(6, 3), &[1], 2),
                (Operation::Constant(Arc::from([1, 2, 3])), &[], 3),
                (Operation::Dequantize, &[2, 3], 4),
            ],
        );
        // Weights 18, their bias and multipliers 3 × (4 + 4), the constant 3. Quantize 24 + 6, product 6 + 3, the last 3 + 12.
        assert_eq!(Traffic::of(&graph), Traffic { weight_bytes: 18 + 24 + 3, activation_bytes: 30 + 9 + 15 });
    }

    #[test]
    fn a_value_that_two_take_is_read_twice_and_views_move_nothing() {
        let shapes: [(&[usize], Kind); 4] =
            [(&[4, 5], QUANTIZED), (&[20], QUANTIZED), (&[2, 5], QUANTIZED), (&[4, 5], QUANTIZED)];
        let select = Operation::Select { axis: 0, indices: Arc::from([0, 3]) };
        let table = Operation::Table(Box::new([0; 256]));
        let graph = graph(&shapes, vec![(Operation::Reshape, &[0], 1), (select, &[0], 2), (table, &[0], 3)]);
        // The selection reads and writes 10, the table 20; the reshape nothing.
        assert_eq!(Traffic::of(&graph), Traffic { weight_bytes: 256, activation_bytes: 20 + 40 });
    }
}
