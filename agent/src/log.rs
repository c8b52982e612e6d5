//! Where the log goes: standard error, or the journal with its levels when systemd started us.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::prelude::*;

/// Starts the log. `EDGEVAL_LOG=debug` shows more.
pub fn start() {
    let filter = EnvFilter::try_from_env("EDGEVAL_LOG").unwrap_or_else(|_| EnvFilter::new("warn,edgeval=info"));
    let journal = stderr_is_the_journal().then(tracing_journald::layer).and_then(Result::ok);
    let lines = journal.is_none().then(|| {
        tracing_subscriber::fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal()).with_target(false)
    });
    tracing_subscriber::registry().with(filter).with(journal).with(lines).init();
}

/// `JOURNAL_STREAM` names the journal's socket as device and inode (systemd.exec(5)). Children of services inherit the
/// variable, so it counts only where standard error is that socket.
fn stderr_is_the_journal() -> bool {
    let named = std::env::var("JOURNAL_STREAM").ok();
    let is_that = |named: String| {
        rustix::fs::fstat(stderr()).is_ok_and(|file| named == format!("{}:{}", file.st_dev, file.st_ino))
    };
    named.is_some_and(is_that)
}
