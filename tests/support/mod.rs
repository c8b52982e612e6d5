//! What system tests share: the program as a process, a private Mosquitto, what it delivers, and waiting with a deadline.

mod agent;
mod mosquitto;

use std::time::{Duration, Instant};

pub use agent::{Agent, REPLAY, root};
pub use mosquitto::{Broker, Delivered, Subscriber, free_port};

/// Longer than anything here takes on a slow, busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until something is so; fails the test when it isn't in time.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
