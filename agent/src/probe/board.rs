//! Which board this is, and whether its power supply and cooling hold it back.

use super::{ProbeError, Probed, Roots, folders, read_text};

/// The board's name, from the device tree or, on a PC, from the firmware's tables.
///
/// # Errors
/// When neither is there.
pub fn model(roots: &Roots) -> Probed<String> {
    read_text(&roots.proc.join("device-tree/model"))
        .or_else(|_| read_text(&roots.sys.join("class/dmi/id/product_name")))
        .map_err(|_| ProbeError::Absent("neither a device tree nor DMI names this board".to_owned()))
}

/// What a Raspberry Pi's firmware says of its power and heat, since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttling {
    /// The clock is held down now, for heat or power.
    pub throttled_now: bool,
    /// It was held down at some time since boot.
    pub throttled_since_boot: bool,
    /// The supply is under its voltage now.
    pub under_voltage_now: bool,
    /// It was at some time since boot.
    pub under_voltage_since_boot: bool,
}

/// Reads the firmware's flags (Raspberry Pi documentation, `vcgencmd get_throttled`: bits 0 to 3 now, 16 to 19 since boot).
///
/// # Errors
/// When the board isn't a Raspberry Pi or its kernel doesn't show the flags.
pub fn throttling(roots: &Roots) -> Probed<Throttling> {
    let path = roots.sys.join("devices/platform/soc/soc:firmware/get_throttled");
    let text = read_text(&path)
        .map_err(|_| ProbeError::Absent("this board's firmware shows no throttling flags".to_owned()))?;
    let flags = u32::from_str_radix(text.trim_start_matches("0x"), 16).map_err(|_| ProbeError::Unexpected {
        path: path.display().to_string(),
        what: "hexadecimal number".to_owned(),
    })?;
    const HELD_DOWN: u32 = 0b1110;
    const UNDER_VOLTAGE: u32 = 0b0001;
    Ok(Throttling {
        throttled_now: flags & HELD_DOWN != 0,
        throttled_since_boot: flags >> 16 & HELD_DOWN != 0,
        under_voltage_now: flags & UNDER_VOLTAGE != 0,
        under_voltage_since_boot: flags >> 16 & UNDER_VOLTAGE != 0,
    })
}

/// The kernel's under-voltage alarm (hwmon driver `rpi_volt`), for boards whose firmware file is missing.
///
/// # Errors
/// When there is no such sensor.
pub fn under_voltage_alarm(roots: &Roots) -> Probed<bool> {
    folders(&roots.sys.join("class/hwmon"), "hwmon")
        .iter()
        .find(|folder| read_text(&folder.join("name")).is_ok_and(|name| name == "rpi_volt"))
        .ok_or_else(|| ProbeError::Absent("no voltage sensor in /sys/class/hwmon".to_owned()))
        .and_then(|folder| read_text(&folder.join("in0_lcrit_alarm")))
        .map(|text| text != "0")
}

/// This boot's id (random(4), `boot_id`).
///
/// # Errors
/// When /proc/sys is hidden.
pub fn boot_id(roots: &Roots) -> Probed<String> {
    read_text(&roots.proc.join("sys/kernel/random/boot_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree_with(path: &str, text: &str) -> (tempfile::TempDir, Roots) {
        let tree = tempfile::tempdir().unwrap();
        let file = tree.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        let roots = Roots { proc: tree.path().into(), sys: tree.path().into() };
        (tree, roots)
    }

    #[test]
    fn a_device_tree_name_loses_its_nul() {
        let (_tree, roots) = tree_with("device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0");
        assert_eq!(model(&roots).unwrap(), "Raspberry Pi 4 Model B Rev 1.4");
    }

    #[test]
    fn under_voltage_in_the_past_is_told_from_now() {
        let (_tree, roots) = tree_with("devices/platform/soc/soc:firmware/get_throttled", "50000\n");
        let flags = throttling(&roots).unwrap();
        assert!(flags.under_voltage_since_boot && !flags.under_voltage_now);
        assert!(flags.throttled_since_boot && !flags.throttled_now);
    }

    #[test]
    fn other_boards_have_no_flags_rather_than_good_ones() {
        let (_tree, roots) = tree_with("unrelated", "");
        assert!(throttling(&roots).is_err() && under_voltage_alarm(&roots).is_err());
    }
}
