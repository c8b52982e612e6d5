//! Randomness with the same values everywhere.

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
    /// Normal values come in twos.
    spare: Option<f64>,
}

impl Random {
    pub(super) fn new(seed: Seed, kind: &str, severity: Severity) -> Self {
        let bytes = seed.run.to_le_bytes().into_iter().chain(seed.sample.to_le_bytes());
        Self::seeded(fnv_1a(bytes.chain(kind.bytes()).chain([severity.number()])))
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self { source: Pcg64Mcg::seed_from_u64(seed), spare: None }
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

    /// A whole number under `end`; 0 when that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.source.next_u64()) * end as u128) >> 64) as usize
    }

    /// Of mean 0 and deviation 1: Marsaglia's polar method (1964).
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let factor = libm::sqrt(-2.0 * libm::log(square) / square);
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }
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
