//! Dust, smears and drops on the lens: too near to be sharp, they let through less and scatter the rest.

use super::field::Field;
use super::random::Random;
use super::severities::{CorruptionError, Strength};

/// The light that a spot scatters, as a share of the picture's mean.
const SCATTERED: f32 = 0.75;

/// What the dirt is like; sizes in pixels of the reference.
#[derive(Clone, Copy)]
pub(super) struct Dirt {
    pub(super) spots: f64,
    pub(super) smallest: f64,
    pub(super) largest: f64,
    pub(super) opacity: f64,
}

impl Dirt {
    pub(super) fn of(strength: &Strength) -> Result<Self, CorruptionError> {
        Ok(Self {
            spots: strength.get("spots")?,
            smallest: strength.get("smallest")?,
            largest: strength.get("largest")?,
            opacity: strength.get("opacity")?,
        })
    }
}

/// Mixes a picture with its mean colour where there are spots.
pub(super) fn dirty_lens(field: &mut Field, dirt: Dirt, random: &mut Random) {
    let mut mask = Field::reference(field.width, field.height, 1);
    // As many as on a square picture for each square that this one has.
    let squares = mask.width.max(mask.height) as f64 / mask.width.min(mask.height).max(1) as f64;
    for _ in 0..libm::round(dirt.spots * squares) as usize {
        add_spot(&mut mask, &dirt, random);
    }
    let mask = mask.resized(field.width, field.height);
    let means = means(field);
    let channels = field.channels;
    for (pixel, clear) in field.values.chunks_exact_mut(channels).zip(&mask.values) {
        for (value, mean) in pixel.iter_mut().zip(means) {
            *value = *value * (1.0 - clear) + SCATTERED * mean * clear;
        }
    }
}

/// Adds one soft ellipse to what is covered.
fn add_spot(mask: &mut Field, dirt: &Dirt, random: &mut Random) {
    let (x, y) = (random.between(0.0, mask.width as f64), random.between(0.0, mask.height as f64));
    let radius = random.between(dirt.smallest, dirt.largest);
    let (stretch, angle) = (random.between(1.0, 2.0), random.between(0.0, std::f64::consts::PI));
    let opacity = dirt.opacity * random.between(0.5, 1.0);
    let (cosine, sine) = (libm::cos(angle), libm::sin(angle));
    let reach = radius * stretch;
    let range = |middle: f64, length: usize| {
        let end = (middle + reach + 1.0).clamp(0.0, length as f64) as usize;
        (middle - reach).max(0.0) as usize..end
    };
    for row in range(y, mask.height) {
        for column in range(x, mask.width) {
            let (dx, dy) = (column as f64 - x, row as f64 - y);
            let (along, across) = ((dx * cosine + dy * sine) / reach, (dy * cosine - dx * sine) / radius);
            let inside = (1.0 - along * along - across * across).max(0.0);
            let cover = (opacity * inside * inside * (3.0 - 2.0 * inside)) as f32;
            let covered = &mut mask.values[row * mask.width + column];
            *covered = 1.0 - (1.0 - *covered) * (1.0 - cover);
        }
    }
}

/// Each channel's mean.
fn means(field: &Field) -> [f32; 3] {
    let mut sums = [0.0_f64; 3];
    for pixel in field.values.chunks_exact(field.channels) {
        sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.map(|sum| (sum * field.channels as f64 / field.values.len() as f64) as f32)
}
