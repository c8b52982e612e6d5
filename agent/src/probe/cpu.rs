//! Processor: what this process used, what others used, how fast it is allowed to run.

use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::{ProbeError, Probed, Roots, read_number, read_text};
use crate::clock::Moment;

/// Processor time that this process used since it started, all threads.
#[must_use]
pub fn process_time() -> Duration {
    read_clock(ClockId::ProcessCPUTime)
}

/// When this process began, to be asked first thing: now, less the processor time that was used until now (the loader's, mostly).
/// Waiting for the program to come from a disk isn't in it.
#[must_use]
pub fn process_start() -> Moment {
    Moment::now().shifted(-i64::try_from(process_time().as_nanos()).unwrap_or(0))
}

/// Processor time that the calling thread used since it started.
#[must_use]
pub fn thread_time() -> Duration {
    read_clock(ClockId::ThreadCPUTime)
}

fn read_clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    // A processor-time clock starts at zero and never runs backwards.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Cores that are on line.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The frequency governor of the first processor, such as `performance`.
///
/// # Errors
/// When the kernel doesn't scale frequencies here.
pub fn governor(roots: &Roots) -> Probed<String> {
    scaling(roots, "scaling_governor", read_text)
}

/// The first processor's frequency now, in kilohertz (`scaling_cur_freq`).
///
/// # Errors
/// When the kernel doesn't scale frequencies here.
pub fn frequency_khz(roots: &Roots) -> Probed<u64> {
    scaling(roots, "scaling_cur_freq", read_number)
}

/// What the first processor can do at most, in kilohertz (`cpuinfo_max_freq`).
///
/// # Errors
/// When the kernel doesn't scale frequencies here.
pub fn frequency_maximum_khz(roots: &Roots) -> Probed<u64> {
    scaling(roots, "cpuinfo_max_freq", read_number)
}

/// What the first processor is allowed at most, in kilohertz (`scaling_max_freq`): a cap when it is less than it can do.
///
/// # Errors
/// When the kernel doesn't scale frequencies here.
pub fn frequency_limit_khz(roots: &Roots) -> Probed<u64> {
    scaling(roots, "scaling_max_freq", read_number)
}

/// A file of the first processor's policy (Linux: `Documentation/admin-guide/pm/cpufreq.rst`).
fn scaling<T>(roots: &Roots, file: &str, read: fn(&Path) -> Probed<T>) -> Probed<T> {
    let policy = roots.sys.join("devices/system/cpu/cpu0/cpufreq");
    if !policy.is_dir() {
        return Err(ProbeError::Absent("the kernel doesn't scale frequencies here (no cpufreq in /sys)".to_owned()));
    }
    read(&policy.join(file))
}

/// The first of these fields that /proc/cpuinfo has: names differ between processor families.
///
/// # Errors
/// When it has none of them.
pub fn described(roots: &Roots, keys: &[&str]) -> Probed<String> {
    let path = roots.proc.join("cpuinfo");
    let text = read_text(&path)?;
    let field = |key: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    };
    keys.iter()
        .find_map(|key| field(key))
        .ok_or_else(|| ProbeError::Unexpected { path: path.display().to_string(), what: keys.join(" or ") })
}

/// Ticks that the whole board has spent, from the first line of /proc/stat (proc(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardTicks {
    busy: u64,
    total: u64,
}

impl BoardTicks {
    /// Reads the counters.
    ///
    /// # Errors
    /// When /proc/stat can't be read or starts with something else.
    pub fn read(roots: &Roots) -> Probed<Self> {
        let path = roots.proc.join("stat");
        let text = read_text(&path)?;
        let ticks: Vec<u64> = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("cpu "))
            .map(|rest| rest.split_whitespace().take(8).map_while(|tick| tick.parse().ok()).collect())
            .unwrap_or_default();
        if ticks.len() < 4 {
            return Err(ProbeError::Unexpected { path: path.display().to_string(), what: "cpu line".to_owned() });
        }
        let total: u64 = ticks.iter().sum();
        let idle = ticks[3] + ticks.get(4).copied().unwrap_or(0);
        Ok(Self { busy: total - idle, total })
    }

    /// The share of all cores, 0 to 1, that was busy since `earlier`; `None` when no tick has passed.
    #[must_use]
    pub fn busy_share_since(&self, earlier: &Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|&ticks| ticks > 0)?;
        Some((self.busy.saturating_sub(earlier.busy) as f64 / total as f64).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with};
    use super::*;

    #[test]
    fn governor_and_frequencies_are_the_first_policy_s() {
        let roots = fixture("raspberry-pi-4");
        assert_eq!(governor(&roots).unwrap(), "ondemand");
        assert_eq!(frequency_khz(&roots), Ok(600_000));
        assert_eq!((frequency_limit_khz(&roots), frequency_maximum_khz(&roots)), (Ok(1_500_000), Ok(1_800_000)));
    }

    #[test]
    fn a_kernel_that_scales_nothing_says_so_and_nonsense_is_no_frequency() {
        let (_tree, roots) = tree_with(&[]);
        assert!(governor(&roots).unwrap_err().to_string().contains("doesn't scale"));
        for nonsense in ["<unknown>", "-1", "", "1500000.5"] {
            let (_tree, roots) = tree_with(&[("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", nonsense)]);
            assert!(frequency_khz(&roots).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn the_busy_share_leaves_out_idle_and_waiting() {
        let (_first, before) = tree_with(&[("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4\n")]);
        let (_second, after) = tree_with(&[("proc/stat", "cpu  150 0 150 780 120 0 0 0 0 0\n")]);
        let share = BoardTicks::read(&after).unwrap().busy_share_since(&BoardTicks::read(&before).unwrap());
        assert_eq!(share, Some(0.5));
    }

    #[test]
    fn an_arm_processor_is_described_by_its_own_words() {
        let text = "processor\t: 0\nFeatures\t: fp asimd\n\nModel\t\t: Raspberry Pi 5\n";
        let (_tree, roots) = tree_with(&[("proc/cpuinfo", text)]);
        assert_eq!(described(&roots, &["flags", "Features"]).unwrap(), "fp asimd");
        assert!(described(&roots, &["vendor"]).is_err());
    }

    #[test]
    fn a_strange_stat_is_an_error() {
        let (_tree, roots) = tree_with(&[("proc/stat", "intr 5\n")]);
        assert!(BoardTicks::read(&roots).is_err());
    }

    #[test]
    fn processor_time_grows_with_work() {
        let before = thread_time();
        while thread_time() == before {
            std::hint::spin_loop();
        }
        assert!(process_time() >= thread_time());
    }
}
