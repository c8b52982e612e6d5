//! Elastic deformation (Simard et al. 2003), as ImageNet-C defines it: an affine map of three points, then smooth
//! displacements.

use super::axis::Axis;
use super::field::{Edge, Field};
use super::memo::Memo;
use super::random::Random;
use super::severities::{CorruptionError, Strength};

/// Sizes in pixels of the reference.
#[derive(Clone, Copy)]
pub(super) struct ElasticSizes {
    /// What smoothed displacements are multiplied by.
    pub(super) strength: f64,
    /// What they are smoothed by.
    pub(super) deviation: f64,
    /// How far each of the three points may move, either way.
    pub(super) corner: f64,
}

impl ElasticSizes {
    pub(super) fn of(table: &Strength) -> Result<Self, CorruptionError> {
        Ok(Self { strength: table.get("strength")?, deviation: table.get("deviation")?, corner: table.get("corner")? })
    }
}

/// Deforms a picture; `scale` is how many of its pixels one of the reference has.
pub(super) fn elastic(field: &Field, sizes: ElasticSizes, scale: f64, random: &mut Random) -> Field {
    let moves: [f64; 6] = std::array::from_fn(|_| random.between(-sizes.corner, sizes.corner) * scale);
    let mut noise = Field::reference(field.width, field.height, 2);
    noise.values.as_chunks_mut().0.iter_mut().for_each(|moves| *moves = random.two_either_way());
    let mut displacements = smoothed(&noise, sizes.deviation, field.width, field.height);
    let strength = (sizes.strength * scale) as f32;
    displacements.values.iter_mut().for_each(|value| *value *= strength);
    displaced(&turned(field, moves), &displacements)
}

/// A Gaussian out to 3 deviations, mirrored at the edges, resized to a width and height.
pub(super) fn smoothed(field: &Field, deviation: f64, width: usize, height: usize) -> Field {
    let radius = (3.0 * deviation + 0.5) as usize;
    let gaussian = |length| Axis::gaussian(length, deviation, radius, Edge::Mirror);
    if width > field.width || height > field.height {
        let smooth = gaussian(field.width).along_rows(&gaussian(field.height).along_columns(field));
        return smooth.resized(width, height);
    }
    // Both at once: of what is made smaller, only what is left is smoothed.
    let along =
        |from, to| SMALLER.get((from, to, deviation.to_bits()), || gaussian(from).then(&Axis::resize(from, to)));
    along(field.width, width).along_rows(&along(field.height, height).along_columns(field))
}

/// By length before and after, and the bits of the deviation.
static SMALLER: Memo<(usize, usize, u64), Axis> = Memo::new();

/// The affine map that moves three corners of a square in the picture's middle by (x, y) each. Pictures under 3 pixels
/// have no such square and stay.
pub(super) fn turned(field: &Field, moves: [f64; 6]) -> Field {
    let square = (field.width.min(field.height) / 3) as f64;
    if square == 0.0 {
        return field.clone();
    }
    let (x, y) = ((field.width / 2) as f64, (field.height / 2) as f64);
    let corners = [[x + square, y + square], [x + square, y - square], [x - square, y - square]];
    let [a, b, c, d, e, f] = moves;
    let moved = [
        [corners[0][0] + a, corners[0][1] + b],
        [corners[1][0] + c, corners[1][1] + d],
        [corners[2][0] + e, corners[2][1] + f],
    ];
    let Some(inverse) = affine(moved, corners) else { return field.clone() };
    let seen = |x: usize, y: usize| {
        let (x, y) = (x as f64, y as f64);
        let row = |[a, b, c]: [f64; 3]| a * x + b * y + c;
        (row(inverse[0]), row(inverse[1]))
    };
    sampled(field, seen, Edge::MirrorInside)
}

/// The affine map (two rows of three) that takes three points to three others; `None` when they lie on a line.
fn affine(from: [[f64; 2]; 3], to: [[f64; 2]; 3]) -> Option<[[f64; 3]; 2]> {
    let [p, q, r] = from;
    let (q, r) = ([q[0] - p[0], q[1] - p[1]], [r[0] - p[0], r[1] - p[1]]);
    let determinant = q[0] * r[1] - q[1] * r[0];
    if determinant == 0.0 {
        return None;
    }
    let row = |axis: usize| {
        let (start, to_q, to_r) = (to[0][axis], to[1][axis] - to[0][axis], to[2][axis] - to[0][axis]);
        let a = (to_q * r[1] - to_r * q[1]) / determinant;
        let b = (to_r * q[0] - to_q * r[0]) / determinant;
        [a, b, start - a * p[0] - b * p[1]]
    };
    Some([row(0), row(1)])
}

/// Every pixel is seen where its displacement (x, y) says.
pub(super) fn displaced(field: &Field, displacements: &Field) -> Field {
    let seen = |x: usize, y: usize| {
        let place = (y * field.width + x) * 2;
        let (dx, dy) = (displacements.values[place], displacements.values[place + 1]);
        (x as f64 + f64::from(dx), y as f64 + f64::from(dy))
    };
    sampled(field, seen, Edge::Mirror)
}

/// Each pixel's value where it is seen, on straight lines between four neighbours.
fn sampled(field: &Field, seen: impl Fn(usize, usize) -> (f64, f64), edge: Edge) -> Field {
    let mut result = Field::new(field.width, field.height, field.channels);
    for (index, pixel) in result.values.chunks_exact_mut(field.channels).enumerate() {
        let (x, y) = seen(index % field.width, index / field.width);
        let (left, top) = (libm::floor(x), libm::floor(y));
        let (across, down) = ((x - left) as f32, (y - top) as f32);
        let columns = [left as i64, left as i64 + 1].map(|place| edge.place(place, field.width) * field.channels);
        let rows = [top as i64, top as i64 + 1].map(|place| edge.place(place, field.height) * field.row());
        for (channel, value) in pixel.iter_mut().enumerate() {
            let at = |row: usize, column: usize| field.values[row + column + channel];
            let upper = at(rows[0], columns[0]) * (1.0 - across) + at(rows[0], columns[1]) * across;
            let lower = at(rows[1], columns[0]) * (1.0 - across) + at(rows[1], columns[1]) * across;
            *value = upper * (1.0 - down) + lower * down;
        }
    }
    result
}
