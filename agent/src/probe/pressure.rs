//! How long tasks wait for memory (pressure stall information; Linux: `Documentation/accounting/psi.rst`).

use super::{ProbeError, Probed, Roots, read_text};

/// The first line of /proc/pressure/memory: some tasks waited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pressure {
    /// Share of the last 10 seconds in which some task waited, 0 to 100.
    pub some_percent_10_s: f64,
    /// Time in which some task waited since boot, in microseconds.
    pub some_total_us: u64,
}

/// Reads how long tasks waited for memory.
///
/// # Errors
/// When the kernel was built or started without it (`psi=1`).
pub fn memory(roots: &Roots) -> Probed<Pressure> {
    let path = roots.proc.join("pressure/memory");
    if !path.exists() {
        let text = "the kernel tells no memory pressure (start it with psi=1)";
        return Err(ProbeError::Absent(text.to_owned()));
    }
    let text = read_text(&path)?;
    let line = text.lines().find_map(|line| line.strip_prefix("some "));
    let field = |key: &str| line?.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let percent = field("avg10").and_then(|text| text.parse().ok()).filter(|percent| (0.0..=100.0).contains(percent));
    match (percent, field("total").and_then(|text| text.parse().ok())) {
        (Some(some_percent_10_s), Some(some_total_us)) => Ok(Pressure { some_percent_10_s, some_total_us }),
        _ => Err(ProbeError::unexpected(&path, "line `some avg10=… total=…`")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with};
    use super::*;

    #[test]
    fn the_line_of_some_tasks_is_read() {
        let pressure = memory(&fixture("raspberry-pi-5")).unwrap();
        assert_eq!(pressure, Pressure { some_percent_10_s: 0.12, some_total_us: 90_210 });
    }

    #[test]
    fn what_is_no_pressure_is_refused() {
        assert!(memory(&tree_with(&[]).1).unwrap_err().to_string().contains("psi=1"));
        for text in
            ["", "full avg10=0.00 avg60=0.00 avg300=0.00 total=0", "some avg10=x total=3", "some avg10=-1 total=3"]
        {
            assert!(memory(&tree_with(&[("proc/pressure/memory", text)]).1).is_err(), "{text}");
        }
    }
}
