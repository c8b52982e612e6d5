//! Dust, smears and drops on the lens: too near to be sharp, they let through less and scatter the rest.

use edgeval_models::wide;

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
        let spot = Spot::new(&mask, &dirt, random);
        wide(
            #[inline(always)]
            || spot.cover(&mut mask),
        );
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

/// A soft ellipse.
struct Spot {
    middle: (f64, f64),
    /// Of the direction that it is longest in.
    cosine: f64,
    sine: f64,
    /// Half its length and half its width.
    reach: f64,
    radius: f64,
    opacity: f64,
}

impl Spot {
    fn new(mask: &Field, dirt: &Dirt, random: &mut Random) -> Self {
        let middle = (random.between(0.0, mask.width as f64), random.between(0.0, mask.height as f64));
        let radius = random.between(dirt.smallest, dirt.largest);
        let (stretch, angle) = (random.between(1.0, 2.0), random.between(0.0, std::f64::consts::PI));
        let opacity = dirt.opacity * random.between(0.5, 1.0);
        Self { middle, cosine: libm::cos(angle), sine: libm::sin(angle), reach: radius * stretch, radius, opacity }
    }

    /// Adds it to what is covered.
    #[inline(always)]
    fn cover(&self, mask: &mut Field) {
        let range = |middle: f64, length: usize| {
            let end = (middle + self.reach + 1.0).clamp(0.0, length as f64) as usize;
            (middle - self.reach).max(0.0) as usize..end
        };
        let (columns, rows) = (range(self.middle.0, mask.width), range(self.middle.1, mask.height));
        for row in rows {
            let dy = row as f64 - self.middle.1;
            let covered = &mut mask.values[row * mask.width..][columns.clone()];
            for (covered, column) in covered.iter_mut().zip(columns.start as i32..) {
                let dx = f64::from(column) - self.middle.0;
                let along = (dx * self.cosine + dy * self.sine) / self.reach;
                let across = (dy * self.cosine - dx * self.sine) / self.radius;
                let inside = (1.0 - along * along - across * across).max(0.0);
                let cover = (self.opacity * inside * inside * (3.0 - 2.0 * inside)) as f32;
                *covered = 1.0 - (1.0 - *covered) * (1.0 - cover);
            }
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
