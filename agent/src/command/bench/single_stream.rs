//! Single stream: the next query begins when the last is answered. Every raw time is kept.

use edgeval_models::Model;

use super::MAXIMUM_QUERIES;
use super::run::{Run, Task, Times, nanoseconds};
use crate::clock::Moment;
use crate::pipeline::Period;
use crate::probe::memory;

/// The peak of memory is read after so many queries: inference has shown by then what it takes, and raw times of a long run would be
/// more than a small model.
const PEAK_AFTER: u64 = 1000;

/// Asks until it is enough.
///
/// # Errors
/// When inference fails.
pub fn run(model: &mut Model, task: &Task<'_>) -> anyhow::Result<Run> {
    let (mut times, mut period) = (Times::default(), Period::new());
    let mut peak = None;
    let read_peak = || memory::of_this_process(task.roots).map(|memory| memory.rss_peak_bytes);
    let started = Moment::now();
    let (queries, elapsed) = loop {
        let answered = task.query.ask(model)?;
        times.latencies_ns.push(nanoseconds(answered.latency));
        times.stages_ns.push(answered.stages.map(nanoseconds));
        answered.answer.iter().for_each(|answer| times.spoken.record(answer));
        answered.count_in(&mut period);
        let (queries, elapsed) = (times.latencies_ns.len() as u64, Moment::now().since(started));
        task.progress.show(task.goal.share(queries, elapsed));
        if queries == PEAK_AFTER {
            peak = Some(read_peak());
        }
        if task.goal.is_reached(queries, elapsed) || queries >= MAXIMUM_QUERIES || task.stop.requested() {
            break (queries, elapsed);
        }
    };
    let ended_early = task.stop.requested();
    let rss_peak_bytes = peak.unwrap_or_else(read_peak);
    Ok(Run { queries, elapsed, period, rss_peak_bytes, times: Some(times), soaked: None, ended_early })
}
