//! Energy end to end: the real program measures on a board whose power is known, because the test plays its sensor. `/sys` is a
//! tree of the test's own, in a mount namespace that only the program sees: nothing in the program knows of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unused_imports,
    reason = "a test that can't go on fails; support is shared"
)]

mod support;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{root, small_set};
use tempfile::TempDir;

const MODEL: &str = "models/zoo/av-digits";
/// How much a figure may be off: the counter stands a moment behind the clock whenever its thread has to wait for a core.
const TOLERANCE: f64 = 0.05;
/// Where a package's counter begins anew, as a real one says, and how much is left until there at first: in microjoules.
const RANGE: f64 = 65_532_610_987.0;
const LEFT: f64 = 10e6;
/// Ticks of processor time a second in /proc (USER_HZ).
const TICKS: f64 = 100.0;

/// A board's `/sys`.
struct Board(TempDir);

impl Board {
    /// With these files; none where mount namespaces aren't permitted.
    fn with(files: &[(&str, &str)]) -> Option<Self> {
        let board = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| board.write(path, text));
        let permitted = board.command(&["true"]).status().is_ok_and(|status| status.success());
        if !permitted {
            println!(
                "SKIPPED: nothing can be mounted over /sys here; `unshare --mount --map-root-user` must be permitted"
            );
        }
        permitted.then_some(board)
    }

    /// With a processor that counts its energy.
    fn with_counter() -> Option<Self> {
        let range = (RANGE as u64).to_string();
        let zone = |file: &str| format!("class/powercap/intel-rapl:0/{file}");
        Self::with(&[
            (&zone("name"), "package-0"),
            (&zone("max_energy_range_uj"), &range),
            (&zone("energy_uj"), &((RANGE - LEFT) as u64).to_string()),
        ])
    }

    /// Writes a file at once, as a kernel does: nobody reads half of it.
    fn write(&self, path: &str, text: &str) {
        let (file, new) = (self.0.path().join(path), self.0.path().join("new"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// A program that has this board's `/sys`.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", r#"mount --bind "$0" /sys && exec "$@""#]);
        command.arg(self.0.path()).args(words).current_dir(root());
        command
    }

    /// Runs a verb to its end while the processor counts what `watts` says, and gives its JSON. Whatever else the machine does
    /// may make a measurement invalid (3), not wrong.
    fn measure(&self, words: &[&str], watts: impl Fn(u32) -> f64 + Sync) -> Value {
        let words = [&[env!("CARGO_BIN_EXE_edgeval")], words, &["--json"]].concat();
        let program = self.command(&words).stdout(Stdio::piped()).spawn().unwrap();
        let (process, ended) = (program.id(), AtomicBool::new(false));
        let output = std::thread::scope(|scope| {
            scope.spawn(|| self.count(|| watts(process), &ended));
            let output = program.wait_with_output();
            ended.store(true, Ordering::Relaxed);
            output.unwrap()
        });
        assert!(matches!(output.status.code(), Some(0 | 3)), "{:?}", output.status);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Counts a thousand times a second.
    fn count(&self, watts: impl Fn() -> f64, ended: &AtomicBool) {
        let (mut microjoules, mut then) = (RANGE - LEFT, Instant::now());
        while !ended.load(Ordering::Relaxed) {
            let now = Instant::now();
            microjoules = (microjoules + watts() * 1e6 * now.duration_since(then).as_secs_f64()) % RANGE;
            self.write("class/powercap/intel-rapl:0/energy_uj", &(microjoules as u64).to_string());
            then = now;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Seconds that a process has had a core for.
fn processor_time(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything, utime is the twelfth word and stime the next (proc(5)).
    let words = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    words.map(|ticks| ticks.parse().unwrap_or(0.0)).sum::<f64>() / TICKS
}

fn value(figure: &Value) -> f64 {
    figure["value"].as_f64().unwrap_or_else(|| panic!("no figure: {figure}"))
}

#[track_caller]
fn near(found: f64, expected: f64, what: &str) {
    let off = found / expected - 1.0;
    println!("{what}: {found:.5}, {:+.2} % off", 100.0 * off);
    assert!(off.abs() < TOLERANCE, "{what}: {found} is not {expected}");
}

/// A source is named and rated wherever its figure is.
fn is_labelled(energy: &Value) {
    assert_eq!((&energy["source"], &energy["quality"]), (&"rapl:package-0".into(), &"estimated".into()), "{energy}");
    assert_eq!(energy["covers"], "the processor alone, not the board");
}

#[test]
fn energy_of_a_query_is_power_times_its_time_and_net_of_idle() {
    let Some(board) = Board::with_counter() else { return };
    // 3 W, and 8 W once it has worked. It idles before it loads its model, and has worked for longer when it begins to time.
    let (idle, busy, worked_s) = (3.0, 8.0, 0.3);
    let watts = |process| if processor_time(process) < worked_s { idle } else { busy };
    let words = ["bench", MODEL, "--idle", "2", "--warm-up", "3000", "--duration", "3"];
    let bench = board.measure(&words, watts);
    let (energy, time_s) = (&bench["energy"], 1.0 / bench["throughput_per_s"].as_f64().unwrap());
    is_labelled(energy);
    near(value(&energy["gross_mj"]), 1e3 * busy * time_s, "mJ a query");
    near(value(&energy["net_mj"]), 1e3 * (busy - idle) * time_s, "mJ a query, net of idle");
    for figure in [&energy["gross_mj"], &energy["net_mj"]] {
        assert_eq!(figure["n"], bench["queries"]);
        assert!(figure["low"].as_f64() <= figure["value"].as_f64(), "{figure}");
        assert!(figure["value"].as_f64() <= figure["high"].as_f64(), "{figure}");
    }
}

#[test]
fn an_evaluation_has_energy_in_its_efficiency() {
    let Some(board) = Board::with_counter() else { return };
    let (set, journal, watts) = (small_set(), tempfile::tempdir().unwrap(), 8.0);
    let (set, journal) = (set.path().to_str().unwrap(), journal.path().join("journal"));
    let words =
        ["evaluate", MODEL, "--set", set, "--quick", "--energy-budget-mj", "1", "--journal", journal.to_str().unwrap()];
    let evaluation = board.measure(&words, |_| watts);
    let efficiency = &evaluation["efficiency"];
    let energy = &efficiency["energy"];
    is_labelled(energy);
    // Windows one after the other for two seconds.
    let (gross_mj, inferences) = (value(&energy["gross_mj"]), energy["gross_mj"]["n"].as_f64().unwrap());
    near(gross_mj * inferences / 1e3, watts * 2.0, "J of all inferences");
    assert_eq!(value(&efficiency["energy_mj_per_inference"]), gross_mj);
    // Power that doesn't change is all idle's: nothing that can be told from its noise remains.
    let net = &energy["net_mj"];
    let is_small = net["value"].as_f64().is_some_and(|net_mj| net_mj < TOLERANCE * gross_mj);
    assert!(is_small || net["not_measured"].as_str().unwrap().contains("no more while it worked"), "{net}");
    // The scorecard holds it against its budget.
    let budgets = efficiency["budgets_kept"]["budgets"].as_array().unwrap();
    let of_energy = budgets.iter().find(|budget| budget["name"] == "energy_mj_per_inference").unwrap();
    assert_eq!((&of_energy["budget"], value(&of_energy["measured"])), (&1.0.into(), gross_mj));
}

#[test]
fn a_sensor_of_power_is_named_and_needs_its_minute() {
    let rail = |file: &str| format!("class/hwmon/hwmon1/{file}");
    let files = [("name", "ina3221"), ("in1_label", "VDD_IN"), ("in1_input", "5000"), ("curr1_input", "1600")];
    let files = files.map(|(file, text)| (rail(file), text));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let Some(board) = Board::with(&files) else { return };
    let energy = &board.measure(&["bench", MODEL, "--idle", "0"], |_| 0.0)["energy"];
    assert_eq!((&energy["source"], &energy["quality"]), (&"ina3221:VDD_IN".into(), &"measured".into()), "{energy}");
    for figure in ["gross_mj", "net_mj"] {
        assert!(energy[figure].get("value").is_none(), "{energy}");
        assert!(energy[figure]["not_measured"].as_str().unwrap().contains("60 s"), "{energy}");
    }
}
