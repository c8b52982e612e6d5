//! Bytes that move to other places, unchanged.

use crate::graph::ValueId;
use crate::kernels::turn::turn;
use crate::plan::build::{BufferId, Builder, Located};
use crate::plan::order::Order;
use crate::plan::step::Views;
use crate::tensor::{Data, DataMut};

/// Adds a step that brings a value into another order, in a buffer of its own.
pub fn permute(builder: &mut Builder<'_>, id: ValueId, from: &Located, (to, order): (BufferId, &Order)) {
    let value = builder.value(id);
    let movement = Movement::new(&order.lengths(&value.shape), &strides_in(from, order, &value.shape));
    let name = format!("{} in another order", value.name);
    let work = move |views: Views<'_>, _: &_| move_any(&movement, views);
    builder.named_step(name, &[from.buffer], to, 0, Box::new(work));
}

fn strides_in(from: &Located, order: &Order, shape: &[usize]) -> Vec<usize> {
    let strides = from.order.strides(shape);
    order.axes().iter().map(|axis| strides[*axis]).collect()
}

/// What moves elements of any kind.
pub trait Moves {
    /// Moves them.
    fn run<T: Copy>(&self, from: &[T], to: &mut [T]);
}

/// Moves elements of the kind that a step sees.
pub fn move_any(moves: &impl Moves, views: Views<'_>) {
    match (views.inputs[0], views.output) {
        (Data::Bytes(from), DataMut::Bytes(to)) => moves.run(from, to),
        (Data::Floats(from), DataMut::Floats(to)) => moves.run(from, to),
        (Data::Sums(from), DataMut::Sums(to)) => moves.run(from, to),
        _ => {}
    }
}

/// A copy whose output is contiguous and whose input is strided.
#[derive(Clone, Debug)]
pub struct Movement {
    /// Lengths of the output's dimensions, outermost first.
    lengths: Vec<usize>,
    /// For each, how far apart neighbours are in the input.
    strides: Vec<usize>,
}

impl Movement {
    /// A copy of `lengths` elements; neighbouring dimensions that move together are joined.
    pub fn new(lengths: &[usize], strides: &[usize]) -> Self {
        let joined = join(lengths, &[strides]);
        Self { lengths: joined.iter().map(|(length, _)| *length).collect(), strides: first(&joined) }
    }
}

impl Moves for Movement {
    fn run<T: Copy>(&self, input: &[T], output: &mut [T]) {
        copy(&self.lengths, &self.strides, input, output);
    }
}

fn copy<T: Copy>(lengths: &[usize], strides: &[usize], input: &[T], output: &mut [T]) {
    match (lengths, strides) {
        ([], _) | ([_], [1]) => output.copy_from_slice(&input[..output.len()]),
        ([_], [stride]) => input.iter().step_by(*stride).zip(output).for_each(|(from, to)| *to = *from),
        ([columns, rows], [1, pitch]) if pitch == columns => turn(&input[..rows * columns], *columns, output),
        ([outer, lengths @ ..], [stride, strides @ ..]) => {
            let piece = output.len() / outer;
            for (place, output) in output.chunks_mut(piece).enumerate() {
                copy(lengths, strides, &input[place * stride..], output);
            }
        }
        _ => {}
    }
}

fn first(joined: &[(usize, Vec<usize>)]) -> Vec<usize> {
    joined.iter().map(|(_, strides)| strides[0]).collect()
}

/// Dimensions with the strides of several operands, the fewest that visit the same places: neighbours that move
/// together in every operand are joined, those of length 1 left out.
pub fn join(lengths: &[usize], strides: &[&[usize]]) -> Vec<(usize, Vec<usize>)> {
    let mut joined: Vec<(usize, Vec<usize>)> = Vec::new();
    for (axis, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 1) {
        let own: Vec<usize> = strides.iter().map(|strides| strides[axis]).collect();
        match joined.last_mut() {
            Some((outer, outer_strides))
                if outer_strides.iter().zip(&own).all(|(outer, inner)| *outer == inner * length) =>
            {
                *outer *= length;
                *outer_strides = own;
            }
            _ => joined.push((*length, own)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_that_move_together_are_joined() {
        assert_eq!(join(&[2, 3, 4], &[&[12, 4, 1]]), [(24, vec![1])]);
        assert_eq!(join(&[2, 1, 4], &[&[12, 4, 1]]), [(2, vec![12]), (4, vec![1])]);
        assert_eq!(join(&[2, 3, 4], &[&[12, 4, 1], &[0, 0, 1]]), [(6, vec![4, 0]), (4, vec![1, 1])]);
    }

    #[test]
    fn elements_arrive_where_they_belong() {
        let input: Vec<u8> = (0..24).collect();
        let mut output = vec![0; 24];
        // (2, 3, 4) with the axes (1, 2, 0).
        Movement::new(&[3, 4, 2], &[4, 1, 12]).run(&input, &mut output);
        let expected = (0..24).map(|place| (place % 2) * 12 + place / 2);
        assert!(output.iter().copied().eq(expected), "{output:?}");
    }
}
