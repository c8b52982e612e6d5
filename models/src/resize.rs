//! Resizing with Pillow's bytes: two passes of 22-bit fixed-point convolution, widened when shrinking.
//!
//! The algorithm is that of Pillow's `Image.resize` for 8-bit pictures (documented in its "Filters" page and seen in
//! its results); `tests/preprocessing.rs` compares byte by byte.

use crate::manifest::Filter;

/// Fraction bits of a coefficient: 32 less 8 of the pixel and 2 of headroom.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// Coefficients for one size to another, and the memory to work in.
#[derive(Clone, Debug)]
pub struct Resizer {
    from: (usize, usize),
    to: (usize, usize),
    horizontal: Pass,
    vertical: Pass,
    /// The picture at its new width and old height.
    wide: Vec<u8>,
    /// One row of sums.
    sums: Vec<i32>,
}

/// One direction.
#[derive(Clone, Debug)]
enum Pass {
    /// The length stays.
    Copy,
    /// Each output takes one input.
    Nearest(Vec<usize>),
    /// Each output is a weighted sum of neighbours: the first neighbour and the weights.
    Convolve(Vec<(usize, Vec<i32>)>),
}

impl Resizer {
    /// Plans a resize from (width, height) to (width, height), all at least 1.
    #[must_use]
    pub fn new(from: (usize, usize), to: (usize, usize), filter: Filter) -> Self {
        let (horizontal, vertical) = (Pass::new(from.0, to.0, filter), Pass::new(from.1, to.1, filter));
        Self { from, to, horizontal, vertical, wide: Vec::new(), sums: Vec::new() }
    }

    /// Whether this plan is for these sizes.
    #[must_use]
    pub fn is_for(&self, from: (usize, usize), to: (usize, usize)) -> bool {
        (self.from, self.to) == (from, to)
    }

    /// Resizes interleaved bytes of 1 or 3 channels into `resized`, which is emptied first.
    pub fn run(&mut self, bytes: &[u8], channels: usize, resized: &mut Vec<u8>) {
        resized.clear();
        let mut wide = std::mem::take(&mut self.wide);
        wide.clear();
        let source = match (&self.horizontal, channels) {
            (Pass::Copy, _) => bytes,
            (pass, 1) => pass.along_rows::<1>(bytes, self.from.0, &mut wide),
            (pass, _) => pass.along_rows::<3>(bytes, self.from.0, &mut wide),
        };
        self.vertical.along_columns(source, self.to.0 * channels, &mut self.sums, resized);
        self.wide = wide;
    }
}

impl Pass {
    fn new(from: usize, to: usize, filter: Filter) -> Self {
        if from == to {
            return Self::Copy;
        }
        let scale = from as f64 / to as f64;
        match filter {
            Filter::Nearest => {
                Self::Nearest((0..to).map(|place| (((place as f64 + 0.5) * scale) as usize).min(from - 1)).collect())
            }
            Filter::Bilinear => Self::convolution(from, to, scale, 1.0, triangle),
            Filter::Bicubic => Self::convolution(from, to, scale, 2.0, cubic),
        }
    }

    fn convolution(from: usize, to: usize, scale: f64, support: f64, kernel: fn(f64) -> f64) -> Self {
        let stretch = scale.max(1.0);
        let support = support * stretch;
        let weights_of = |place: usize| {
            let center = (place as f64 + 0.5) * scale;
            let first = ((center - support + 0.5) as i64).max(0) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            let inverse = 1.0 / stretch;
            let weights: Vec<f64> = (first..end).map(|pixel| kernel((pixel as f64 - center + 0.5) * inverse)).collect();
            let sum: f64 = weights.iter().sum();
            let normalized = |weight: f64| fixed_point(if sum == 0.0 { weight } else { weight / sum });
            (first, weights.into_iter().map(normalized).collect())
        };
        Self::Convolve((0..to).map(weights_of).collect())
    }

    fn along_rows<'a, const CHANNELS: usize>(&self, bytes: &[u8], from: usize, resized: &'a mut Vec<u8>) -> &'a [u8] {
        for row in bytes.chunks_exact(from * CHANNELS) {
            let (pixels, _) = row.as_chunks::<CHANNELS>();
            match self {
                Self::Copy => resized.extend_from_slice(row),
                Self::Nearest(sources) => sources.iter().for_each(|&x| resized.extend_from_slice(&pixels[x])),
                Self::Convolve(places) => {
                    for (first, weights) in places {
                        resized.extend_from_slice(&weighted(&pixels[*first..], weights));
                    }
                }
            }
        }
        resized
    }

    fn along_columns(&self, bytes: &[u8], row: usize, sums: &mut Vec<i32>, resized: &mut Vec<u8>) {
        match self {
            Self::Copy => resized.extend_from_slice(bytes),
            Self::Nearest(sources) => {
                sources.iter().for_each(|&y| resized.extend_from_slice(&bytes[y * row..(y + 1) * row]));
            }
            Self::Convolve(places) => {
                for (first, weights) in places {
                    sums.clear();
                    sums.resize(row, HALF);
                    for (pixels, weight) in bytes[first * row..].chunks_exact(row).zip(weights) {
                        sums.iter_mut().zip(pixels).for_each(|(sum, &pixel)| *sum += i32::from(pixel) * weight);
                    }
                    resized.extend(sums.iter().map(|&sum| to_byte(sum)));
                }
            }
        }
    }
}

/// Half a step, so that cutting off the fraction rounds.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

fn weighted<const CHANNELS: usize>(pixels: &[[u8; CHANNELS]], weights: &[i32]) -> [u8; CHANNELS] {
    let mut sums = [HALF; CHANNELS];
    for (pixel, weight) in pixels.iter().zip(weights) {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += i32::from(value) * weight;
        }
    }
    sums.map(to_byte)
}

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION_BITS);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Keys's cubic convolution (1981) with a = −0.5.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_size_becomes_any_other(from in (1_usize..60, 1_usize..60), to in (1_usize..60, 1_usize..60), channels in prop::sample::select(vec![1_usize, 3])) {
            for filter in [Filter::Nearest, Filter::Bilinear, Filter::Bicubic] {
                let flat = vec![77; from.0 * from.1 * channels];
                let mut resized = vec![1, 2, 3];
                Resizer::new(from, to, filter).run(&flat, channels, &mut resized);
                prop_assert_eq!(resized.len(), to.0 * to.1 * channels);
                prop_assert!(resized.iter().all(|&byte| byte == 77), "a flat picture stays flat");
            }
        }
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut resized = Vec::new();
        Resizer::new((16, 16), (16, 16), Filter::Bicubic).run(&bytes, 1, &mut resized);
        assert_eq!(resized, bytes);
    }
}
