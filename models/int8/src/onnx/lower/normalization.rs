//! Softmax and layer normalization.

use super::{Step, Wish, axis};
use crate::graph::{LayerNorm, Operation};

/// `Softmax` over one axis.
pub fn softmax(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let shape = wish.shape()?;
    let newer = wish.file.opset >= 13;
    let at = axis(wish.attribute("axis", if newer { -1 } else { 1 }), shape.len())?;
    // Before operator set 13 it went over all axes from this one on.
    if !newer && shape[at + 1..].iter().any(|length| *length != 1) {
        return Err("goes over several axes".to_owned());
    }
    wish.step(Operation::Softmax { axis: at }, vec![wish.input(0)?])
}

/// `LayerNormalization` over the last axis.
pub fn layer_norm(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let shape = wish.shape()?;
    if axis(wish.attribute("axis", -1), shape.len())? + 1 != shape.len() {
        return Err("goes over several axes".to_owned());
    }
    let factors = |place: usize| -> Result<Vec<f32>, String> {
        let Some(name) = wish.node.input.get(place).filter(|name| !name.is_empty()) else { return Ok(Vec::new()) };
        wish.file.any_floats(name).ok_or_else(|| format!("its input `{name}` isn't constant"))
    };
    let epsilon = wish.node.get_attr_opt::<f32>("epsilon").ok().flatten().unwrap_or(1e-5);
    let norm = LayerNorm { epsilon, scale: factors(1)?.into(), bias: factors(2)?.into() };
    wish.step(Operation::LayerNorm(norm), vec![wish.input(0)?])
}
