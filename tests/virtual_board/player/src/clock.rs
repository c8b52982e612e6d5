//! CLOCK_MONOTONIC in milliseconds.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Now.
pub fn now_ms() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// Sleeps until `moment_ms`; returns at once if that is past.
pub fn sleep_until(moment_ms: f64) {
    let left_ms = moment_ms - now_ms();
    if left_ms > 0.0 {
        std::thread::sleep(Duration::from_secs_f64(left_ms / 1e3));
    }
}
