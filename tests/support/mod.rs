//! What system tests share: the program as a process, a private Mosquitto, what it delivers, and waiting with a deadline.

mod agent;
mod mosquitto;
mod network;
mod reports;

use std::time::{Duration, Instant};

pub use agent::{Agent, REPLAY, changed, root, small_set};
pub use mosquitto::{Broker, Delivered, Subscriber, free_port};
pub use network::{Faults, Network};
pub use reports::Reports;

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

/// The same, but patient as long as a number grows.
pub fn wait_while_it_grows(what: &str, number: impl Fn() -> u64, is_so: impl Fn() -> bool) {
    let (mut most, mut deadline) = (number(), Instant::now() + PATIENCE);
    while !is_so() {
        let now = number();
        if now > most {
            (most, deadline) = (now, Instant::now() + PATIENCE);
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}; {most} came");
        std::thread::sleep(Duration::from_millis(20));
    }
}
