//! Moving windows, and means.

use super::{Call, Step, Wish, axis};
use crate::graph::{Operation, Pool, PoolKind, Window};
use crate::onnx::lower::Tensor;

/// Refuses what isn't (N, C, W) or (N, C, H, W).
pub fn images(shape: &[usize]) -> Result<(), String> {
    if matches!(shape.len(), 3 | 4) { Ok(()) } else { Err(format!("has {} dimensions, not 3 or 4", shape.len())) }
}

/// A node's window over an input of this shape: ONNX's attributes, always for two axes.
pub fn window(call: &Call<'_>, kernel: &[usize], from: &[usize]) -> Result<Window, String> {
    let axes = kernel.len();
    let list = |name: &str, otherwise: usize, length: usize| -> Result<Vec<usize>, String> {
        let given = call.attributes(name).unwrap_or_else(|| vec![otherwise as i64; length]);
        let given: Option<Vec<usize>> = given.into_iter().map(|value| usize::try_from(value).ok()).collect();
        given.filter(|given| given.len() == length).ok_or_else(|| format!("its {name} can't be used"))
    };
    let (strides, dilations) = (list("strides", 1, axes)?, list("dilations", 1, axes)?);
    let mut pads = list("pads", 0, 2 * axes)?;
    let auto = call.node.get_attr_opt::<String>("auto_pad").ok().flatten().unwrap_or_default();
    if strides.contains(&0) || dilations.contains(&0) || kernel.contains(&0) {
        return Err("has a window or a step of 0".to_owned());
    }
    for at in 0..axes {
        let size = from[2 + at];
        let reach = (kernel[at] - 1) * dilations[at] + 1;
        let total = ((size.div_ceil(strides[at]) - 1) * strides[at] + reach).saturating_sub(size);
        match auto.as_str() {
            "SAME_UPPER" => (pads[at], pads[axes + at]) = (total / 2, total - total / 2),
            "SAME_LOWER" => (pads[at], pads[axes + at]) = (total - total / 2, total / 2),
            "VALID" => (pads[at], pads[axes + at]) = (0, 0),
            _ => {}
        }
    }
    let two = |list: &[usize], otherwise: usize| if axes == 2 { [list[0], list[1]] } else { [otherwise, list[0]] };
    Ok(Window {
        kernel: two(kernel, 1),
        stride: two(&strides, 1),
        dilation: two(&dilations, 1),
        pad_before: two(&pads[..axes], 0),
        pad_after: two(&pads[axes..], 0),
    })
}

/// `MaxPool` and `AveragePool`.
pub fn pool(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let input = wish.quantized(0)?;
    let from = wish.call.file.shape(&input.name)?;
    images(&from)?;
    let kernel = wish.call.attributes("kernel_shape").ok_or("has no window")?;
    let kernel: Option<Vec<usize>> = kernel.into_iter().map(|length| usize::try_from(length).ok()).collect();
    let kernel = kernel.filter(|kernel| kernel.len() + 2 == from.len()).ok_or("has a window of other dimensions")?;
    let kind = if wish.call.node.op_type == "MaxPool" {
        PoolKind::Max
    } else {
        PoolKind::Average { count_include_pad: wish.call.attribute("count_include_pad", 0) != 0 }
    };
    let mut window = window(&wish.call, &kernel, &from)?;
    if wish.call.attribute("ceil_mode", 0) != 0 {
        widen(&mut window, &from, &wish.call.shape()?)?;
    }
    if wish.call.node.output.iter().filter(|name| !name.is_empty()).count() > 1 {
        return Err("gives the places of the greatest, too".to_owned());
    }
    let pool = Pool { kind, window, bounds: wish.bounds };
    wish.step(Operation::Pool(pool), vec![Tensor::Named(input, from)])
}

/// More padding at the end, as `ceil_mode` takes it.
fn widen(window: &mut Window, from: &[usize], to: &[usize]) -> Result<(), String> {
    let first = 4 - from.len();
    for at in first..2 {
        let (size, wanted) = (from[2 + at - first], to[2 + at - first]);
        let reach = (window.kernel[at] - 1) * window.dilation[at] + 1;
        let needed =
            (wanted.saturating_sub(1) * window.stride[at] + reach).saturating_sub(size + window.pad_before[at]);
        if needed > window.pad_after[at] {
            window.pad_after[at] = needed;
            if wanted == 0 || needed >= reach {
                return Err("its last windows lie outside the input".to_owned());
            }
        }
    }
    Ok(())
}

/// The axes that an operator reduces, ascending.
pub fn axes(call: &Call<'_>, rank: usize) -> Result<Vec<usize>, String> {
    let Some(given) = call.list("axes", 1)? else { return Ok((0..rank).collect()) };
    let mut axes = given.into_iter().map(|at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}

/// `GlobalAveragePool` and `ReduceMean`.
pub fn mean(wish: &Wish<'_>) -> Result<Vec<Step>, String> {
    let input = wish.quantized(0)?;
    let from = wish.call.file.shape(&input.name)?;
    let global = wish.call.node.op_type == "GlobalAveragePool";
    let axes = if global { (2..from.len()).collect() } else { axes(&wish.call, from.len())? };
    let mut kept = from.clone();
    axes.iter().for_each(|axis| kept[*axis] = 1);
    let mean = Step {
        operation: Operation::Mean { axes },
        inputs: vec![Tensor::Named(input, from)],
        shape: kept,
        kind: wish.kind(),
    };
    Ok(mean.shaped(wish.call.shape()?))
}
