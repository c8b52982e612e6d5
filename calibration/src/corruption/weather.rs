//! Snow, frost and fog.

use super::blur::{motion, zoom_of, zoomed};
use super::elastic::smoothed;
use super::field::Field;
use super::frost::frost;
use super::plasma::plasma;
use super::random::Random;
use super::severities::{CorruptionError, Strength};

/// Red, green and blue's shares of luminance (ITU-R BT.601).
const LUMINANCE: [f32; 3] = [0.299, 0.587, 0.114];
/// A plasma's smallest side: the power of 2 that covers the reference.
const SMALLEST_PLASMA: usize = 256;
/// No plasma is coarser than this, however small the picture is.
const COARSEST_PLASMA: usize = 16;
/// How far the drawn frost is smoothed over, in pixels of the reference.
const FROST_SOFTNESS: f64 = 0.6;
/// What frost adds to red, green and blue: it is bluish.
const FROST_COLOUR: [f32; 3] = [0.87, 0.94, 1.0];

/// What snow is like; sizes in pixels of the reference.
#[derive(Clone, Copy)]
pub(super) struct Snowfall {
    pub(super) mean: f64,
    pub(super) deviation: f64,
    pub(super) zoom: f64,
    pub(super) threshold: f64,
    pub(super) radius: f64,
    pub(super) motion: f64,
    pub(super) clearness: f64,
}

impl Snowfall {
    pub(super) fn of(strength: &Strength) -> Result<Self, CorruptionError> {
        Ok(Self {
            mean: strength.get("mean")?,
            deviation: strength.get("deviation")?,
            zoom: strength.get("zoom")?,
            threshold: strength.get("threshold")?,
            radius: strength.get("radius")?,
            motion: strength.get("motion")?,
            clearness: strength.get("clearness")?,
        })
    }
}

/// Flakes are enlarged noise over a threshold, moved by the wind; they fall twice, the second time turned round, on a
/// picture that is whitened. A gray picture is its own luminance.
pub(super) fn snow(field: &mut Field, fall: Snowfall, random: &mut Random) {
    let mut noise = Field::reference(field.width, field.height, 1);
    // What isn't enlarged isn't seen.
    let (columns, rows) = (zoom_of(noise.width, fall.zoom).seen(), zoom_of(noise.height, fall.zoom).seen());
    for row in noise.values.chunks_exact_mut(noise.width.max(1)).take(rows.end).skip(rows.start) {
        row[columns.clone()].fill_with(|| (fall.mean + fall.deviation * random.normal()) as f32);
    }
    let flakes = flakes(&noise, fall, random.between(-135.0, -45.0)).resized(field.width, field.height);
    snow_on(field, &flakes, fall.clearness as f32);
}

/// What of a noise is over the threshold, enlarged and moved in a direction in degrees.
pub(super) fn flakes(noise: &Field, fall: Snowfall, angle: f64) -> Field {
    let mut flakes = zoomed(noise, fall.zoom);
    let threshold = fall.threshold as f32;
    for value in &mut flakes.values {
        *value = if *value < threshold { 0.0 } else { value.clamp(0.0, 1.0) };
    }
    motion(&flakes, fall.radius, fall.motion, angle)
}

/// The picture whitened under given flakes of its size.
pub(super) fn snow_on(field: &mut Field, flakes: &Field, clearness: f32) {
    whiten(field, clearness);
    let channels = field.channels;
    for (index, pixel) in field.values.chunks_exact_mut(channels).enumerate() {
        let snow = flakes.values[index] + flakes.values[flakes.values.len() - 1 - index];
        pixel.iter_mut().for_each(|value| *value += snow);
    }
}

/// Mixes a picture with its luminance made lighter.
fn whiten(field: &mut Field, clearness: f32) {
    let channels = field.channels;
    for pixel in field.values.chunks_exact_mut(channels) {
        let gray = if channels == 3 {
            pixel.iter().zip(LUMINANCE).map(|(value, share)| value * share).sum()
        } else {
            pixel[0]
        };
        let white = gray * 1.5 + 0.5;
        pixel.iter_mut().for_each(|value| *value = clearness * *value + (1.0 - clearness) * value.max(white));
    }
}

/// Adds a plasma to the picture and darkens the sum so far that white stays white.
pub(super) fn fog(field: &mut Field, thickness: f64, decay: f64, random: &mut Random) {
    let (side, width, height) = plasma_size(field);
    let plasma = plasma(side, side, decay, &mut || random.unit());
    let mut cut = Field::new(width, height, 1);
    for (row, from) in cut.values.chunks_exact_mut(width).zip(plasma.values.chunks_exact(side)) {
        row.copy_from_slice(&from[..width]);
    }
    add_fog(field, &cut.resized(field.width, field.height), thickness as f32);
}

/// The side of a picture's plasma, and the width and height that are cut from it: the reference's, halved as often as the
/// picture still has no more pixels. Detail that is finer than those isn't drawn.
fn plasma_size(field: &Field) -> (usize, usize, usize) {
    let cut = Field::reference(field.width, field.height, 0);
    let mut side = cut.width.max(cut.height).next_power_of_two().max(SMALLEST_PLASMA);
    let (mut width, mut height) = (cut.width, cut.height);
    while width >= 2 * field.width && height >= 2 * field.height && side > COARSEST_PLASMA {
        (side, width, height) = (side / 2, width.div_ceil(2), height.div_ceil(2));
    }
    (side, width, height)
}

/// The picture under a given fog of its size.
pub(super) fn add_fog(field: &mut Field, fog: &Field, thickness: f32) {
    let lightest = field.values.iter().copied().fold(0.0, f32::max);
    let channels = field.channels;
    for (pixel, fog) in field.values.chunks_exact_mut(channels).zip(&fog.values) {
        for value in pixel {
            *value = (*value + thickness * fog) * lightest / (lightest + thickness);
        }
    }
}

/// The picture's and a drawn frost's weighted sum. On a gray picture frost has no colour.
pub(super) fn procedural_frost(field: &mut Field, picture_weight: f64, frost_weight: f64, random: &mut Random) {
    let drawn = frost(Field::reference(field.width, field.height, 1), random);
    let frost = smoothed(&drawn, FROST_SOFTNESS, field.width, field.height);
    let colour = if field.channels == 3 { FROST_COLOUR } else { [1.0; 3] };
    let (picture_weight, frost_weight) = (picture_weight as f32, frost_weight as f32);
    let channels = field.channels;
    for (pixel, frost) in field.values.chunks_exact_mut(channels).zip(&frost.values) {
        for (value, colour) in pixel.iter_mut().zip(colour) {
            *value = picture_weight * *value + frost_weight * colour * frost;
        }
    }
}
