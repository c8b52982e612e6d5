//! The Raspberry Pi 5's power chip.
//!
//! The kernel doesn't show its currents: the firmware does, to `vcgencmd pmic_read_adc` (Raspberry Pi documentation, "vcgencmd"),
//! a line for each current and each voltage: `VDD_CORE_A current(7)=2.1A`, `VDD_CORE_V volt(15)=0.87V`. A rail's power is
//! their product. What hangs on the 5 V line itself (USB, hats) and the chip's own losses are in no rail: an estimate.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::{ProbeError, Probed, Roots};
use super::{Device, Quality, Source};

/// The firmware answers within milliseconds, or never.
const DEADLINE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(2);
/// The answer has about 800 bytes.
const LONGEST_ANSWER: u64 = 16 * 1024;

/// The chip, on boards that have the tool. Other Pis have the tool, too: it says that it doesn't know the command.
pub(super) fn source(roots: &Roots) -> Option<Source> {
    let program = roots.vcgencmd.clone().filter(|program| program.exists())?;
    let covers = "the chip's rails: without what hangs on 5 V (USB, hats), and without its losses";
    Some(Source { label: "pmic".to_owned(), quality: Quality::Estimated, covers, device: Device::Pmic(program) })
}

/// Asks the firmware once.
pub(super) fn watts(program: &Path) -> Probed<f64> {
    let failed = |reason: &str| ProbeError::Unreadable {
        path: format!("{} pmic_read_adc", program.display()),
        reason: reason.to_owned(),
    };
    let answer = ask(program).map_err(|error| failed(&error.to_string()))?;
    sum(&answer).ok_or_else(|| failed("no rail with a current and a voltage (only a Raspberry Pi 5 has them)"))
}

/// Runs the tool, bounded in time and in what it may say.
fn ask(program: &Path) -> std::io::Result<String> {
    let mut child = Command::new(program)
        .arg("pmic_read_adc")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let until = Instant::now() + DEADLINE;
    let ended = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if Instant::now() >= until => break None,
            None => std::thread::sleep(LOOK),
        }
    };
    if ended.is_none() {
        child.kill()?;
        child.wait()?;
        return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 2 seconds"));
    }
    let mut answer = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The sum over rails that have a current and a voltage, in watts; `None` without any.
fn sum(answer: &str) -> Option<f64> {
    let (mut amperes, mut volts) = (BTreeMap::new(), BTreeMap::new());
    for line in answer.lines() {
        let Some((name, reading)) = line.trim().split_once(' ') else { continue };
        let Some((_, value)) = reading.rsplit_once('=') else { continue };
        let number = |unit: char| {
            value.trim().strip_suffix(unit)?.parse::<f64>().ok().filter(|value| (0.0..1e3).contains(value))
        };
        match (name.strip_suffix("_A"), name.strip_suffix("_V")) {
            (Some(rail), _) => drop(number('A').map(|value| amperes.insert(rail, value))),
            (_, Some(rail)) => drop(number('V').map(|value| volts.insert(rail, value))),
            _ => {}
        }
    }
    let products: Vec<f64> = amperes.iter().filter_map(|(rail, current)| Some(current * volts.get(rail)?)).collect();
    (!products.is_empty()).then(|| products.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::super::PowerReading;
    use super::*;

    const ANSWER: &str = include_str!("../fixtures/raspberry-pi-5/pmic_read_adc.txt");

    /// A real program that answers like the firmware's tool. Another process writes it: one that this process has open for writing
    /// can't be run while another test starts a child.
    fn tool(script: &str) -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().unwrap();
        let (text, program) = (folder.path().join("script"), folder.path().join("vcgencmd"));
        std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
        assert!(Command::new("install").args(["-m", "755"]).args([&text, &program]).status().unwrap().success());
        let roots = Roots { vcgencmd: Some(program), ..Roots::under(folder.path()) };
        (folder, roots)
    }

    #[test]
    fn rails_are_paired_by_name_and_summed() {
        let watts = sum(ANSWER).unwrap();
        assert!((watts - 2.745771).abs() < 1e-6, "{watts}");
        let two = " A_A current(0)=0.5A\n  A_V volt(8)=4.0V\n B_A current(1)=2A\n EXT5V_V volt(24)=5.1V\n B_V volt(9)=0.25V\n";
        assert_eq!(sum(two), Some(2.5));
    }

    #[test]
    fn an_answer_without_rails_is_none() {
        for answer in [
            "",
            "error=2 error_msg=\"Invalid arguments\"",
            "EXT5V_V volt(24)=5.1V",
            "A_A current(0)=NaNA\nA_V volt(8)=1V",
        ] {
            assert_eq!(sum(answer), None, "{answer}");
        }
        assert_eq!(sum("A_A current(0)=-3A\nA_V volt(8)=1V"), None);
    }

    #[test]
    fn the_tool_is_run_and_read() {
        let (_folder, roots) = tool(&format!("[ \"$1\" = pmic_read_adc ] && cat <<'END'\n{ANSWER}\nEND"));
        assert_eq!(source(&roots).unwrap().read(), Ok(PowerReading::Watts(sum(ANSWER).unwrap())));
    }

    #[test]
    fn a_tool_that_knows_nothing_hangs_or_talks_without_end_is_an_error() {
        let (_folder, roots) = tool("echo 'error=1 error_msg=\"Command not registered\"'");
        let error = source(&roots).unwrap().read().unwrap_err().to_string();
        assert!(error.contains("Raspberry Pi 5"), "{error}");
        let (_folder, roots) = tool("exec sleep 60");
        let error = source(&roots).unwrap().read().unwrap_err().to_string();
        assert!(error.contains("2 seconds"), "{error}");
        let (_folder, roots) = tool("exec cat /dev/zero");
        assert!(source(&roots).unwrap().read().is_err());
    }

    #[test]
    fn a_board_without_the_tool_has_no_such_source() {
        assert_eq!(source(&Roots::under(Path::new("/nowhere"))), None);
    }
}
