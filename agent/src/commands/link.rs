//! Between the daemon's loop and the thread that does commands.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use edgeval_models::Bundle;
use edgeval_wire as wire;

use crate::clock::Moment;
use crate::config::Config;
use crate::measurement::Loaded;

/// How long a change may take: a camera is opened anew.
const PATIENCE: Duration = Duration::from_secs(60);
/// Meanwhile it is looked whether the daemon ends.
const LOOK: Duration = Duration::from_millis(50);

/// A model that was loaded and can be put to work at once.
#[derive(Debug)]
pub struct Prepared {
    /// Its bundle.
    pub bundle: Bundle,
    /// The model.
    pub loaded: Loaded,
}

/// What the daemon is to go on with.
#[derive(Debug)]
pub struct Change {
    /// The configuration from now on.
    pub config: Config,
    /// Its model, where that is another one.
    pub model: Option<Prepared>,
    applied: Sender<Result<(), String>>,
}

impl Change {
    /// The model apart: it is used up.
    #[must_use]
    pub fn split(mut self) -> (Self, Option<Prepared>) {
        let model = self.model.take();
        (self, model)
    }

    /// Tells whoever wanted it how it went.
    pub fn answer(&self, applied: Result<(), String>) {
        // Nobody waits any more when the daemon ends.
        let _ = self.applied.try_send(applied);
    }
}

/// What both sides see.
#[derive(Debug)]
pub struct Link {
    changes: (Sender<Box<Change>>, Receiver<Box<Change>>),
    stop: AtomicBool,
    windows_dropped: AtomicU64,
    model: Mutex<Option<wire::ModelIdentity>>,
}

impl Link {
    /// Nothing to change.
    #[must_use]
    pub fn new() -> Self {
        let (stop, windows_dropped) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { changes: bounded(1), stop, windows_dropped, model: Mutex::new(None) }
    }

    /// Has the daemon go on with another configuration, and waits until it does.
    ///
    /// # Errors
    /// When it can't, and goes on with what it had; or when it ends.
    pub fn change(&self, config: Config, model: Option<Prepared>) -> Result<(), String> {
        let (applied, answer) = bounded(1);
        let change = Box::new(Change { config, model, applied });
        self.changes.0.try_send(change).map_err(|_| "the daemon is busy with another change".to_owned())?;
        let since = Moment::now();
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(applied) => return applied,
                Err(RecvTimeoutError::Timeout) if !self.is_stopped() && Moment::now().since(since) < PATIENCE => {}
                Err(_) => return Err("the daemon didn't take the change".to_owned()),
            }
        }
    }

    /// The change that waits.
    pub fn take_change(&self) -> Option<Box<Change>> {
        self.changes.1.try_recv().ok()
    }

    /// The daemon ends.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the daemon ends.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// So many live windows were dropped since the daemon started.
    pub fn tell_dropped(&self, windows: u64) {
        self.windows_dropped.store(windows, Ordering::Relaxed);
    }

    /// Live windows dropped.
    pub fn dropped(&self) -> u64 {
        self.windows_dropped.load(Ordering::Relaxed)
    }

    /// This model is at work.
    pub fn tell_model(&self, model: wire::ModelIdentity) {
        *self.model.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
    }

    /// The model at work.
    pub fn model(&self) -> Option<wire::ModelIdentity> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
