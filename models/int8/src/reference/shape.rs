//! Operations that move elements.

use super::{Bytes, indices, quantization, ravel};
use crate::formula::requantizing_table;
use crate::graph::Value;

/// Values one after the other along an axis, each brought to the output's quantization.
pub fn concat(inputs: &[Bytes<'_>], output: &Value, axis: usize) -> Vec<u8> {
    let brought = |input: &Bytes<'_>| -> Vec<u8> {
        let table = requantizing_table(input.quantization, quantization(output));
        input.bytes.iter().map(|byte| table[usize::from(*byte)]).collect()
    };
    let brought: Vec<Vec<u8>> = inputs.iter().map(brought).collect();
    let inputs: Vec<_> = inputs.iter().zip(&brought).map(|(input, bytes)| (input.shape, bytes.as_slice())).collect();
    joined(&inputs, &output.shape, axis)
}

/// Shapes with their elements, one after the other along an axis.
pub fn joined<T: Copy + Default>(inputs: &[(&[usize], &[T])], output: &[usize], axis: usize) -> Vec<T> {
    let mut result = vec![T::default(); output.iter().product()];
    let mut start = 0;
    for (shape, elements) in inputs {
        for (mut index, element) in indices(shape).zip(*elements) {
            index[axis] += start;
            result[ravel(&index, output)] = *element;
        }
        start += shape[axis];
    }
    result
}

/// Chosen places along an axis.
pub fn select<T: Copy>(shape: &[usize], elements: &[T], axis: usize, places: &[usize]) -> Vec<T> {
    let mut selected = shape.to_vec();
    selected[axis] = places.len();
    let element = |mut index: Vec<usize>| {
        index[axis] = places[index[axis]];
        elements[ravel(&index, shape)]
    };
    indices(&selected).map(element).collect()
}

/// Axes in another order.
pub fn transpose<T: Copy>(shape: &[usize], elements: &[T], permutation: &[usize]) -> Vec<T> {
    let turned: Vec<usize> = permutation.iter().map(|axis| shape[*axis]).collect();
    let element = |index: Vec<usize>| {
        let mut from = vec![0; index.len()];
        permutation.iter().zip(index).for_each(|(axis, place)| from[*axis] = place);
        elements[ravel(&from, shape)]
    };
    indices(&turned).map(element).collect()
}

/// More elements at the edges.
pub fn pad(input: Bytes<'_>, before: &[usize], after: &[usize], fill: u8) -> Vec<u8> {
    let shape: Vec<usize> = input
        .shape
        .iter()
        .zip(before.iter().zip(after))
        .map(|(length, (before, after))| before + length + after)
        .collect();
    let element = |index: Vec<usize>| {
        let inner: Option<Vec<usize>> = index
            .iter()
            .zip(before)
            .zip(input.shape)
            .map(|((place, before), length)| place.checked_sub(*before).filter(|place| place < length))
            .collect();
        inner.map_or(fill, |inner| input.bytes[ravel(&inner, input.shape)])
    };
    indices(&shape).map(element).collect()
}
