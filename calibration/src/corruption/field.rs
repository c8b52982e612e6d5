//! Values on a grid, one or more a place: a picture while it is computed with, or a mask.

use edgeval_models::{Channels, Picture};

use super::axis::Axis;
use super::memo::Memo;

/// The shorter side that sizes in pixels are defined at.
pub(super) const REFERENCE_SIDE: usize = 224;
/// A grid at the reference's scale is no longer than this: very long pictures see it stretched.
const LONGEST_REFERENCE: usize = 1024;

/// Rows from the top, channels interleaved. A picture's values are from 0 to 1.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    /// `width * height * channels` values.
    pub(super) values: Vec<f32>,
}

impl Field {
    pub(super) fn new(width: usize, height: usize, channels: usize) -> Self {
        Self { width, height, channels, values: vec![0.0; width * height * channels] }
    }

    /// A field at the scale that sizes are defined at, for a picture of this size.
    pub(super) fn reference(width: usize, height: usize, channels: usize) -> Self {
        let short = width.min(height).max(1) as f64;
        let side = |length: usize| {
            let scaled = libm::round(length as f64 * REFERENCE_SIDE as f64 / short) as usize;
            scaled.clamp(1, LONGEST_REFERENCE)
        };
        Self::new(side(width), side(height), channels)
    }

    pub(super) fn of_picture(picture: &Picture) -> Self {
        let values = picture.data.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let (width, height) = (picture.width, picture.height);
        Self { width, height, channels: picture.channels.count(), values }
    }

    /// Values cut to 0 to 1 and rounded to bytes.
    pub(super) fn into_picture(self, channels: Channels) -> Picture {
        let data = self.values.iter().map(|value| to_byte(value * 255.0)).collect();
        Picture { width: self.width, height: self.height, channels, data }
    }

    /// Values of a row.
    pub(super) const fn row(&self) -> usize {
        self.width * self.channels
    }

    /// The same field of another size: interpolated on straight lines when larger, averaged when smaller.
    pub(super) fn resized(self, width: usize, height: usize) -> Self {
        if (self.width, self.height) == (width, height) {
            return self;
        }
        let along = |from, to| RESIZES.get((from, to), || Axis::resize(from, to));
        let (horizontal, vertical) = (along(self.width, width), along(self.height, height));
        horizontal.along_rows(&vertical.along_columns(&self))
    }
}

/// By length before and after.
static RESIZES: Memo<(usize, usize), Axis> = Memo::new();

/// How many of its own pixels a picture has for one of the reference.
pub(super) fn scale_of(width: usize, height: usize) -> f64 {
    width.min(height) as f64 / REFERENCE_SIDE as f64
}

/// Rounds a value from 0 to 255, cut to that.
pub(super) fn to_byte(value: f32) -> u8 {
    // The conversion cuts off what is under 0 or over 255.
    (value + 0.5) as u8
}

/// What is seen past an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// The last pixel: `a a | a b c | c c`.
    Repeat,
    /// A mirror at the border of the last pixel: `b a | a b c | c b`.
    Mirror,
    /// A mirror in the middle of the last pixel: `c b | a b c | b a`.
    MirrorInside,
}

impl Edge {
    /// The place inside `length` that is seen at `place`; `length` is at least 1.
    pub(super) fn place(self, place: i64, length: usize) -> usize {
        let last = length as i64 - 1;
        if (0..=last).contains(&place) {
            return place as usize;
        }
        let folded = match self {
            Self::Repeat => place.clamp(0, last),
            Self::Mirror => {
                let turn = place.rem_euclid(2 * (last + 1));
                turn.min(2 * last + 1 - turn)
            }
            Self::MirrorInside => {
                let turn = place.rem_euclid((2 * last).max(1));
                turn.min(2 * last - turn)
            }
        };
        folded.max(0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_fold() {
        let seen = |edge: Edge, length| (-4..7).map(|place| edge.place(place, length)).collect::<Vec<_>>();
        assert_eq!(seen(Edge::Repeat, 3), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]);
        assert_eq!(seen(Edge::Mirror, 3), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(seen(Edge::MirrorInside, 3), [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
        for edge in [Edge::Repeat, Edge::Mirror, Edge::MirrorInside] {
            assert!(seen(edge, 1).iter().all(|&place| place == 0));
        }
    }

    #[test]
    fn the_reference_has_the_pictures_shape() {
        let size =
            |width, height| (Field::reference(width, height, 1).width, Field::reference(width, height, 1).height);
        assert_eq!([size(224, 224), size(28, 28), size(640, 480)], [(224, 224), (224, 224), (299, 224)]);
        assert_eq!(size(1, 16_384), (224, 1024));
    }
}
