//! SIGTERM and SIGINT: finish the window and go. A second one goes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

/// Exit status of a second signal: what a shell shows for SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// Whether it is time to go.
#[derive(Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        let requested = Arc::new(AtomicBool::new(false));
        for signal in TERM_SIGNALS {
            // In this order: the first signal finds the flag unset, the second one set.
            flag::register_conditional_shutdown(*signal, EXIT_INTERRUPTED, Arc::clone(&requested))?;
            flag::register(*signal, Arc::clone(&requested))?;
        }
        Ok(Self(requested))
    }

    /// Whether a signal came.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
