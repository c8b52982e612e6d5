//! Moving windows.

use super::{Bytes, indices, quantization};
use crate::formula::{average, requantizing_table};
use crate::graph::{Pool, PoolKind, Value, Window};

/// The elements of a window at an output place that lie inside the input, each with its number in the window.
pub fn taps(window: &Window, size: [usize; 2], at: [usize; 2]) -> Vec<(usize, [usize; 2])> {
    let inside = |axis: usize, tap: usize| {
        let place = at[axis] * window.stride[axis] + tap * window.dilation[axis];
        place.checked_sub(window.pad_before[axis]).filter(|place| *place < size[axis])
    };
    let [height, width] = window.kernel;
    let tap = |tap: usize| Some((tap, [inside(0, tap / width)?, inside(1, tap % width)?]));
    (0..height * width).filter_map(tap).collect()
}

/// Greatest or mean value under a window.
pub fn pool(input: Bytes<'_>, output: &Value, pool: &Pool) -> Vec<u8> {
    let (from, to) = (pictures(input.shape), pictures(&output.shape));
    let element = |index: Vec<usize>| {
        let plane = index[0] * from[1] * from[2];
        let taps = taps(&pool.window, [from[1], from[2]], [index[1], index[2]]);
        let bytes = taps.iter().map(|(_, [row, column])| input.bytes[plane + row * from[2] + column]);
        pooled(bytes, input, output, pool)
    };
    indices(&to).map(element).collect()
}

fn pooled(bytes: impl Iterator<Item = u8> + Clone, input: Bytes<'_>, output: &Value, pool: &Pool) -> u8 {
    let meaning = quantization(output);
    match pool.kind {
        PoolKind::Max => {
            let greatest = bytes.max().unwrap_or(0);
            let byte = requantizing_table(input.quantization, meaning)[usize::from(greatest)];
            byte.clamp(pool.bounds.low, pool.bounds.high)
        }
        PoolKind::Average { count_include_pad } => {
            let [height, width] = pool.window.kernel;
            let count = if count_include_pad { height * width } else { bytes.clone().count() };
            let sum = bytes.fold(0.0, |sum, byte| sum + input.quantization.dequantize(byte));
            average(sum, count as f32, meaning, pool.bounds)
        }
    }
}

/// (pictures × channels, height, width) of (N, C, W) or (N, C, H, W).
fn pictures(shape: &[usize]) -> [usize; 3] {
    let planes = shape[0] * shape[1];
    if let [.., height, width] = shape[2..] { [planes, height, width] } else { [planes, 1, shape[2]] }
}
