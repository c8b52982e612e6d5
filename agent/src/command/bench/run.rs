//! A run of any scenario: what was counted while it lasted.

use std::time::Duration;

use edgeval_models::Model;

use super::generation::Spoken;
use super::plan::{Goal, Scenario};
use super::progress::Progress;
use super::query::Query;
use super::soak::Soaked;
use super::{offline, single_stream, soak};
use crate::pipeline::Period;
use crate::probe::{Probed, Roots};
use crate::report::energy::{EnergyFigures, Meter, Metered};
use crate::stop::Stop;

/// What a run came to.
pub struct Run {
    /// Queries that were answered.
    pub queries: u64,
    /// From the first's start to the last's end.
    pub elapsed: Duration,
    /// Their stages, and the processor time of their inference.
    pub period: Period,
    /// The highest resident size before raw times of the run weigh in it.
    pub rss_peak_bytes: Probed<u64>,
    /// Every query's times, in a single stream.
    pub times: Option<Times>,
    /// Minute by minute, of a soak.
    pub soaked: Option<Soaked>,
    /// Whether somebody stopped it.
    pub ended_early: bool,
}

/// Raw times.
#[derive(Debug, Default)]
pub struct Times {
    /// Of each query, in nanoseconds.
    pub latencies_ns: Vec<u64>,
    /// Its preprocessing, inference and postprocessing.
    pub stages_ns: Vec<[u64; 3]>,
    /// Words that were said.
    pub spoken: Spoken,
}

/// What every scenario is given.
pub struct Task<'a> {
    /// What is asked.
    pub query: &'a Query,
    /// When it is enough.
    pub goal: Goal,
    /// Where the board's state is read.
    pub roots: &'a Roots,
    /// Whether somebody wants it to stop.
    pub stop: &'a Stop,
    /// How far it is.
    pub progress: &'a Progress,
}

/// Energy of a run.
pub struct Energy {
    /// While it lasted.
    pub busy: Probed<Metered>,
    /// Before, while nothing was asked.
    pub idle: Option<Metered>,
}

impl Energy {
    /// Of one query.
    pub fn figures(&self, queries: u64) -> EnergyFigures {
        EnergyFigures::of(&self.busy, self.idle.as_ref().ok_or("the board wasn't watched while idle (--idle)"), queries)
    }
}

/// Runs the scenario, with the board's power metered. `others` work side by side with the model, offline.
///
/// # Errors
/// When inference fails.
pub fn run(
    scenario: Scenario,
    model: &mut Model,
    others: &mut [Model],
    task: &Task<'_>,
) -> anyhow::Result<(Run, Probed<Metered>)> {
    let meter = Meter::start(task.roots, true);
    let run = match scenario {
        Scenario::SingleStream => single_stream::run(model, task)?,
        Scenario::Offline => offline::run(model, others, task)?,
        Scenario::Soak => soak::run(model, task)?,
    };
    Ok((run, meter.map(Meter::finish)))
}

/// Nanoseconds of a time, at most what 64 bits hold.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
