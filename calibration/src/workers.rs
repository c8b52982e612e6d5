//! Work for several models side by side.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// Does `jobs` with all `workers`, each on a thread of its own, and hands every result to `done` on this thread, in the order of arrival. No job is
/// begun once `stop` says so; those that were begun are finished and handed over.
///
/// # Errors
/// The first of a job or of `done`; what was begun by then is finished and dropped.
pub(crate) fn in_parallel<W: Send, T: Send, E: Send>(
    workers: &mut [W],
    jobs: &[usize],
    stop: &(dyn Fn() -> bool + Sync),
    work: impl Fn(&mut W, usize) -> Result<T, E> + Sync,
    mut done: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, receiver) = mpsc::sync_channel(workers.len());
    let mut outcome = Ok(());
    std::thread::scope(|scope| {
        for worker in workers {
            let (sender, next, failed, work) = (sender.clone(), &next, &failed, &work);
            scope.spawn(move || {
                while !stop() && !failed.load(Ordering::Relaxed) {
                    let Some(&job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    if sender.send((job, work(worker, job))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (job, result) in receiver {
            if outcome.is_ok() {
                outcome = result.and_then(|value| done(job, value));
                failed.store(outcome.is_err(), Ordering::Relaxed);
            }
        }
    });
    outcome
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
