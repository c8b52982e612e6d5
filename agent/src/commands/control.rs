//! The thread that does commands: one after the other, at the lowest priority, and never in the way of a window.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use edgeval_wire as wire;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use wire::{Command, CommandId, CommandState, Message, Progress};

use super::child::{Child, Made};
use super::gate::{Gate, Refusal, Taken, Wall, check_life};
use super::ledger::{Entry, Ledger, Verdict, Work};
use super::link::Link;
use super::refusals::Refusals;
use super::schedule::Schedule;
use super::signature::PublicKey;
use super::status::{self, Facts, answer};
use super::{Options, reread, tasks};
use crate::clock::Moment;
use crate::config::Config;
use crate::probe::{Roots, clock_sync};
use crate::publish::{Incoming, Publisher, Reply};
use crate::report::header::unix_ms;
use crate::state::State;

/// How often it is looked after what goes on.
const LOOK: Duration = Duration::from_millis(100);
/// Progress is told at most this often.
const TELL: Duration = Duration::from_secs(1);
/// Linux's lowest priority.
const NICEST: i32 = 19;
/// Where measurements leave their files, inside of the state's folder.
const FOLDER: &str = "measurements";

/// What the thread works with.
pub struct Parts {
    /// Commands as they come.
    pub incoming: Receiver<Incoming>,
    /// Takes answers and reports.
    pub publisher: Arc<Publisher>,
    /// Leads to the daemon's loop.
    pub link: Arc<Link>,
    /// Keeps full reports and ids; without it nothing is done but status and cancel.
    pub state: Option<State>,
    /// Which board.
    pub device: wire::DeviceName,
    /// Reads the configuration again.
    pub reread: Box<dyn FnMut() -> anyhow::Result<Config> + Send>,
    /// Set when SIGHUP came.
    pub hangup: Arc<AtomicBool>,
}

/// A command that waits or is being done.
#[derive(Debug)]
struct Job {
    id: String,
    command: Command,
    expires_unix_ms: Option<u64>,
    reply: Reply,
}

/// A measurement that is being made.
#[derive(Debug)]
struct Running {
    job: Job,
    child: Child,
    told: (Option<Progress>, Moment),
}

/// Does commands.
pub(super) struct Control {
    pub(super) parts: Parts,
    pub(super) config: Config,
    pub(super) gate: Gate,
    pub(super) schedule: Schedule,
    ledger: Ledger,
    refusals: Refusals,
    queue: VecDeque<Job>,
    running: Option<Running>,
}

/// Starts the thread.
///
/// # Errors
/// When the key can't be used, or the system gives no thread.
pub fn start(parts: Parts, config: Config) -> anyhow::Result<JoinHandle<()>> {
    let gate = gate(&config.commands)?;
    let schedule = schedule(&config);
    let ledger = Ledger::open(parts.state.as_ref().map(State::directory));
    let (refusals, queue) = (Refusals::new(Moment::now()), VecDeque::new());
    let control = Control { parts, config, gate, schedule, ledger, refusals, queue, running: None };
    let thread = std::thread::Builder::new().name("commands".to_owned());
    thread.spawn(move || control.run()).context("can't start the thread for commands")
}

/// What may be asked, as the configuration has it.
///
/// # Errors
/// When the key can't be used.
pub(super) fn gate(options: &Options) -> anyhow::Result<Gate> {
    let key = options.public_key_file.as_deref().map(PublicKey::read).transpose();
    Ok(Gate { allow: options.allow.clone(), key: key.context("public_key_file in [commands]")? })
}

/// When the evaluation by the clock comes.
pub(super) fn schedule(config: &Config) -> Schedule {
    Schedule::new(config.evaluation.daily_at, TimeZone::system(), Timestamp::now())
}

impl Control {
    fn run(mut self) {
        // A thread's own on Linux (setpriority(2)): what it starts inherits it, windows don't.
        if let Err(error) = rustix::process::setpriority_process(None, NICEST) {
            tracing::warn!("commands are done at the usual priority: {error}");
        }
        self.resume();
        let mut looked = Moment::now();
        while !self.parts.link.is_stopped() {
            match self.parts.incoming.recv_timeout(LOOK) {
                Ok(incoming) => self.receive(&incoming),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
            }
            let now = Moment::now();
            if now.since(looked) >= LOOK {
                looked = now;
                self.look(now);
            }
        }
    }

    /// What a restart left undone: an evaluation goes on, the rest that was begun is told as failed.
    fn resume(&mut self) {
        for entry in self.ledger.undone() {
            let work = entry.work.clone().unwrap_or(Work { body: String::new(), reply: Reply::default() });
            let Work { body, reply } = work;
            let (id, expires_unix_ms) = (entry.id.clone(), entry.expires_unix_ms);
            let goes_on = entry.state == CommandState::Queued || entry.name == wire::CommandName::Evaluate;
            match Command::parse(entry.name, body.as_bytes()) {
                Ok(command) if goes_on => {
                    // What was begun in time isn't stopped by a restart.
                    let expires_unix_ms = expires_unix_ms.filter(|_| entry.state == CommandState::Queued);
                    self.queue.push_back(Job { id, command, expires_unix_ms, reply });
                }
                _ => {
                    let refusal =
                        Refusal::new("interrupted", "the agent was restarted meanwhile: ask again under another id");
                    self.end(&entry.id, entry.name.as_str(), &reply, Err((CommandState::Failed, refusal)));
                }
            }
        }
    }

    /// Looks after everything that goes on by itself.
    fn look(&mut self, now: Moment) {
        if self.parts.hangup.swap(false, Ordering::Relaxed) {
            reread::reread(self);
        }
        self.refusals.count("too_many", self.parts.publisher.take_commands_left_out());
        if let Some(line) = self.refusals.line(now) {
            tracing::warn!("commands refused since the last such line: {line} (docs/commands.md says why)");
        }
        if self.schedule.is_due(Timestamp::now()) {
            self.evaluate_by_the_clock();
        }
        self.look_at_running(now);
        if self.running.is_none()
            && let Some(job) = self.queue.pop_front()
        {
            self.begin(job);
        }
    }

    fn wall(&self) -> Wall {
        let synchronized =
            self.config.commands.clock_trusted || clock_sync::synchronized(&Roots::default()) == Ok(true);
        Wall { unix_ms: unix_ms(), synchronized }
    }

    fn receive(&mut self, incoming: &Incoming) {
        let wall = self.wall();
        let done = self.gate.judge(incoming, wall).and_then(|taken| self.take(taken, incoming, wall));
        if let Err(refusal) = done {
            self.refuse(incoming, &refusal);
        }
    }

    fn refuse(&mut self, incoming: &Incoming, refusal: &Refusal) {
        tracing::debug!("command on {} refused: {}: {}", incoming.topic, refusal.code, refusal.text);
        self.refusals.count(refusal.code, 1);
        if self.refusals.may_answer(Moment::now()) {
            let id = incoming.properties.as_ref().ok().and_then(|properties| properties.id.as_deref());
            let id = id.filter(|id| wire::Name::new(id).is_ok()).unwrap_or_default();
            let result = answer(id, &incoming.name, CommandState::Refused, Some(refusal));
            self.send(&result, &incoming.reply);
        }
    }

    /// Does what takes no time, and puts the rest in its queue.
    fn take(&mut self, taken: Taken, incoming: &Incoming, wall: Wall) -> Result<(), Refusal> {
        let id = taken.id.as_str();
        match &taken.command {
            Command::Status(_) => {
                let status = Some(Box::new(self.status(wall)));
                let done = answer(id, "status", CommandState::Done, None);
                self.send(&wire::CommandResult { status, ..done }, &incoming.reply);
                return Ok(());
            }
            // It names what it ends: doing it twice does nothing more.
            Command::Cancel(other) => {
                let done = self.cancel(&other.id);
                let state = if done.is_ok() { CommandState::Done } else { CommandState::Failed };
                self.send(&answer(id, "cancel", state, done.err().as_ref()), &incoming.reply);
                return Ok(());
            }
            _ => {}
        }
        if let Some(entry) = self.ledger.find(id) {
            if entry.digest != taken.digest {
                return Err(Refusal::new(
                    "id_reused",
                    "another command had this id: choose a new one for each command",
                ));
            }
            self.send(&status::known(entry), &incoming.reply);
            return Ok(());
        }
        if self.queue.len() >= wire::MAX_QUEUED {
            return Err(Refusal::new("busy", "as many commands wait as may: try again later, or cancel some"));
        }
        let changed = match &taken.command {
            Command::Interval(command) => Some(tasks::with_intervals(&self.config, command)?),
            _ => None,
        };
        self.remember(&taken, incoming, wall)?;
        match changed {
            Some(config) => self.apply_intervals(id, config, &incoming.reply),
            None => self.enqueue(taken, &incoming.reply),
        }
        Ok(())
    }

    fn remember(&mut self, taken: &Taken, incoming: &Incoming, wall: Wall) -> Result<(), Refusal> {
        let body = incoming.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        let entry = Entry {
            id: taken.id.to_string(),
            name: taken.command.name(),
            digest: taken.digest.clone(),
            expires_unix_ms: taken.expires_unix_ms,
            state: CommandState::Queued,
            reason: None,
            report_id: None,
            work: Some(Work { body, reply: incoming.reply.clone() }),
        };
        self.ledger.take(entry, wall)
    }

    fn apply_intervals(&mut self, id: &str, config: Config, reply: &Reply) {
        let applied = self.parts.link.change(config.clone(), None);
        let done = applied.map(|()| self.config = config);
        let done = done.map(|()| None).map_err(|words| (CommandState::Failed, Refusal::new("not_applied", words)));
        self.end(id, "interval", reply, done);
    }

    fn enqueue(&mut self, taken: Taken, reply: &Reply) {
        let Taken { id, command, expires_unix_ms, .. } = taken;
        tracing::info!("command {}: {} is queued", id, command.name());
        self.send(&answer(id.as_str(), command.name().as_str(), CommandState::Queued, None), reply);
        self.queue.push_back(Job { id: id.to_string(), command, expires_unix_ms, reply: reply.clone() });
    }

    fn evaluate_by_the_clock(&mut self) {
        if clock_sync::synchronized(&Roots::default()) == Ok(false) && !self.config.commands.clock_trusted {
            return tracing::warn!("no evaluation at this time: the clock isn't synchronised");
        }
        let date = TimeZone::system().to_datetime(Timestamp::now()).date();
        let body = format!("{{\"quick\":{}}}", self.config.evaluation.quick);
        let properties = crate::publish::Properties { id: Some(format!("night-{date}")), ..Default::default() };
        let (topic, name) = ("by the clock".to_owned(), "evaluate".to_owned());
        let body = Ok(body.into_bytes());
        let incoming = Incoming { topic, name, body, properties: Ok(properties), reply: Reply::default() };
        let open = Gate { allow: [wire::CommandName::Evaluate].into(), key: None };
        let wall = self.wall();
        let done = open.judge(&incoming, wall).and_then(|taken| self.take(taken, &incoming, wall));
        if let Err(refusal) = done {
            tracing::warn!("no evaluation at this time: {}", refusal.text);
        }
    }

    /// Begins what waited longest.
    fn begin(&mut self, job: Job) {
        let name = job.command.name().as_str();
        if let Some(Err(refusal)) = job.expires_unix_ms.map(|expires| check_life(expires, self.wall())) {
            self.refusals.count(refusal.code, 1);
            return self.end(&job.id, name, &job.reply, Err((CommandState::Refused, refusal)));
        }
        self.ledger.begin(&job.id);
        self.send(&answer(&job.id, name, CommandState::Running, None), &job.reply);
        if let Command::Model(command) = &job.command {
            let done = self.change_model(command).map(|()| None).map_err(|refusal| (CommandState::Failed, refusal));
            return self.end(&job.id, name, &job.reply, done);
        }
        match self.measure(&job) {
            Ok(child) => self.running = Some(Running { job, child, told: (None, Moment::now()) }),
            Err(refusal) => self.end(&job.id, name, &job.reply, Err((CommandState::Failed, refusal))),
        }
    }

    fn change_model(&mut self, command: &wire::ModelCommand) -> Result<(), Refusal> {
        let (config, model) = tasks::prepare(&self.config, command)?;
        let applied = self.parts.link.change(config.clone(), Some(model));
        applied.map_err(|words| Refusal::new("not_applied", words))?;
        self.config = config;
        Ok(())
    }

    fn measure(&self, job: &Job) -> Result<Child, Refusal> {
        let failed = |error: std::io::Error| Refusal::new("not_started", error.to_string());
        let folder = self.folder().ok_or_else(|| Refusal::new("not_started", "there is no state folder"))?;
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let words = match &job.command {
            Command::Bench(command) => tasks::bench_words(&self.config, command)?,
            Command::Evaluate(command) => tasks::evaluate_words(&self.config, command, &journal(&folder, &job.id))?,
            other => return Err(Refusal::new("not_started", format!("{} isn't measured", other.name()))),
        };
        Child::start(&words, &folder, self.parts.link.dropped()).map_err(failed)
    }

    fn folder(&self) -> Option<PathBuf> {
        self.parts.state.as_ref().map(|state| state.directory().join(FOLDER))
    }

    fn look_at_running(&mut self, now: Moment) {
        let Some(mut running) = self.running.take() else { return };
        let was_paused = running.child.is_paused();
        running.child.yield_to_live(self.parts.link.dropped(), now);
        if running.child.is_paused() && !was_paused {
            tracing::info!("command {}: live windows were dropped, it pauses", running.job.id);
        }
        match running.child.poll() {
            None => {
                self.tell_progress(&mut running, now);
                self.running = Some(running);
            }
            Some(made) => {
                let made = made.map_err(|words| (CommandState::Failed, Refusal::new("failed", words)));
                let done = made.and_then(|made| self.publish(made));
                self.forget(&running.job.id);
                let name = running.job.command.name().as_str();
                self.end(&running.job.id, name, &running.job.reply, done.map(Some));
            }
        }
    }

    fn tell_progress(&self, running: &mut Running, now: Moment) {
        let (told, at) = &mut running.told;
        let progress = running.child.progress();
        // The first is told at once: a short measurement would have ended before another was due.
        let is_due = told.is_none() || now.since(*at) >= TELL;
        if progress != *told && is_due {
            let name = running.job.command.name().as_str();
            let result = answer(&running.job.id, name, CommandState::Running, None);
            self.send(&wire::CommandResult { progress: progress.clone(), ..result }, &running.job.reply);
            running.told = (progress, now);
        }
    }

    /// Gives a report its number and its place, and sends it.
    fn publish(&self, made: Made) -> Result<String, (CommandState, Refusal)> {
        let Made { mut report, full } = made;
        let kept = self.parts.state.as_ref().map(|state| state.keep_report(&full)).transpose();
        let kept = kept.inspect_err(|error| tracing::warn!("the full report isn't kept: {error}")).ok().flatten();
        let id = report.header.id.to_string();
        report.header.local_file_sha256 = kept.as_deref().map(wire::text);
        report.header.device = self.parts.device.clone();
        report.header.sequence = self.parts.publisher.next_sequence();
        let sent = self.parts.publisher.send(&Message::Report(report));
        sent.map(|()| id).map_err(|error| (CommandState::Failed, Refusal::new("not_sent", error.to_string())))
    }

    /// What an evaluation kept to go on with is worth nothing any more.
    fn forget(&self, id: &str) {
        if let Some(folder) = self.folder() {
            let _ = std::fs::remove_file(journal(&folder, id));
        }
    }

    /// Ends a command that waits or is being done.
    fn cancel(&mut self, id: &str) -> Result<(), Refusal> {
        let cancelled = || (CommandState::Cancelled, Refusal::new("cancelled", "another command asked for that"));
        if let Some(running) = self.running.take_if(|running| running.job.id == id) {
            let Running { job, child, .. } = running;
            drop(child);
            self.forget(id);
            self.end(id, job.command.name().as_str(), &job.reply, Err(cancelled()));
            return Ok(());
        }
        let place = self.queue.iter().position(|job| job.id == id);
        let none = || Refusal::new("not_waiting", "no command of this id waits or is being done");
        let job = place.and_then(|place| self.queue.remove(place)).ok_or_else(none)?;
        self.end(id, job.command.name().as_str(), &job.reply, Err(cancelled()));
        Ok(())
    }

    /// A command's last answer, remembered for those who ask again.
    fn end(&mut self, id: &str, name: &str, reply: &Reply, done: Result<Option<String>, (CommandState, Refusal)>) {
        let verdict = match done {
            Ok(report_id) => Verdict { state: CommandState::Done, reason: None, report_id },
            Err((state, refusal)) => Verdict { state, reason: Some(refusal), report_id: None },
        };
        self.ledger.end(id, &verdict);
        let why = verdict.reason.as_ref().map_or(String::new(), |refusal| format!(": {}", refusal.text));
        tracing::info!("command {id}: {name} is {}{why}", verdict.state.as_str());
        let report_id = verdict.report_id.as_deref().map(wire::text);
        let result = answer(id, name, verdict.state, verdict.reason.as_ref());
        self.send(&wire::CommandResult { report_id, ..result }, reply);
    }

    fn status(&self, time: Wall) -> wire::Status {
        let running = self.running.as_ref().map(|running| wire::Running {
            id: CommandId::try_from(running.job.id.as_str()).unwrap_or_default(),
            command: running.job.command.name(),
            progress: running.child.progress(),
            paused: running.child.is_paused(),
        });
        let next = self.schedule.next().and_then(|next| u64::try_from(next.as_millisecond()).ok());
        let facts = Facts {
            time,
            clock_synchronized: clock_sync::synchronized(&Roots::default()).into(),
            model: self.parts.link.model(),
            running,
            queued: self.queue.iter().map(|job| job.id.clone()).collect(),
            next_evaluation_unix_ms: next,
            refused: self.refusals.total().iter().map(|(code, count)| (*code, *count)).collect(),
        };
        status::status(&self.config, facts)
    }

    fn send(&self, result: &wire::CommandResult, reply: &Reply) {
        if let Err(error) = self.parts.publisher.answer(result, reply) {
            tracing::warn!("command {}: the answer can't be sent: {error}", result.id);
        }
    }
}

/// Where an evaluation keeps what it has done.
fn journal(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.jsonl"))
}
