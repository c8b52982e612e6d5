//! Where the board's power can be read: rails of its own sensors, the Pi 5's power chip, the processor's energy counters.
//!
//! The first source that answers is used, what covers more of the board before what covers less.

mod hwmon;
mod pmic;
mod rapl;

use std::time::Duration;

use super::{ProbeError, Probed, Roots};

/// How far a source can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// A sensor in the supply's line.
    Measured,
    /// What the chip says of itself, or a part of the board.
    Estimated,
}

impl Quality {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Estimated => "estimated",
        }
    }
}

/// One reading.
#[derive(Clone, Debug, PartialEq)]
pub enum PowerReading {
    /// Power now, in watts.
    Watts(f64),
    /// Counters of energy, in microjoules.
    Microjoules(Vec<u64>),
}

/// Something that tells power or energy.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Which, such as `ina3221:VDD_IN` or `rapl:package-0`.
    pub label: String,
    /// How far it can be trusted.
    pub quality: Quality,
    /// What its figure is of.
    pub covers: &'static str,
    device: Device,
}

#[derive(Clone, Debug, PartialEq)]
enum Device {
    Rails(Vec<hwmon::Rail>),
    Pmic(std::path::PathBuf),
    Counters(Vec<rapl::Zone>),
}

impl Source {
    /// Reads it once.
    ///
    /// # Errors
    /// When it doesn't answer, or says something that can't be.
    pub fn read(&self) -> Probed<PowerReading> {
        match &self.device {
            Device::Rails(rails) => {
                let watts = rails.iter().map(hwmon::Rail::watts).sum::<Probed<f64>>()?;
                let negative =
                    || ProbeError::Unexpected { path: self.label.clone(), what: "positive power".to_owned() };
                if watts < 0.0 { Err(negative()) } else { Ok(PowerReading::Watts(watts)) }
            }
            Device::Pmic(program) => pmic::watts(program).map(PowerReading::Watts),
            Device::Counters(zones) => {
                zones.iter().map(rapl::Zone::microjoules).collect::<Probed<_>>().map(PowerReading::Microjoules)
            }
        }
    }

    /// Where its counters begin anew, in microjoules; none for a source of power.
    #[must_use]
    pub fn ranges(&self) -> Vec<u64> {
        match &self.device {
            Device::Counters(zones) => zones.iter().map(|zone| zone.range).collect(),
            Device::Rails(_) | Device::Pmic(_) => Vec::new(),
        }
    }

    /// Time between readings, such that they cost little. `attentive`: while something is measured.
    #[must_use]
    pub fn pause(&self, attentive: bool) -> Duration {
        Duration::from_millis(match (&self.device, attentive) {
            // A bus transfer for each file.
            (Device::Rails(_), true) => 50,
            // A child process each.
            (Device::Pmic(_), true) => 1000,
            (Device::Pmic(_), false) => 10_000,
            (Device::Counters(_), true) => 20,
            (Device::Rails(_) | Device::Counters(_), false) => 1000,
        })
    }

    /// Whether the source adds up all the time by itself, so that little is lost between readings.
    #[must_use]
    pub const fn counts(&self) -> bool {
        matches!(self.device, Device::Counters(_))
    }
}

/// Every source, best first; each with what it answers or why it can't be used.
#[must_use]
pub fn sources(roots: &Roots) -> Vec<(Source, Probed<PowerReading>)> {
    let all = hwmon::source(roots).into_iter().chain(pmic::source(roots)).chain(rapl::source(roots));
    all.map(|source| (source.read(), source)).map(|(answer, source)| (source, answer)).collect()
}

/// The best source that answers.
///
/// # Errors
/// When there is none, or none that this user may read.
pub fn best(roots: &Roots) -> Probed<Source> {
    let mut refused = None;
    for (source, answer) in sources(roots) {
        match answer {
            Ok(_) => return Ok(source),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| ProbeError::Absent("this board has no power sensor that is known here".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with, write};
    use super::*;

    #[test]
    fn each_board_has_its_source() {
        for (board, label, quality) in [
            ("jetson-orin-nano", "ina3221:VDD_IN", Quality::Measured),
            ("jetson-agx-orin", "ina3221:VDD_GPU_SOC+VDD_CPU_CV+VIN_SYS_5V0", Quality::Measured),
            ("jetson-nano", "ina3221:POM_5V_IN", Quality::Measured),
            ("ina238", "ina238:hwmon0", Quality::Measured),
            ("pc", "rapl:package-0", Quality::Estimated),
        ] {
            let source = best(&fixture(board)).unwrap();
            assert_eq!((source.label.as_str(), source.quality), (label, quality), "{board}");
        }
    }

    #[test]
    fn a_board_without_a_sensor_says_so_and_a_broken_one_why() {
        let error = best(&fixture("raspberry-pi-4")).unwrap_err();
        assert!(matches!(&error, ProbeError::Absent(text) if text.contains("no power sensor")), "{error}");
        let (tree, roots) = tree_with(&[("sys/class/powercap/intel-rapl:0/name", "package-0")]);
        assert!(best(&roots).unwrap_err().to_string().contains("max_energy_range_uj"));
        write(tree.path(), "sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850");
        assert!(best(&roots).unwrap_err().to_string().contains("energy_uj"));
    }
}
