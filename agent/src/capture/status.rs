//! What a sensor's thread says about itself, and how it waits.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::SensorState;
use crate::clock::Moment;

/// How often a waiting thread looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(50);

/// A sensor's device, format and state; written by its thread, read by others. Never touched in a sound callback.
#[derive(Debug)]
pub struct Status {
    said: Mutex<Said>,
}

#[derive(Clone, Debug)]
struct Said {
    device: String,
    format: String,
    state: SensorState,
    runs: u64,
}

impl Status {
    /// A sensor that wasn't tried yet.
    #[must_use]
    pub fn new(device: &str) -> Self {
        let state = SensorState::Retrying("it has not delivered anything yet".to_owned());
        Self { said: Mutex::new(Said { device: device.to_owned(), format: String::new(), state, runs: 0 }) }
    }

    /// It delivers, in this format.
    pub fn running(&self, device: String, format: String) {
        tracing::info!("{device} runs: {format}");
        let mut said = self.lock();
        let runs = said.runs + 1;
        *said = Said { device, format, state: SensorState::Running, runs };
    }

    /// It failed and will be tried again. The log has each reason once, not at every try.
    pub fn failed(&self, reason: &impl Display) {
        let state = SensorState::Retrying(reason.to_string());
        let mut said = self.lock();
        if said.state != state {
            tracing::warn!("{reason} (tried again, less and less often)");
            said.state = state;
        }
    }

    /// Device, format, state, and how often it came back.
    #[must_use]
    pub fn read(&self) -> (String, String, SensorState, u64) {
        let said = self.lock().clone();
        (said.device, said.format, said.state, said.runs.saturating_sub(1))
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits, but not when told to stop, and not longer than until `is_back`.
pub fn pause(wait: Duration, stop: &AtomicBool, is_back: impl Fn() -> bool) {
    let began = Moment::now();
    while Moment::now().since(began) < wait && !stop.load(Ordering::Relaxed) && !is_back() {
        std::thread::sleep(LOOK.min(wait));
    }
}

/// Waits for a thread that was told to stop. One that hangs in a driver is left behind after `limit`.
pub fn join(thread: JoinHandle<()>, limit: Duration) {
    let began = Moment::now();
    while !thread.is_finished() && Moment::now().since(began) < limit {
        std::thread::sleep(Duration::from_millis(2));
    }
    if !thread.is_finished() {
        tracing::warn!(
            "the {} thread hangs in its driver and is left behind",
            thread.thread().name().unwrap_or("sensor")
        );
    } else if thread.join().is_err() {
        tracing::error!("a sensor's thread failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coming_back_is_counted() {
        let status = Status::new("x");
        assert!(matches!(status.read(), (_, _, SensorState::Retrying(_), 0)));
        status.running("x".to_owned(), "a".to_owned());
        status.failed(&"gone");
        status.running("x".to_owned(), "b".to_owned());
        assert_eq!(status.read(), ("x".to_owned(), "b".to_owned(), SensorState::Running, 1));
    }

    #[test]
    fn a_device_that_is_back_ends_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("video0");
        let there = node.clone();
        let began = Moment::now();
        let waiting = std::thread::spawn(move || {
            pause(Duration::from_secs(60), &AtomicBool::new(false), || there.exists());
        });
        std::fs::write(&node, "").unwrap();
        waiting.join().unwrap();
        assert!(Moment::now().since(began) < Duration::from_secs(30));
    }
}
