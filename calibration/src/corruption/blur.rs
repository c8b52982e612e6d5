//! Defocus, glass, motion and zoom blur, as ImageNet-C defines them.

use std::sync::Arc;

use edgeval_models::Picture;

use super::axis::Axis;
use super::field::{Edge, Field};
use super::memo::Memo;
use super::random::Random;
use super::severities::{CorruptionError, Strength};
use super::shift::{Tap, filtered};

/// The paper's kernel has this reach in pixels, or the disc's where that is more.
const KERNEL_REACH: usize = 8;
/// Weights under this are left out: less than a hundredth of a step of 255 all together.
const SMALLEST_WEIGHT: f64 = 1e-7;

/// A disc of a lens out of focus, its edge softened by a Gaussian of 3×3 pixels, or 5×5 for radii over 8. Radius and
/// deviation in pixels of the reference, `scale` of the picture's for one of those.
pub(super) fn defocus(picture: &Picture, radius: f64, edge_deviation: f64, scale: f64) -> Field {
    let soft = if radius > KERNEL_REACH as f64 { 2 } else { 1 };
    if scale < 1.0 {
        let key = [radius, edge_deviation, scale].map(f64::to_bits);
        let taps = SMALL_DISCS.get(key, || small_disc(radius, edge_deviation, soft, scale));
        return filtered(&Field::of_picture(picture), &taps, Edge::MirrorInside);
    }
    let mean = disc_mean(picture, radius * scale);
    let scaled_soft = libm::round(soft as f64 * scale) as usize;
    let gaussian = |length| Axis::gaussian(length, edge_deviation * scale, scaled_soft, Edge::MirrorInside);
    let mut blurred = gaussian(picture.width).along_rows(&gaussian(picture.height).along_columns(&mean));
    if scale == 1.0 {
        let missing =
            filtered(&Field::of_picture(picture), &corrections(radius, edge_deviation, soft), Edge::MirrorInside);
        blurred.values.iter_mut().zip(&missing.values).for_each(|(value, missing)| *value += missing);
    }
    blurred
}

/// The disc on a square of this reach, softened as far as the square's edges.
fn soft_disc(radius: f64, deviation: f64, soft: usize, reach: usize, edge: Edge) -> Field {
    let side = 2 * reach + 1;
    let mut disc = Field::new(side, side, 1);
    for (y, half) in half_widths(radius) {
        let start = (reach as i64 + y).max(0) as usize * side + reach - half;
        disc.values[start..=start + 2 * half].fill(1.0);
    }
    let gaussian = Axis::gaussian(side, deviation, soft, edge);
    gaussian.along_rows(&gaussian.along_columns(&disc))
}

/// What the paper's kernel has more than a disc softened without bounds: its square cuts the softened edge off.
fn corrections(radius: f64, deviation: f64, soft: usize) -> Vec<Tap> {
    let reach = KERNEL_REACH.max(radius as usize);
    let bounded = soft_disc(radius, deviation, soft, reach, Edge::MirrorInside);
    let free = soft_disc(radius, deviation, soft, reach + soft, Edge::Repeat);
    let places: usize = half_widths(radius).iter().map(|(_, half)| 2 * half + 1).sum();
    let (side, inner) = (free.width, bounded.width);
    let tap = |(index, &free): (usize, &f32)| {
        let inside = |place: usize| place.checked_sub(soft).filter(|place| *place < inner);
        let bounded = match (inside(index % side), inside(index / side)) {
            (Some(x), Some(y)) => bounded.values[y * inner + x],
            _ => 0.0,
        };
        let weight = (f64::from(bounded) - f64::from(free)) / places as f64;
        let away = |place: usize| place as i64 - (reach + soft) as i64;
        Tap { dx: away(index % side), dy: away(index / side), weight: weight as f32 }
    };
    let taps = free.values.iter().enumerate().map(tap);
    taps.filter(|tap| f64::from(tap.weight.abs()) > SMALLEST_WEIGHT).collect()
}

/// Half the width of a disc at each distance from its middle row, from −radius to radius.
fn half_widths(radius: f64) -> Vec<(i64, usize)> {
    let reach = radius as i64;
    let inside = |x: f64, y: i64| x * x + (y * y) as f64 <= radius * radius;
    (-reach..=reach).map(|y| (y, (0..=reach).take_while(|&x| inside(x as f64, y)).count().saturating_sub(1))).collect()
}

/// Means over discs. A row of a disc is a difference of two running sums, in integers.
fn disc_mean(picture: &Picture, radius: f64) -> Field {
    let (channels, rows) = (picture.channels.count(), half_widths(radius));
    let reach = radius as usize;
    let running = running_sums(picture, reach);
    let row = (picture.width + 2 * reach + 1) * channels;
    let places: usize = rows.iter().map(|(_, half)| 2 * half + 1).sum();
    let mut mean = Field::new(picture.width, picture.height, channels);
    let mut sums = vec![0_u32; mean.row()];
    for (y, means) in mean.values.chunks_exact_mut(sums.len().max(1)).enumerate() {
        sums.fill(0);
        for &(dy, half) in &rows {
            let start = Edge::MirrorInside.place(y as i64 + dy, picture.height) * row;
            let (from, to) = (start + (reach - half) * channels, start + (reach + half + 1) * channels);
            let (from, to) = (&running[from..from + sums.len()], &running[to..to + sums.len()]);
            for ((sum, from), to) in sums.iter_mut().zip(from).zip(to) {
                *sum += to - from;
            }
        }
        let whole = places as f64 * 255.0;
        means.iter_mut().zip(&sums).for_each(|(mean, &sum)| *mean = (f64::from(sum) / whole) as f32);
    }
    mean
}

/// For each row, its sums from the left up to each place; `reach` more pixels are seen on either side.
fn running_sums(picture: &Picture, reach: usize) -> Vec<u32> {
    let channels = picture.channels.count();
    let row = picture.width * channels;
    let mut running = Vec::with_capacity((picture.width + 2 * reach + 1) * channels * picture.height);
    for bytes in picture.data.chunks_exact(row.max(1)) {
        let mut sums = [0_u32; 3];
        running.extend_from_slice(&sums[..channels]);
        for x in -(reach as i64)..(picture.width + reach) as i64 {
            let start = Edge::MirrorInside.place(x, picture.width) * channels;
            for (sum, &byte) in sums.iter_mut().zip(&bytes[start..start + channels]) {
                *sum += u32::from(byte);
                running.push(*sum);
            }
        }
    }
    running
}

/// By the bits of radius, deviation and scale.
static SMALL_DISCS: Memo<[u64; 3], Vec<Tap>> = Memo::new();

/// The reference's softened disc, made smaller: each of its places is shared out among the pixels that it falls between.
fn small_disc(radius: f64, deviation: f64, soft: usize, scale: f64) -> Vec<Tap> {
    let reach = KERNEL_REACH.max(radius as usize);
    let (side, disc) = (2 * reach + 1, soft_disc(radius, deviation, soft, reach, Edge::MirrorInside));
    let small_reach = libm::ceil(reach as f64 * scale) as i64;
    let small_side = 2 * small_reach + 1;
    let mut shares = vec![0.0_f64; (small_side * small_side) as usize];
    let near = |place: usize| {
        let at = (place as f64 - reach as f64) * scale + small_reach as f64;
        let first = (at as usize).min(small_side as usize - 2);
        [(first, 1.0 - (at - first as f64)), (first + 1, at - first as f64)]
    };
    for (index, &value) in disc.values.iter().enumerate() {
        for (y, down) in near(index / side) {
            for (x, across) in near(index % side) {
                shares[y * small_side as usize + x] += f64::from(value) * down * across;
            }
        }
    }
    normalized(&shares, small_side)
}

/// The places of a square kernel that count, their weights summing to 1.
fn normalized(shares: &[f64], side: i64) -> Vec<Tap> {
    let sum: f64 = shares.iter().sum();
    let tap = |(index, share): (i64, &f64)| {
        let (dx, dy) = (index % side - side / 2, index / side - side / 2);
        Tap { dx, dy, weight: (share / sum) as f32 }
    };
    (0..).zip(shares).filter(|(_, share)| **share > 0.0).map(tap).collect()
}

/// Pixels of a blurred picture change places with near ones, and it's blurred again.
pub(super) fn glass(field: &Field, sizes: GlassSizes, scale: f64, random: &mut Random) -> Field {
    let mut shuffled = gaussian(field, sizes.deviation * scale);
    let distance = libm::round(sizes.distance * scale).max(1.0) as usize;
    for _ in 0..sizes.rounds as usize {
        shuffle(&mut shuffled, distance, random);
    }
    gaussian(&shuffled, sizes.deviation * scale)
}

/// What glass is like.
#[derive(Clone, Copy)]
pub(super) struct GlassSizes {
    pub(super) deviation: f64,
    pub(super) distance: f64,
    pub(super) rounds: f64,
}

impl GlassSizes {
    pub(super) fn of(strength: &Strength) -> Result<Self, CorruptionError> {
        Ok(Self {
            deviation: strength.get("deviation")?,
            distance: strength.get("distance")?,
            rounds: strength.get("rounds")?,
        })
    }
}

/// A Gaussian out to 4 deviations, edges repeated.
pub(super) fn gaussian(field: &Field, deviation: f64) -> Field {
    let radius = (4.0 * deviation + 0.5) as usize;
    let along = |length| Axis::gaussian(length, deviation, radius, Edge::Repeat);
    along(field.width).along_rows(&along(field.height).along_columns(field))
}

/// From the last pixel to the first, each changes places with one at most `distance` before or less than it after.
fn shuffle(field: &mut Field, distance: usize, random: &mut Random) {
    for y in (distance + 1..=field.height.saturating_sub(distance)).rev() {
        for x in (distance + 1..=field.width.saturating_sub(distance)).rev() {
            let other_x = x + random.below(2 * distance) - distance;
            let other_y = y + random.below(2 * distance) - distance;
            exchange(field, y * field.width + x, other_y * field.width + other_x);
        }
    }
}

fn exchange(field: &mut Field, one: usize, other: usize) {
    for channel in 0..field.channels {
        field.values.swap(one * field.channels + channel, other * field.channels + channel);
    }
}

/// A movement in one direction while the picture is taken: half a Gaussian along a line, as ImageMagick's motion blur.
/// The angle is in degrees; radius and deviation in the picture's pixels.
pub(super) fn motion(field: &Field, radius: f64, deviation: f64, angle: f64) -> Field {
    let taps = 2 * libm::ceil(radius) as usize + 1;
    let radians = angle * (std::f64::consts::PI / 180.0);
    let (down, right) = (libm::sin(radians), libm::cos(radians));
    let square = 2.0 * deviation * deviation;
    let weights: Vec<f64> = (0..taps).map(|tap| libm::exp(-((tap * tap) as f64) / square)).collect();
    let sum: f64 = weights.iter().sum();
    let tap = |(tap, weight): (usize, &f64)| Tap {
        dx: libm::ceil(tap as f64 * right - 0.5) as i64,
        dy: libm::ceil(tap as f64 * down - 0.5) as i64,
        weight: (weight / sum) as f32,
    };
    filtered(field, &weights.iter().enumerate().map(tap).collect::<Vec<_>>(), Edge::Repeat)
}

/// A movement towards what is seen: the mean of the picture and its enlargements by 1, 1 + step, …
pub(super) fn zoom(field: &Field, step: f64, zooms: usize) -> Field {
    let mut sum = field.clone();
    // Rounded as numpy's arange does: it decides which way half a pixel goes.
    let step = (1.0 + step) - 1.0;
    for index in 0..zooms {
        let zoomed = zoomed(field, 1.0 + index as f64 * step);
        sum.values.iter_mut().zip(&zoomed.values).for_each(|(sum, value)| *sum += value);
    }
    let count = (zooms + 1) as f32;
    sum.values.iter_mut().for_each(|value| *value /= count);
    sum
}

/// The field's middle, enlarged to its size.
pub(super) fn zoomed(field: &Field, zoom: f64) -> Field {
    let (horizontal, vertical) = (zoom_of(field.width, zoom), zoom_of(field.height, zoom));
    // What isn't enlarged isn't seen.
    vertical.along_columns(&horizontal.along_some_rows(field, vertical.seen()))
}

/// The enlargement of so many places.
pub(super) fn zoom_of(length: usize, zoom: f64) -> Arc<Axis> {
    static ZOOMS: Memo<(usize, u64), Axis> = Memo::new();
    ZOOMS.get((length, zoom.to_bits()), || Axis::zoom(length, zoom))
}
