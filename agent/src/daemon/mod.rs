//! The daemon: windows in, answers counted and timed, live figures and reports out.
//!
//! One loop on the main thread asks the source for the next window and the model about it. Sensors and publisher have
//! threads of their own; nothing here waits for a network.

pub mod device;
mod drift;
mod messages;
mod replayed;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use crossbeam_channel::Receiver;
use edgeval_wire as wire;
use signal_hook::consts::SIGHUP;

use self::messages::Reporter;
use self::work::Work;
use crate::clock::Moment;
use crate::commands::control::{self, Parts};
use crate::commands::link::Link;
use crate::config::Config;
use crate::probe::Roots;
use crate::publish::{self, Incoming, Publisher};
use crate::state::{self, State};
use crate::stop::Stop;
use crate::supervisor::Supervisor;

/// How long a clean stop may take.
const STOP_DEADLINE: Duration = Duration::from_millis(1500);
/// How long the end of a replay waits for the broker.
const FLUSH_DEADLINE: Duration = Duration::from_secs(10);
/// Commands that wait to be looked at; more are counted and given up.
const COMMANDS: usize = 64;

/// Reads the configuration again.
pub type Reread = Box<dyn FnMut() -> anyhow::Result<Config> + Send>;

/// Runs until told to stop, or until a replay has ended. `reread` is asked when SIGHUP comes.
/// `started` is when the process began.
///
/// # Errors
/// When the configuration, the model or the reference set can't be used.
pub fn run(config: &Config, reread: Reread, started: Moment) -> anyhow::Result<()> {
    let stop = Stop::listen().context("can't listen for signals")?;
    let roots = Roots::default();
    let address = device::address(&config.device)?;
    let directory = state_directory(config);
    let outbox = (config.outbox.path.as_deref().unwrap_or(&directory), &config.outbox);
    let device = device::describe(&roots, &[]);
    let (commands, incoming) = crossbeam_channel::bounded(COMMANDS);
    let commands = (!config.commands.allow.is_empty()).then_some(commands);
    let publisher = publish::open(&config.broker, outbox, address.clone(), device, device::random(), commands)?;
    let publisher = Arc::new(publisher);
    let link = Arc::new(Link::new());
    let control = start_control(config, reread, (&publisher, incoming), &link, &address)?;
    let mut reporter = Reporter::new(publisher, open_state(&directory), &roots, &address, started);
    let mut supervisor = Supervisor::from_environment();
    let worked = work(config, &mut reporter, &stop, &link, &mut supervisor);
    supervisor.stopping();
    // Only a replay that came to its end has something that is worth a longer wait.
    let deadline = if stop.requested() || worked.is_err() { STOP_DEADLINE } else { FLUSH_DEADLINE };
    link.stop();
    // A panic there was reported by its own thread.
    let _ = control.join();
    reporter.stop(deadline);
    worked
}

/// Starts the thread that does commands.
fn start_control(
    config: &Config,
    reread: Reread,
    (publisher, incoming): (&Arc<Publisher>, Receiver<Incoming>),
    link: &Arc<Link>,
    address: &wire::Address,
) -> anyhow::Result<JoinHandle<()>> {
    let hangup = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGHUP, Arc::clone(&hangup)).context("can't listen for SIGHUP")?;
    let (publisher, link) = (Arc::clone(publisher), Arc::clone(link));
    // Without a folder nothing is taken that must not be done twice: the reporter has said that there is none.
    let state = State::open(&state_directory(config)).ok();
    let parts = Parts { incoming, publisher, link, state, device: device::name(address), reread, hangup };
    control::start(parts, config.clone())
}

/// Goes on until it is told to stop or a replay has ended, with one configuration after the other.
fn work(
    config: &Config,
    reporter: &mut Reporter,
    stop: &Stop,
    link: &Link,
    supervisor: &mut Supervisor,
) -> anyhow::Result<()> {
    let mut work = Work::open(config.clone(), None, reporter, link)?;
    loop {
        supervisor.ready(&work.status());
        let Some(change) = work.run(reporter, stop, link, supervisor)? else { return Ok(()) };
        work = work.replaced(*change, reporter, link)?;
    }
}

/// Where the daemon keeps its state.
#[must_use]
pub fn state_directory(config: &Config) -> PathBuf {
    let variable = |name: &str| std::env::var(name).ok();
    config.device.state_directory.clone().unwrap_or_else(|| state::default_directory(variable))
}

/// The state's folder. Without one, full reports are kept nowhere; that is said, not fatal.
fn open_state(directory: &Path) -> Option<State> {
    State::open(directory)
        .inspect_err(|error| tracing::warn!("{error}; full reports are kept nowhere until this is mended"))
        .ok()
}
