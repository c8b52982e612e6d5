//! Work for several models side by side.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does `jobs` with all `workers`, each on a thread of its own, and hands every result to `done`, one at a time, in the order in which they are ready.
/// No job is begun once `stop` says so; those that were begun are finished and handed over.
///
/// `done` is called by whoever has a result: a thread that waited for results would have to be woken for each, which takes a good part of the
/// time of a short job.
///
/// # Errors
/// The first of a job or of `done`; what was begun by then is finished and dropped.
pub(crate) fn in_parallel<W: Send, T, E: Send>(
    workers: &mut [W],
    jobs: &[usize],
    stop: &(dyn Fn() -> bool + Sync),
    work: impl Fn(&mut W, usize) -> Result<T, E> + Sync,
    done: impl FnMut(usize, T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let outcome = Mutex::new((done, Ok(())));
    let take = |worker: &mut W| {
        while !stop() && !failed.load(Ordering::Relaxed) {
            let Some(&job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let result = work(worker, job);
            // A thread that panicked while it had the lock ends the whole scope.
            let Ok(mut outcome) = outcome.lock() else { break };
            let (done, so_far) = &mut *outcome;
            if so_far.is_ok() {
                *so_far = result.and_then(|value| done(job, value));
                failed.store(so_far.is_err(), Ordering::Relaxed);
            }
        }
    };
    let Some((first, others)) = workers.split_first_mut() else { return Ok(()) };
    std::thread::scope(|scope| {
        // Where there may be no more threads, fewer do the same work.
        let spawned = |worker| std::thread::Builder::new().spawn_scoped(scope, || take(worker)).is_ok();
        let side_by_side = others.iter_mut().map(spawned).filter(|is_there| *is_there).count();
        if side_by_side == 0 {
            take(first);
        } else {
            spawned(first);
        }
    });
    outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once() {
        let jobs: Vec<usize> = (0..100).collect();
        let mut seen = Vec::new();
        let mut workers = [0_usize; 3];
        let work = |count: &mut usize, job: usize| {
            *count += 1;
            Ok::<_, ()>(job * 2)
        };
        in_parallel(&mut workers, &jobs, &|| false, work, |job, value| {
            assert_eq!(value, job * 2);
            seen.push(job);
            Ok(())
        })
        .unwrap();
        seen.sort_unstable();
        assert_eq!((seen, workers.iter().sum()), (jobs, 100_usize));
    }

    #[test]
    fn the_first_error_ends_it_and_a_stop_keeps_what_was_begun() {
        let jobs: Vec<usize> = (0..1000).collect();
        let mut kept = 0;
        let work = |_: &mut (), job: usize| if job == 7 { Err("seven") } else { Ok(()) };
        let result = in_parallel(&mut [()], &jobs, &|| false, work, |_, ()| {
            kept += 1;
            Ok(())
        });
        assert_eq!((result, kept), (Err("seven"), 7));
        let count = AtomicUsize::new(0);
        let mut kept = 0;
        let stop = || count.fetch_add(1, Ordering::Relaxed) >= 5;
        let work = |_: &mut (), _: usize| Ok::<_, ()>(());
        in_parallel(&mut [()], &jobs, &stop, work, |_, ()| {
            kept += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(kept, 5);
    }
}
