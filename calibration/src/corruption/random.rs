//! Randomness with the same values everywhere.

use std::sync::LazyLock;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::Severity;

/// What randomness starts from. The kind of corruption and its severity are added to it, so that no two share theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The run's own.
    pub run: u64,
    /// The sample's place in its set.
    pub sample: u64,
}

/// Draws of one corruption of one sample.
pub(crate) struct Random {
    source: Pcg64Mcg,
}

impl Random {
    pub(super) fn new(seed: Seed, kind: &str, severity: Severity) -> Self {
        let bytes = seed.run.to_le_bytes().into_iter().chain(seed.sample.to_le_bytes());
        Self::seeded(fnv_1a(bytes.chain(kind.bytes()).chain([severity.number()])))
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self { source: Pcg64Mcg::seed_from_u64(seed) }
    }

    /// From 0 up to 1, in steps of 2⁻⁵³.
    pub(crate) fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.source.next_u64() >> 11) as f64 * STEP
    }

    /// From `low` up to `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Two from −1 to 1, in steps of 2⁻³¹ or what is left of them as floats.
    pub(super) fn two_either_way(&mut self) -> [f32; 2] {
        const STEP: f32 = 1.0 / (1_u32 << 31) as f32;
        let bits = self.source.next_u64();
        [bits as i32, (bits >> 32) as i32].map(|value| value as f32 * STEP)
    }

    /// A whole number under `end`; 0 when that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.source.next_u64()) * end as u128) >> 64) as usize
    }

    /// Of mean 0 and deviation 1: the ziggurat of Marsaglia & Tsang (2000).
    pub(super) fn normal(&mut self) -> f64 {
        let layers = &*LAYERS;
        loop {
            // The lowest 8 bits choose a layer, the upper 53 the place in it, from −1 up to 1.
            let bits = self.source.next_u64();
            let layer = usize::from(bits as u8);
            let x = ((bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0) * layers.ends[layer];
            if x.abs() < layers.ends[layer + 1] {
                return x;
            }
            if layer == 0 {
                return self.past_the_layers().copysign(x);
            }
            let (low, high) = (layers.heights[layer], layers.heights[layer + 1]);
            if low + (high - low) * self.unit() < density(x) {
                return x;
            }
        }
    }

    /// A normal value that is farther out than the lowest layer is wide (Marsaglia 1964).
    fn past_the_layers(&mut self) -> f64 {
        loop {
            // From 1 down, 0 left out.
            let (across, up) = (-libm::log(1.0 - self.unit()) / OUTERMOST, -libm::log(1.0 - self.unit()));
            if 2.0 * up > across * across {
                return OUTERMOST + across;
            }
        }
    }
}

/// The right end of the lowest of 256 layers, and the area of each, as the paper gives them.
const OUTERMOST: f64 = 3.654_152_885_361_009;
const LAYER_AREA: f64 = 0.004_928_673_233_99;

/// Layers of the same area under the normal density, from the lowest one up: where each ends, and how high the density is
/// there.
struct Layers {
    ends: [f64; 257],
    heights: [f64; 257],
}

static LAYERS: LazyLock<Layers> = LazyLock::new(|| {
    let mut ends = [0.0; 257];
    // The lowest has what is past its end besides: as wide as if it were a rectangle.
    (ends[0], ends[1]) = (LAYER_AREA / density(OUTERMOST), OUTERMOST);
    for layer in 2..256 {
        let height = density(ends[layer - 1]) + LAYER_AREA / ends[layer - 1];
        ends[layer] = libm::sqrt(-2.0 * libm::log(height));
    }
    Layers { ends, heights: ends.map(density) }
});

/// The normal density, 1 in the middle.
fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x)
}

/// Fowler, Noll and Vo's hash of bytes.
fn fnv_1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Poisson's distribution of one mean, as its cumulative probabilities from 0 on.
pub(super) struct Poisson(Vec<f64>);

impl Poisson {
    /// For a mean from 0 to 700, past which the first probability underflows.
    pub(super) fn new(mean: f64) -> Self {
        let mean = mean.clamp(0.0, 700.0);
        let (mut probability, mut count) = (libm::exp(-mean), 0.0);
        let mut cumulative = vec![probability];
        let mut sum = probability;
        while sum + probability > sum || count < mean {
            count += 1.0;
            probability = probability * mean / count;
            sum += probability;
            cumulative.push(sum);
        }
        Self(cumulative)
    }

    /// The count at a share of the distribution.
    pub(super) fn at(&self, unit: f64) -> usize {
        self.0.partition_point(|&cumulative| cumulative <= unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        (mean, square / values.len() as f64)
    }

    #[test]
    fn draws_have_their_moments() {
        let mut random = Random::seeded(1);
        let (mean, variance) = moments((0..100_000).map(|_| random.normal()));
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        // Shares of the normal distribution that are farther out.
        for (end, expected) in
            [(0.5, 0.617_075), (1.0, 0.317_311), (2.0, 0.045_500), (3.0, 0.002_700), (3.8, 0.000_145)]
        {
            let share = (0..1_000_000).filter(|_| random.normal().abs() > end).count() as f64 / 1e6;
            let bound = 4.0 * (expected * (1.0 - expected) / 1e6_f64).sqrt();
            assert!((share - expected).abs() < bound, "past {end}: {share}, not {expected}");
        }
        for expected in [0.0, 0.3, 4.0, 60.0, 400.0] {
            let poisson = Poisson::new(expected);
            let (mean, variance) = moments((0..100_000).map(|_| poisson.at(random.unit()) as f64));
            assert!((mean - expected).abs() <= 0.02 * expected, "{mean} for {expected}");
            assert!((variance - expected).abs() <= 0.03 * expected, "{variance} for {expected}");
        }
        assert!((0..1000).all(|_| random.below(3) < 3) && random.below(0) == 0);
    }

    #[test]
    fn every_part_of_a_seed_counts() {
        let first = |run, sample, kind, severity| Random::new(Seed { run, sample }, kind, severity).unit();
        let draws = [
            first(1, 2, "a", Severity::One),
            first(2, 2, "a", Severity::One),
            first(1, 3, "a", Severity::One),
            first(1, 2, "b", Severity::One),
            first(1, 2, "a", Severity::Two),
        ];
        assert!((0..5).all(|one| (one + 1..5).all(|other| draws[one] != draws[other])), "{draws:?}");
    }
}
