//! The daemon: windows in, answers counted and timed, live figures and reports out.
//!
//! One loop on the main thread asks the source for the next window and the model about it. Sensors and publisher have
//! threads of their own; nothing here waits for a network.

mod device;
mod drift;
mod messages;
mod replayed;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use crossbeam_channel::Receiver;
use edgeval_models::{Bundle, Input, Manifest, Model, Task, Window};
use edgeval_wire as wire;
use signal_hook::consts::SIGHUP;

use self::drift::Drift;
use self::messages::Reporter;
use self::replayed::Replayed;
use crate::capture::{self, CapturedWindow, Health, Needs, Next, Source, WindowSource};
use crate::clock::Moment;
use crate::commands::control::{self, Parts};
use crate::commands::link::{Change, Link, Prepared};
use crate::commands::reread::differs;
use crate::commands::tasks;
use crate::config::{self, Config, When};
use crate::measurement::{self, Loaded};
use crate::pipeline;
use crate::probe::{ProbeError, Roots, memory};
use crate::publish::{self, Incoming, Publisher};
use crate::state::{self, State};
use crate::stop::Stop;

/// How long a clean stop may take.
const STOP_DEADLINE: Duration = Duration::from_millis(1500);
/// How long the end of a replay waits for the broker.
const FLUSH_DEADLINE: Duration = Duration::from_secs(10);
/// The stop flag is looked at this often.
const PATIENCE: Duration = Duration::from_millis(100);
/// Commands that wait to be looked at; more are counted and given up.
const COMMANDS: usize = 64;

/// Reads the configuration again.
pub type Reread = Box<dyn FnMut() -> anyhow::Result<Config> + Send>;

/// Runs until told to stop, or until a replay has ended. `reread` is asked when SIGHUP comes.
///
/// # Errors
/// When the configuration, the model or the reference set can't be used.
pub fn run(config: &Config, reread: Reread) -> anyhow::Result<()> {
    let started = Moment::now();
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
    let worked = work(config, &mut reporter, &stop, &link);
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
fn work(config: &Config, reporter: &mut Reporter, stop: &Stop, link: &Link) -> anyhow::Result<()> {
    let mut work = Work::open(config.clone(), None, reporter, link)?;
    while let Some(change) = work.run(reporter, stop, link)? {
        work = work.replaced(*change, reporter, link)?;
    }
    Ok(())
}

fn state_directory(config: &Config) -> PathBuf {
    let variable = |name: &str| std::env::var(name).ok();
    config.device.state_directory.clone().unwrap_or_else(|| state::default_directory(variable))
}

/// The state's folder. Without one, full reports are kept nowhere; that is said, not fatal.
fn open_state(directory: &Path) -> Option<State> {
    State::open(directory)
        .inspect_err(|error| tracing::warn!("{error}; full reports are kept nowhere until this is mended"))
        .ok()
}

/// What the daemon does: it measures, or without a model only says that the board is there.
struct Work {
    config: Config,
    measuring: Option<Measuring>,
}

/// What asks and is asked.
struct Measuring {
    model: Model,
    labels: Vec<String>,
    source: Box<dyn WindowSource>,
    replayed: Option<Replayed>,
    drift: Option<Drift>,
}

impl Measuring {
    fn open(
        config: &Config,
        options: &config::Model,
        prepared: Option<Prepared>,
        reporter: &mut Reporter,
        link: &Link,
    ) -> anyhow::Result<Self> {
        let roots = Roots::default();
        let before_load = match &prepared {
            None => memory::of_this_process(&roots),
            Some(_) => Err(ProbeError::Absent("the last model was still at work while it was loaded".to_owned())),
        };
        let Prepared { bundle, loaded } = prepared.map_or_else(|| tasks::load(options), Ok)?;
        let Loaded { mut model, identity, .. } = loaded;
        if let Some(warning) = measurement::warning_of_float(&model) {
            tracing::warn!("{warning}; `edgeval inspect` says why");
        }
        reporter.model_ready(&identity, model.inspect().model_bytes, before_load);
        // The first inference is slower than the rest: it is measured, told, and not among the windows'.
        pipeline::answer(&mut model, &Window::default(), Duration::ZERO)?;
        reporter.first_inference();
        let source = open_source(config, &bundle)?;
        let replayed = open_replayed(config, bundle.manifest())?;
        reporter.describe_device(device::describe(&roots, &[identity.to_wire()]));
        reporter.publish_field(None);
        link.tell_model(identity.to_wire());
        let drift = open_drift(config, &identity.sha256, reporter);
        Ok(Self { model, labels: bundle.manifest().labels.clone(), source, replayed, drift })
    }
}

/// What keeps a replay's answers, where they can be scored.
fn open_replayed(config: &Config, manifest: &Manifest) -> anyhow::Result<Option<Replayed>> {
    if manifest.task != Task::Classification {
        tracing::warn!("a model for {} is timed; this version can't score it in a replay yet", manifest.task);
        return Ok(None);
    }
    Ok(Replayed::open(&config.capture, &manifest.labels)?)
}

/// What watches for drift, where that is wanted.
fn open_drift(config: &Config, model: &str, reporter: &Reporter) -> Option<Drift> {
    let (wanted, source) = match (config.drift.when, config.capture.source) {
        (When::Off, _) | (When::Live, Source::Replay) => (false, ""),
        (When::Always, Source::Replay) => (true, "replay"),
        (When::Live | When::Always, _) => (true, "live"),
    };
    wanted.then(|| Drift::open(config.drift, reporter.state_directory(), model, source))
}

fn open_source(config: &Config, bundle: &Bundle) -> anyhow::Result<Box<dyn WindowSource>> {
    Ok(capture::open(&config.capture, &needs(bundle.manifest()))?)
}

/// What the model wants of a window.
fn needs(manifest: &Manifest) -> Needs {
    let mut needs = Needs { picture: false, sound_sample_rate_hz: None, window_ms: 1000 };
    for input in &manifest.inputs {
        match input {
            Input::Image(_) => needs.picture = true,
            Input::Audio(audio) => {
                needs.sound_sample_rate_hz = Some(audio.sample_rate_hz);
                needs.window_ms = audio.window_ms;
            }
            // Nothing that is captured writes.
            Input::Text(_) => {}
        }
    }
    needs
}

impl Work {
    fn open(config: Config, prepared: Option<Prepared>, reporter: &mut Reporter, link: &Link) -> anyhow::Result<Self> {
        let model = config.model.as_ref();
        if model.is_none() {
            tracing::info!("no model is configured: only saying that this board is there");
        }
        let open = |options| Measuring::open(&config, options, prepared, reporter, link);
        let measuring = model.map(open).transpose()?;
        Ok(Self { config, measuring })
    }

    /// Until it is told to stop, a replay has ended, or what it stands on changes.
    fn run(&mut self, reporter: &mut Reporter, stop: &Stop, link: &Link) -> anyhow::Result<Option<Box<Change>>> {
        let mut change = None;
        while !stop.requested() && change.is_none() {
            match self.next() {
                Next::Window(window) => self.answer(&window, reporter)?,
                Next::Nothing => {}
                Next::Finished => {
                    tracing::info!("the replay has ended");
                    break;
                }
                Next::Failed(reason) => anyhow::bail!(reason),
            }
            if reporter.live_is_due(self.config.report.live_interval()) {
                let health = self.health();
                link.tell_dropped(health.as_ref().map_or(0, |health| health.windows_skipped));
                reporter.publish_live(health.as_ref());
            }
            if self.measuring.is_some() && reporter.field_is_due(self.config.report.field_interval()) {
                reporter.publish_field(self.health().as_ref());
            }
            change = link.take_change().and_then(|change| self.absorb(change));
        }
        if let Some(health) = self.health() {
            reporter.publish_live(Some(&health));
            reporter.publish_field(Some(&health));
        }
        Ok(change)
    }

    fn next(&mut self) -> Next {
        let patience = PATIENCE.min(self.config.report.live_interval());
        match &mut self.measuring {
            Some(measuring) => measuring.source.next(patience),
            None => {
                std::thread::sleep(patience);
                Next::Nothing
            }
        }
    }

    fn health(&self) -> Option<Health> {
        self.measuring.as_ref().map(|measuring| measuring.source.health())
    }

    /// Takes on what needs nothing opened anew; gives back what does.
    fn absorb(&mut self, change: Box<Change>) -> Option<Box<Change>> {
        let (old, new) = (&self.config, &change.config);
        let opened_anew = change.model.is_some()
            || differs(&old.model, &new.model)
            || differs(&old.capture, &new.capture)
            || differs(&old.drift, &new.drift);
        if opened_anew {
            return Some(change);
        }
        self.config = change.config.clone();
        change.answer(Ok(()));
        None
    }

    /// The same with another model or other sources; what can't be opened leaves the old.
    fn replaced(self, change: Change, reporter: &mut Reporter, link: &Link) -> anyhow::Result<Self> {
        let (old, fresh) = (self.config, change.config.clone());
        // One camera can't be opened twice.
        drop(self.measuring);
        let (change, model) = change.split();
        match Self::open(fresh, model, reporter, link) {
            Ok(work) => {
                change.answer(Ok(()));
                Ok(work)
            }
            Err(error) => {
                change.answer(Err(format!("{error:#}")));
                Self::open(old, None, reporter, link)
            }
        }
    }

    fn answer(&mut self, captured: &CapturedWindow, reporter: &mut Reporter) -> anyhow::Result<()> {
        let Some(measuring) = &mut self.measuring else { return Ok(()) };
        let answer = pipeline::answer(&mut measuring.model, &captured.window, captured.capture)?;
        reporter.record(captured, &answer, &measuring.labels);
        if let Some(report) = measuring.drift.as_mut().and_then(|drift| drift.record(&answer.prediction)) {
            reporter.publish_drift(report);
        }
        if let (Some(replayed), Some(truth)) = (&mut measuring.replayed, captured.truth)
            && let Some(finished) = replayed.record(truth, answer.prediction)?
        {
            reporter.publish_accuracy(&finished);
        }
        Ok(())
    }
}
