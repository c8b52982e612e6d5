//! Operators that move elements.

use std::sync::Arc;

use super::pointwise::operand;
use super::{Call, Step, Tensor, Wish, axis};
use crate::formula::requantizing_table;
use crate::graph::{Kind, Operation};

/// `Concat`.
pub fn concat(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let inputs = (0..wish.call.node.input.len()).map(|place| operand(wish, place)).collect::<Result<Vec<_>, _>>()?;
    let axis = axis(wish.call.attribute("axis", 0), wish.call.shape()?.len())?;
    wish.step(Operation::Concat { axis }, inputs)
}

/// Operators that carry elements elsewhere, and change nothing but where they are. Where the output is quantized in
/// another way than the input, a table follows.
pub fn carried(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let (source, operations) = moves(wish)?;
    let quantization = source.quantization;
    let from = wish.call.file.shape(&source.name)?;
    let source = Tensor::Named(source, from);
    let mut steps = Step::chain(&source, operations, Kind::Quantized(quantization));
    if quantization != wish.output.quantization || steps.is_empty() {
        let table = Operation::Table(requantizing_table(quantization, wish.output.quantization));
        let input = steps.len().checked_sub(1).map_or(source, Tensor::Made);
        steps.push(Step { operation: table, inputs: vec![input], shape: wish.call.shape()?, kind: wish.kind() });
    }
    Ok(steps)
}

pub type Moves = Vec<(Operation, Vec<usize>)>;

/// What an operator moves, and the tensor that it moves.
fn moves(wish: &Wish<'_>) -> Result<(super::Quantized, Moves), String> {
    if wish.call.node.op_type == "DequantizeLinear" {
        let source = wish.call.file.dequantized(wish.call.value).ok_or("its input isn't quantized as a whole")?;
        return Ok((source, Vec::new()));
    }
    let source = wish.quantized(0)?;
    let (from, to) = (wish.call.file.shape(&source.name)?, wish.call.shape()?);
    let moves = match wish.call.node.op_type.as_str() {
        "Identity" => Vec::new(),
        "Pad" => pad(&wish.call, &source, &from, to)?,
        _ => moves_of_any(&wish.call, &from, to)?,
    };
    Ok((source, moves))
}

/// What moves elements of any kind.
pub fn moves_of_any(call: &Call<'_>, from: &[usize], to: Vec<usize>) -> Result<Moves, String> {
    Ok(match call.node.op_type.as_str() {
        "Transpose" => vec![(Operation::Transpose { permutation: permutation(call, from.len())? }, to)],
        "Slice" => slice(call, from)?,
        "Split" => split(call, from, to)?,
        "Gather" => gather(call, from, to)?,
        "Resize" | "Upsample" => resize(call, from, &to)?,
        "DepthToSpace" => depth_to_space(call, from, to)?,
        _ => vec![(Operation::Reshape, to)],
    })
}

fn permutation(call: &Call<'_>, rank: usize) -> Result<Vec<usize>, String> {
    let reversed = || (0..rank as i64).rev().collect();
    call.attributes("perm").unwrap_or_else(reversed).into_iter().map(|at| axis(at, rank)).collect()
}

/// One selection for each axis that is cut.
fn slice(call: &Call<'_>, from: &[usize]) -> Result<Moves, String> {
    let starts = call.list("starts", 1)?.ok_or("has no starts")?;
    let ends = call.list("ends", 2)?.ok_or("has no ends")?;
    let axes = call.list("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.list("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    let mut shape = from.to_vec();
    let mut moves = Vec::new();
    for (((start, end), at), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let at = axis(at, from.len())?;
        let indices = slice_indices(start, end, step, shape[at]);
        if indices.is_empty() {
            return Err("leaves nothing".to_owned());
        }
        shape[at] = indices.len();
        moves.push((Operation::Select { axis: at, indices }, shape.clone()));
    }
    Ok(moves)
}

fn slice_indices(start: i64, end: i64, step: i64, length: usize) -> Arc<[usize]> {
    let length = length as i64;
    let from_front = |place: i64| if place < 0 { place.saturating_add(length) } else { place };
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let start = from_front(start).clamp(if step > 0 { 0 } else { 0.min(high) }, high);
    let end = from_front(end).clamp(low, high);
    let mut indices = Vec::new();
    let mut at = start;
    while step != 0 && (if step > 0 { at < end } else { at > end }) {
        indices.push(at as usize);
        at = at.saturating_add(step);
    }
    indices.into()
}

fn split(call: &Call<'_>, from: &[usize], to: Vec<usize>) -> Result<Moves, String> {
    let axis = axis(call.attribute("axis", 0), from.len())?;
    let place = call.node.output.iter().position(|name| name == call.value).ok_or("isn't its output")?;
    let before = call.node.output[..place].iter().map(|name| call.file.shape(name).map(|shape| shape[axis]));
    let start: usize = before.sum::<Result<usize, String>>()?;
    let indices = (start..start + to[axis]).collect();
    Ok(vec![(Operation::Select { axis, indices }, to)])
}

fn gather(call: &Call<'_>, from: &[usize], to: Vec<usize>) -> Result<Moves, String> {
    let axis = axis(call.attribute("axis", 0), from.len())?;
    let name = call.node.input.get(1).ok_or("has no indices")?;
    let indices = call.file.integers(name).ok_or("its indices aren't known before running")?;
    let inside = |index: i64| super::axis(index, from[axis]);
    let indices = indices.into_iter().map(inside).collect::<Result<Arc<[usize]>, _>>()?;
    let mut selected = from.to_vec();
    selected[axis] = indices.len();
    let select = (Operation::Select { axis, indices }, selected.clone());
    Ok(if selected == to { vec![select] } else { vec![select, (Operation::Reshape, to)] })
}

/// Nearest neighbours along every axis whose length changes.
fn resize(call: &Call<'_>, from: &[usize], to: &[usize]) -> Result<Moves, String> {
    let text = |name: &str, otherwise: &str| {
        call.node.get_attr_opt::<String>(name).ok().flatten().unwrap_or_else(|| otherwise.to_owned())
    };
    if text("mode", "nearest") != "nearest" {
        return Err("interpolates".to_owned());
    }
    let upsample = call.node.op_type == "Upsample" || call.file.opset < 11;
    let coordinates =
        if upsample { "asymmetric".to_owned() } else { text("coordinate_transformation_mode", "half_pixel") };
    let nearest = if upsample { "floor".to_owned() } else { text("nearest_mode", "round_prefer_floor") };
    let scales = call.node.input.get(if upsample { 1 } else { 2 }).filter(|name| !name.is_empty());
    let scales = scales.and_then(|name| call.file.floats(name)).filter(|scales| scales.len() == from.len());
    let mut shape = from.to_vec();
    let mut moves = Vec::new();
    for axis in 0..from.len() {
        if from[axis] == to[axis] {
            continue;
        }
        let ratio = scales.as_ref().map_or(to[axis] as f32 / from[axis] as f32, |scales| scales[axis]);
        let place = |at: usize| source(at, [from[axis], to[axis]], ratio, &coordinates);
        let index = |at: usize| Some(round(place(at)?, &nearest)?.clamp(0.0, from[axis] as f32 - 1.0) as usize);
        let indices = (0..to[axis]).map(index).collect::<Option<Arc<[usize]>>>();
        let indices = indices.ok_or_else(|| format!("maps coordinates by {coordinates} and {nearest}"))?;
        shape[axis] = to[axis];
        moves.push((Operation::Select { axis, indices }, shape.clone()));
    }
    Ok(moves)
}

/// The place in the input that an output place falls on.
fn source(at: usize, [from, to]: [usize; 2], ratio: f32, mode: &str) -> Option<f32> {
    let at = at as f32;
    Some(match mode {
        "asymmetric" => at / ratio,
        "half_pixel" => (at + 0.5) / ratio - 0.5,
        "pytorch_half_pixel" => {
            if to > 1 {
                (at + 0.5) / ratio - 0.5
            } else {
                0.0
            }
        }
        "align_corners" => {
            if to > 1 {
                at * (from - 1) as f32 / (to - 1) as f32
            } else {
                0.0
            }
        }
        _ => return None,
    })
}

fn round(place: f32, mode: &str) -> Option<f32> {
    Some(match mode {
        "floor" => place.floor(),
        "ceil" => place.ceil(),
        "round_prefer_floor" => (place - 0.5).ceil(),
        "round_prefer_ceil" => (place + 0.5).floor(),
        _ => return None,
    })
}

fn pad(call: &Call<'_>, source: &super::Quantized, from: &[usize], to: Vec<usize>) -> Result<Moves, String> {
    let mode = call.node.get_attr_opt::<String>("mode").ok().flatten().unwrap_or_else(|| "constant".to_owned());
    if mode != "constant" || call.node.input.get(3).is_some_and(|name| !name.is_empty()) {
        return Err(format!("pads by {mode}, or some axes alone"));
    }
    let pads = call.list("pads", 1)?.ok_or("has no pads")?;
    let pads: Option<Vec<usize>> = pads.into_iter().map(|pad| usize::try_from(pad).ok()).collect();
    let pads = pads.filter(|pads| pads.len() == 2 * from.len()).ok_or("cuts off, or pads another number of axes")?;
    let value = match call.node.input.get(2).filter(|name| !name.is_empty()) {
        Some(name) => call.file.any_floats(name).and_then(|values| values.first().copied()),
        None => Some(call.node.get_attr_opt::<f32>("value").ok().flatten().unwrap_or(0.0)),
    };
    let fill = source.quantization.quantize(value.ok_or("its value isn't known before running")?);
    let (before, after) = pads.split_at(from.len());
    Ok(vec![(Operation::Pad { before: before.to_vec(), after: after.to_vec(), fill }, to)])
}

/// Blocks of channels to blocks of pixels: split, swap, join.
fn depth_to_space(call: &Call<'_>, from: &[usize], to: Vec<usize>) -> Result<Moves, String> {
    let block =
        usize::try_from(call.attribute("blocksize", 0)).ok().filter(|block| *block > 0).ok_or("has no block")?;
    let [batch, channels, height, width] = *from else { return Err("takes no pictures".to_owned()) };
    let out = channels / (block * block);
    let mode = call.node.get_attr_opt::<String>("mode").ok().flatten();
    let (split, permutation) = if mode.as_deref() == Some("CRD") {
        (vec![batch, out, block, block, height, width], vec![0, 1, 4, 2, 5, 3])
    } else {
        (vec![batch, block, block, out, height, width], vec![0, 3, 4, 1, 5, 2])
    };
    let swapped = permutation.iter().map(|axis| split[*axis]).collect();
    Ok(vec![(Operation::Reshape, split), (Operation::Transpose { permutation }, swapped), (Operation::Reshape, to)])
}
