//! Plasma: a fractal surface by diamonds and squares (Fournier, Fussell & Carpenter 1982), as ImageNet-C's fog uses it.

use super::field::Field;

/// A square whose opposite edges fit, from 0 to 1. `side` and the size of its `coarsest` detail are powers of 2; each
/// octave's detail is the one's before divided by `decay`; `unit` gives values from 0 to 1.
pub(super) fn plasma(side: usize, coarsest: usize, decay: f64, unit: &mut impl FnMut() -> f64) -> Field {
    let mut surface = Surface { side, heights: vec![0.0; side * side] };
    let (mut step, mut wander) = (coarsest, 100.0);
    while step >= 2 {
        let half = step / 2;
        let (near, far) = (half, side - half);
        let diagonal = [(far, far), (far, near), (near, far), (near, near)];
        let straight = [(far, 0), (near, 0), (0, far), (0, near)];
        for (first, neighbours) in [((half, half), diagonal), ((0, half), straight), ((half, 0), straight)] {
            surface.fill(first, step, neighbours, &mut || wander * (2.0 * unit() - 1.0) * wander);
        }
        step = half;
        wander /= decay;
    }
    surface.normalized()
}

struct Surface {
    side: usize,
    heights: Vec<f64>,
}

impl Surface {
    /// Sets every `step`th place from a first one (row, column) to the mean of four others, that lie so far on, and a
    /// random wandering.
    fn fill(
        &mut self,
        first: (usize, usize),
        step: usize,
        others: [(usize, usize); 4],
        wander: &mut impl FnMut() -> f64,
    ) {
        // The side is a power of 2: the mask is what a remainder would be.
        let (side, inside) = (self.side, self.side - 1);
        for y in (first.0..side).step_by(step) {
            let rows = others.map(|(down, _)| ((y + down) & inside) * side);
            for x in (first.1..side).step_by(step) {
                let height = |index: usize| self.heights[rows[index] + ((x + others[index].1) & inside)];
                let sum = height(0) + height(1) + height(2) + height(3);
                self.heights[y * side + x] = sum / 4.0 + wander();
            }
        }
    }

    fn normalized(self) -> Field {
        let lowest = self.heights.iter().copied().fold(f64::INFINITY, f64::min);
        let range = self.heights.iter().copied().fold(f64::NEG_INFINITY, f64::max) - lowest;
        let share = |height: &f64| if range > 0.0 { ((height - lowest) / range) as f32 } else { 0.0 };
        let values = self.heights.iter().map(share).collect();
        Field { width: self.side, height: self.side, channels: 1, values }
    }
}
