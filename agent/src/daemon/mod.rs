//! The daemon: windows in, answers counted and timed, live figures and reports out.
//!
//! One loop on the main thread asks the source for the next window and the model about it. Sensors and publisher have
//! threads of their own; nothing here waits for a network.

pub mod device;
mod drift;
mod messages;
mod replayed;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use edgeval_models::{Bundle, Input, Manifest, Model, Task, Window};

use self::drift::Drift;
use self::messages::Reporter;
use self::replayed::Replayed;
use crate::capture::{self, CapturedWindow, Needs, Next, Source, WindowSource};
use crate::clock::Moment;
use crate::config::{self, Config, When};
use crate::measurement::{self, Loaded};
use crate::pipeline;
use crate::probe::{Roots, memory};
use crate::publish;

use crate::state::{self, State};
use crate::stop::Stop;

/// How long a clean stop may take.
const STOP_DEADLINE: Duration = Duration::from_millis(1500);
/// How long the end of a replay waits for the broker.
const FLUSH_DEADLINE: Duration = Duration::from_secs(10);
/// The stop flag is looked at this often.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs until told to stop, or until a replay has ended.
///
/// # Errors
/// When the configuration, the model or the reference set can't be used.
pub fn run(config: &Config) -> anyhow::Result<()> {
    let started = Moment::now();
    let stop = Stop::listen().context("can't listen for signals")?;
    let roots = Roots::default();
    let address = device::address(&config.device)?;
    let directory = state_directory(config);
    let outbox = (config.outbox.path.as_deref().unwrap_or(&directory), &config.outbox);
    let device = device::describe(&roots, &[]);
    let publisher = publish::open(&config.broker, outbox, address.clone(), device, device::random())?;
    let state = open_state(&directory);
    let mut reporter = Reporter::new(publisher, state, &roots, &address, started);
    let worked = match &config.model {
        Some(model) => measure(config, model, &mut reporter, &stop),
        None => idle(config, &mut reporter, &stop),
    };
    // Only a replay that came to its end has something that is worth a longer wait.
    let deadline = if stop.requested() || worked.is_err() { STOP_DEADLINE } else { FLUSH_DEADLINE };
    reporter.stop(deadline);
    worked
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

/// Only says that the board is there, and how it is.
fn idle(config: &Config, reporter: &mut Reporter, stop: &Stop) -> anyhow::Result<()> {
    tracing::info!("no model is configured: only saying that this board is there");
    while !stop.requested() {
        std::thread::sleep(PATIENCE.min(config.report.live_interval()));
        if reporter.live_is_due(config.report.live_interval()) {
            reporter.publish_live(None);
        }
    }
    Ok(())
}

/// What asks and is asked.
struct Work<'a> {
    config: &'a Config,
    model: Model,
    labels: Vec<String>,
    source: Box<dyn WindowSource>,
    replayed: Option<Replayed>,
    drift: Option<Drift>,
}

fn measure(config: &Config, options: &config::Model, reporter: &mut Reporter, stop: &Stop) -> anyhow::Result<()> {
    let roots = Roots::default();
    let before_load = memory::of_this_process(&roots);
    let (bundle, loaded) = measurement::load_bundle(&options.path, options.precision, options.execution())?;
    let Loaded { mut model, identity, .. } = loaded;
    if let Some(warning) = measurement::warning_of_float(&model) {
        tracing::warn!("{warning}; `edgeval inspect` says why");
    }
    reporter.model_ready(&identity, model.inspect().model_bytes, before_load);
    reporter.describe_device(device::describe(&roots, &[identity.to_wire()]));

    // The first inference is slower than the rest: it is measured, told, and not among the windows'.
    pipeline::answer(&mut model, &Window::default(), Duration::ZERO)?;
    reporter.first_inference();
    reporter.publish_field(None);

    let mut work = Work {
        config,
        model,
        labels: bundle.manifest().labels.clone(),
        source: open_source(config, &bundle)?,
        replayed: open_replayed(config, bundle.manifest())?,
        drift: open_drift(config, &identity.sha256, reporter),
    };
    work.run(reporter, stop)
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

impl Work<'_> {
    fn run(&mut self, reporter: &mut Reporter, stop: &Stop) -> anyhow::Result<()> {
        let report = &self.config.report;
        while !stop.requested() {
            match self.source.next(PATIENCE.min(report.live_interval())) {
                Next::Window(window) => self.answer(&window, reporter)?,
                Next::Nothing => {}
                Next::Finished => return self.finish(reporter),
                Next::Failed(reason) => anyhow::bail!(reason),
            }
            if reporter.live_is_due(report.live_interval()) {
                reporter.publish_live(Some(&self.source.health()));
            }
            if reporter.field_is_due(report.field_interval()) {
                reporter.publish_field(Some(&self.source.health()));
            }
        }
        reporter.publish_live(Some(&self.source.health()));
        reporter.publish_field(Some(&self.source.health()));
        Ok(())
    }

    fn answer(&mut self, captured: &CapturedWindow, reporter: &mut Reporter) -> anyhow::Result<()> {
        let answer = pipeline::answer(&mut self.model, &captured.window, captured.capture)?;
        reporter.record(captured, &answer, &self.labels);
        if let Some(report) = self.drift.as_mut().and_then(|drift| drift.record(&answer.prediction)) {
            reporter.publish_drift(report);
        }
        if let (Some(replayed), Some(truth)) = (&mut self.replayed, captured.truth)
            && let Some(finished) = replayed.record(truth, answer.prediction)?
        {
            reporter.publish_accuracy(&finished);
        }
        Ok(())
    }

    /// A replay's end: what it came to.
    fn finish(&mut self, reporter: &mut Reporter) -> anyhow::Result<()> {
        let health = self.source.health();
        reporter.publish_live(Some(&health));
        reporter.publish_field(Some(&health));
        tracing::info!("the replay has ended");
        Ok(())
    }
}
