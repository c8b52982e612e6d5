//! Softmax and layer normalization.

use super::{Call, Step, Wish, axis};
use crate::graph::{LayerNorm, Operation};

/// `Softmax` over one axis.
pub fn softmax(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let axis = softmax_axis(&wish.call)?;
    wish.step(Operation::Softmax { axis }, vec![wish.input(0)?])
}

/// The axis that a `Softmax` goes over.
pub fn softmax_axis(call: &Call<'_>) -> Result<usize, String> {
    let shape = call.shape()?;
    let newer = call.file.opset >= 13;
    let at = axis(call.attribute("axis", if newer { -1 } else { 1 }), shape.len())?;
    // Before operator set 13 it went over all axes from this one on.
    if !newer && shape[at + 1..].iter().any(|length| *length != 1) {
        return Err("goes over several axes".to_owned());
    }
    Ok(at)
}

/// `LayerNormalization` over the last axis.
pub fn layer_norm(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    wish.step(Operation::LayerNorm(norm(&wish.call)?), vec![wish.input(0)?])
}

/// What a `LayerNormalization` over the last axis does.
pub fn norm(call: &Call<'_>) -> Result<LayerNorm, String> {
    let shape = call.shape()?;
    if axis(call.attribute("axis", -1), shape.len())? + 1 != shape.len() {
        return Err("goes over several axes".to_owned());
    }
    let factors = |place: usize| -> Result<Vec<f32>, String> {
        let Some(name) = call.node.input.get(place).filter(|name| !name.is_empty()) else { return Ok(Vec::new()) };
        call.file.any_floats(name).ok_or_else(|| format!("its input `{name}` isn't constant"))
    };
    let epsilon = call.node.get_attr_opt::<f32>("epsilon").ok().flatten().unwrap_or(1e-5);
    Ok(LayerNorm { epsilon, scale: factors(1)?.into(), bias: factors(2)?.into() })
}
