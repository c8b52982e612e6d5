//! How long to wait before the next try: twice as long each time, a random part of it left out, so that a fleet
//! doesn't come back all at once.

use std::time::Duration;

use rand::{Rng, RngExt};

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// Tries that failed in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure and gives the time to wait: between half and all of 0.25 s · 2ⁿ, at most 30 s.
    pub(super) fn next(&mut self, random: &mut impl Rng) -> Duration {
        let whole = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(random.random_range(0.5..=1.0))
    }

    /// It works again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn waits_double_up_to_a_bound_and_start_again() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(1);
        let mut backoff = Backoff::default();
        for whole_ms in [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
            let wait = backoff.next(&mut random);
            assert!(wait >= Duration::from_millis(whole_ms / 2) && wait <= Duration::from_millis(whole_ms), "{wait:?}");
        }
        (0..100).for_each(|_| assert!(backoff.next(&mut random) <= LONGEST));
        backoff.reset();
        assert!(backoff.next(&mut random) <= FIRST);
    }
}
