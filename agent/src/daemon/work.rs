//! What the daemon's loop does: it asks for windows, answers them, and takes changes on.

use std::time::Duration;

use edgeval_models::{Bundle, Input, Manifest, Model, Task, Window};

use super::device;
use super::drift::Drift;
use super::messages::Reporter;
use super::replayed::Replayed;
use crate::capture::{self, CapturedWindow, Health, Needs, Next, Source, WindowSource};
use crate::clock::Moment;
use crate::commands::link::{Change, Link, Prepared};
use crate::commands::reread::differs;
use crate::commands::tasks;
use crate::config::{self, Config, When};
use crate::measurement::{self, Loaded};
use crate::pipeline;
use crate::probe::{ProbeError, Roots, memory};
use crate::stop::Stop;
use crate::supervisor::Supervisor;

/// The stop flag is looked at this often.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the daemon does: it measures, or without a model only says that the board is there.
pub(super) struct Work {
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
    pub(super) fn open(
        config: Config,
        prepared: Option<Prepared>,
        reporter: &mut Reporter,
        link: &Link,
    ) -> anyhow::Result<Self> {
        let model = config.model.as_ref();
        if model.is_none() {
            tracing::info!("no model is configured: only saying that this board is there");
        }
        let open = |options| Measuring::open(&config, options, prepared, reporter, link);
        let measuring = model.map(open).transpose()?;
        Ok(Self { config, measuring })
    }

    /// Until it is told to stop, a replay has ended, or what it stands on changes.
    pub(super) fn run(
        &mut self,
        reporter: &mut Reporter,
        stop: &Stop,
        link: &Link,
        supervisor: &mut Supervisor,
    ) -> anyhow::Result<Option<Box<Change>>> {
        let mut change = None;
        while !stop.requested() && change.is_none() {
            supervisor.progress(Moment::now());
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

    /// A line for `systemctl status`.
    pub(super) fn status(&self) -> String {
        let model = self.config.model.as_ref().map(|model| model.path.display());
        model.map_or_else(|| "no model is configured".to_owned(), |path| format!("measuring {path}"))
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
    pub(super) fn replaced(self, change: Change, reporter: &mut Reporter, link: &Link) -> anyhow::Result<Self> {
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
