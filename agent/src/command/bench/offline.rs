//! Offline: all queries are there at once, and every core works on them. What counts is how many are answered in a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use edgeval_models::Model;

use super::query::Query;
use super::run::{Run, Task};
use crate::clock::Moment;
use crate::pipeline::Period;
use crate::probe::memory;

/// How often progress is shown.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Asks every worker a few times, untimed.
///
/// # Errors
/// When inference fails.
pub fn warm_up(model: &mut Model, others: &mut [Model], query: &Query, times: usize) -> anyhow::Result<()> {
    let warm = |model: &mut Model| (0..times).try_for_each(|_| query.ask(model).map(drop));
    if others.is_empty() {
        // On the thread that goes on: a pause would let the clock sink.
        return warm(model);
    }
    side_by_side(model, others, &warm, &|| ()).map(drop)
}

/// Lets all workers ask until together they have done enough. Every query that was begun is finished and counts, and the time is that
/// until the last of them.
///
/// # Errors
/// When inference fails.
pub fn run(model: &mut Model, others: &mut [Model], task: &Task<'_>) -> anyhow::Result<Run> {
    let (done, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let started = Moment::now();
    let is_enough = || {
        let so_far = done.load(Ordering::Relaxed);
        task.goal.is_reached(so_far, Moment::now().since(started)) || task.stop.requested()
    };
    let work = |model: &mut Model| -> anyhow::Result<(Period, Moment)> {
        let mut period = Period::new();
        while !is_enough() && !failed.load(Ordering::Relaxed) {
            let answered = task.query.ask(model).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            answered.count_in(&mut period);
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok((period, Moment::now()))
    };
    let look = || task.progress.show(task.goal.share(done.load(Ordering::Relaxed), Moment::now().since(started)));
    let worked = side_by_side(model, others, &work, &look)?;
    let mut sum = Period::new();
    worked.iter().for_each(|(period, _)| sum.add(period));
    let elapsed = worked.iter().map(|(_, ended)| ended.since(started)).max().unwrap_or_default();
    Ok(Run {
        queries: done.load(Ordering::Relaxed),
        elapsed,
        period: sum,
        rss_peak_bytes: memory::of_this_process(task.roots).map(|memory| memory.rss_peak_bytes),
        times: None,
        soaked: None,
        ended_early: task.stop.requested(),
    })
}

/// Lets each worker do `work` on a thread of its own, and calls `look` now and then until all have ended.
fn side_by_side<W: Send, T: Send>(
    first: &mut W,
    others: &mut [W],
    work: &(impl Fn(&mut W) -> anyhow::Result<T> + Sync),
    look: &impl Fn(),
) -> anyhow::Result<Vec<T>> {
    // Nothing is ever sent: the channel ends with the last thread, however that ends.
    let (alive, ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let spawn = |worker| {
            let alive = alive.clone();
            let thread = std::thread::Builder::new().spawn_scoped(scope, move || {
                let _alive = alive;
                work(worker)
            });
            thread.context("can't start a thread for each model: ask for fewer --jobs")
        };
        let threads = std::iter::once(first).chain(others).map(spawn).collect::<anyhow::Result<Vec<_>>>()?;
        drop(alive);
        while ended.recv_timeout(BETWEEN_LOOKS) == Err(RecvTimeoutError::Timeout) {
            look();
        }
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread gave up"))?);
        ended.collect()
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::{Condvar, Mutex};

    use super::*;

    #[test]
    fn all_work_at_the_same_time() {
        let (here, arrived) = (Mutex::new(0), Condvar::new());
        // Each waits for all: one after the other they would wait in vain.
        let meet = |worker: &mut usize| {
            let mut count = here.lock().unwrap();
            *count += 1;
            arrived.notify_all();
            let (_count, waited) =
                arrived.wait_timeout_while(count, Duration::from_secs(60), |count| *count < 3).unwrap();
            if waited.timed_out() { Err(anyhow!("alone")) } else { Ok(*worker) }
        };
        assert_eq!(side_by_side(&mut 1, &mut [2, 3], &meet, &|| ()).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn one_that_fails_or_gives_up_is_told_and_none_is_waited_for_in_vain() {
        let fails = |worker: &mut usize| if *worker == 2 { Err(anyhow!("two")) } else { Ok(()) };
        assert_eq!(side_by_side(&mut 1, &mut [2], &fails, &|| ()).unwrap_err().to_string(), "two");
        let panics = |worker: &mut usize| if *worker == 2 { panic!("on purpose") } else { Ok(()) };
        assert!(side_by_side(&mut 1, &mut [2], &panics, &|| ()).unwrap_err().to_string().contains("gave up"));
    }

    #[test]
    fn progress_is_looked_at_meanwhile() {
        let looks = Cell::new(0);
        let slow = |_: &mut ()| -> anyhow::Result<()> {
            std::thread::sleep(3 * BETWEEN_LOOKS);
            Ok(())
        };
        side_by_side(&mut (), &mut [], &slow, &|| looks.set(looks.get() + 1)).unwrap();
        assert!(looks.get() > 0);
    }
}
