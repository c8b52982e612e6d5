//! How long to wait before a device is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Doubles from half a second to half a minute; starts anew after a success.
#[derive(Debug)]
pub struct BackOff {
    next: Duration,
}

impl BackOff {
    /// Nothing failed yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The device worked: the next failure is a first one.
    pub const fn succeeded(&mut self) {
        self.next = FIRST;
    }

    /// How long to wait after one more failure; a lasting one needs somebody's hand, so there is no hurry.
    pub fn failed(&mut self, lasting: bool) -> Duration {
        let wait = if lasting { LONGEST } else { self.next };
        self.next = (wait * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_start_anew() {
        let mut back_off = BackOff::new();
        let waits: Vec<f32> = (0..8).map(|_| back_off.failed(false).as_secs_f32()).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        back_off.succeeded();
        assert_eq!(back_off.failed(false), FIRST);
    }
}
