//! Power sensors of the board, as the kernel's hwmon has them.
//!
//! INA3221 (Linux: `Documentation/hwmon/ina3221.rst`): three rails, each `inN_label`, `inN_input` in millivolts and
//! `currN_input` in milliamperes; `inN_enable` 0 for a rail that is switched off. The rails' names are the board's (Jetson
//! Linux Developer Guide, "Power Monitors"; the device tree's `label`). INA238 (`Documentation/hwmon/ina238.rst`): one
//! rail, `power1_input` in microwatts.

use std::path::{Path, PathBuf};

use super::super::{Probed, Roots, folders, name_of, read_number, read_text};
use super::{Device, Quality, Source};

/// Rails that carry all that a module takes: Orin Nano and NX, Xavier NX; Nano and TX1.
const WHOLE: [&str; 2] = ["VDD_IN", "POM_5V_IN"];
/// An AGX Orin has no such rail: these three together are its input.
const TOGETHER: [&str; 3] = ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"];

/// One rail.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rail {
    /// Voltage and current.
    Product { name: String, millivolts: PathBuf, milliamperes: PathBuf },
    /// The sensor multiplies.
    Power { microwatts: PathBuf },
}

impl Rail {
    /// The rail's power now. A sensor's zero lies a little off: a rail that takes nothing may have a small negative current.
    pub(super) fn watts(&self) -> Probed<f64> {
        match self {
            Self::Product { millivolts, milliamperes, .. } => {
                let (volts, amperes) = (read_number::<u32>(millivolts)?, read_number::<i32>(milliamperes)?);
                Ok(f64::from(volts) / 1e3 * f64::from(amperes) / 1e3)
            }
            Self::Power { microwatts } => Ok(read_number::<u64>(microwatts)? as f64 / 1e6),
        }
    }
}

/// The sensors that carry the whole board, as one source.
pub(super) fn source(roots: &Roots) -> Option<Source> {
    let chips = folders(&roots.sys.join("class/hwmon"), "hwmon");
    let named = |name: &str| {
        chips.iter().filter(|chip| read_text(&chip.join("name")).is_ok_and(|text| text == name)).collect::<Vec<_>>()
    };
    let rails: Vec<Rail> = named("ina3221").into_iter().flat_map(|chip| rails(chip.as_path())).collect();
    if let Some((label, rails)) = input(&rails) {
        let covers = "the module with all that it feeds";
        let device = Device::Rails(rails);
        return Some(Source { label: format!("ina3221:{label}"), quality: Quality::Measured, covers, device });
    }
    let chip = named("ina238").into_iter().next()?;
    let device = Device::Rails(vec![Rail::Power { microwatts: chip.join("power1_input") }]);
    let (label, covers) = (format!("ina238:{}", name_of(chip)), "the line that the sensor sits in");
    Some(Source { label, quality: Quality::Measured, covers, device })
}

fn rails(chip: &Path) -> Vec<Rail> {
    let rail = |number: u32| {
        let file = |kind: &str, end: &str| chip.join(format!("{kind}{number}_{end}"));
        let is_on = read_number::<u8>(&file("in", "enable")) != Ok(0);
        let name = read_text(&file("in", "label")).ok().filter(|_| is_on)?;
        Some(Rail::Product { name, millivolts: file("in", "input"), milliamperes: file("curr", "input") })
    };
    (1..=3).filter_map(rail).collect()
}

/// The rails that make up the board's input, with their name.
fn input(rails: &[Rail]) -> Option<(String, Vec<Rail>)> {
    let find =
        |wanted: &str| rails.iter().find(|rail| matches!(rail, Rail::Product { name, .. } if name == wanted)).cloned();
    if let Some((name, rail)) = WHOLE.iter().find_map(|name| Some((*name, find(name)?))) {
        return Some((name.to_owned(), vec![rail]));
    }
    let parts: Vec<Rail> = TOGETHER.iter().filter_map(|name| find(name)).collect();
    (parts.len() == TOGETHER.len()).then(|| (TOGETHER.join("+"), parts))
}

#[cfg(test)]
mod tests {
    use super::super::super::trees::{fixture, tree_with};
    use super::super::PowerReading;
    use super::*;

    fn watts(source: &Source) -> f64 {
        match source.read() {
            Ok(PowerReading::Watts(watts)) => watts,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rail_is_volts_times_amperes() {
        let source = source(&fixture("jetson-orin-nano")).unwrap();
        assert!((watts(&source) - 4.952 * 1.016).abs() < 1e-9);
    }

    #[test]
    fn an_input_in_parts_is_summed() {
        let source = source(&fixture("jetson-agx-orin")).unwrap();
        let expected = 19.112 * 0.168 + 19.120 * 0.072 + 5.016 * 0.612;
        assert!((watts(&source) - expected).abs() < 1e-9, "{}", watts(&source));
    }

    #[test]
    fn an_ina238_multiplies_by_itself() {
        assert!((watts(&source(&fixture("ina238")).unwrap()) - 7.35).abs() < 1e-9);
    }

    #[test]
    fn a_rail_that_says_nonsense_is_an_error_with_its_file() {
        for (volts, amperes, file) in [
            ("x", "1", "in1_input"),
            ("-5000", "8", "in1_input"),
            ("5000", "", "curr1_input"),
            ("5000", "-8", "VDD_IN"),
        ] {
            let chip = "sys/class/hwmon/hwmon1";
            let (_tree, roots) = tree_with(&[
                (&format!("{chip}/name"), "ina3221\n"),
                (&format!("{chip}/in1_label"), "VDD_IN\n"),
                (&format!("{chip}/in1_input"), volts),
                (&format!("{chip}/curr1_input"), amperes),
            ]);
            let error = source(&roots).unwrap().read().unwrap_err().to_string();
            assert!(error.contains(file), "{error}");
        }
    }

    #[test]
    fn parts_without_the_whole_are_no_board() {
        let chip = "sys/class/hwmon/hwmon1";
        let (_tree, roots) =
            tree_with(&[(&format!("{chip}/name"), "ina3221"), (&format!("{chip}/in2_label"), "VDD_SOC")]);
        assert_eq!(source(&roots), None);
    }
}
