//! What systemd is told: ready, alive, stopping (sd_notify(3)). Without systemd every call does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock::Moment;

/// Tells systemd how the daemon is. The watchdog is fed by the loop that infers, and by nothing else, so that an
/// inference that never ends is found; a sensor that is away doesn't stop that loop.
#[derive(Debug)]
pub struct Supervisor {
    /// Time between two signs of life: half of what systemd waits for.
    interval: Option<Duration>,
    told: Option<Moment>,
}

impl Supervisor {
    /// Reads what systemd wants of this process.
    #[must_use]
    pub fn from_environment() -> Self {
        Self { interval: sd_notify::watchdog_enabled().map(|patience| patience / 2), told: None }
    }

    /// The pipeline works.
    pub fn ready(&mut self, status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The loop came round. Systemd is told often enough, not every time.
    pub fn progress(&mut self, now: Moment) {
        let Some(interval) = self.interval else { return };
        if self.told.is_none_or(|told| now.since(told) >= interval) {
            tell(&[NotifyState::Watchdog]);
            self.told = Some(now);
        }
    }

    /// The last window is done; what is left is flushed.
    pub fn stopping(&mut self) {
        tell(&[NotifyState::Stopping, NotifyState::Status("flushing")]);
    }
}

/// A daemon that can't be heard goes on; systemd's own deadlines say what follows.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("systemd can't be told: {error}");
    }
}
