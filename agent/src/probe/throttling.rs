//! Whether power supply or heat hold the board back.
//!
//! Raspberry Pi: the firmware's word, as `vcgencmd get_throttled` shows it (Raspberry Pi documentation, "vcgencmd": bits 0
//! to 3 are of now, 16 to 19 of any time since boot), which their kernels have in sysfs; and the kernel's alarm `rpi_volt`
//! (`drivers/hwmon/raspberrypi-hwmon.c`, `in0_lcrit_alarm`). Jetson: the counters of over-current events of the hwmon
//! device `soctherm_oc` (Jetson Linux Developer Guide, "Over-Current Event Counters": `oc1_event_cnt` …).

use super::{ProbeError, Probed, Roots, folders, name_of, read_number, read_text};

const FIRMWARE_FLAGS: &str = "devices/platform/soc/soc:firmware/get_throttled";
const HELD_DOWN: u32 = 0b1110;
const UNDER_VOLTAGE: u32 = 0b0001;

/// What a board says of one kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Flags of now and of any time since boot; the latter stays set.
    Flags {
        /// It is so now.
        now: bool,
        /// It was so at some time since boot.
        since_boot: bool,
    },
    /// The present alone.
    Alarm {
        /// It is so now.
        now: bool,
    },
    /// How often it happened since boot.
    Count(u64),
}

/// Why it can't be said whether trouble came in between.
const SET_BEFORE: &str = "it had happened before and the flag stays set until a reboot";
const PRESENT_ONLY: &str = "the sensor tells the present only";
const COUNTED: &str = "the board counts events, it doesn't tell the present";

impl Trouble {
    /// Whether it is so now.
    ///
    /// # Errors
    /// When the board counts events only.
    pub fn now(self) -> Result<bool, &'static str> {
        match self {
            Self::Flags { now, .. } | Self::Alarm { now } => Ok(now),
            Self::Count(_) => Err(COUNTED),
        }
    }

    /// Whether it was so at some time since boot.
    ///
    /// # Errors
    /// When the sensor tells the present only.
    pub fn since_boot(self) -> Result<bool, &'static str> {
        match self {
            Self::Flags { since_boot, now } => Ok(since_boot || now),
            Self::Count(count) => Ok(count > 0),
            Self::Alarm { .. } => Err(PRESENT_ONLY),
        }
    }

    /// Whether it was so at some time between `before` and this reading. An old flag doesn't count: only one that became
    /// set, or trouble at one of both ends.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn since(self, before: Self) -> Result<bool, &'static str> {
        match (before, self) {
            (Self::Flags { now: true, .. }, _) | (_, Self::Flags { now: true, .. }) => Ok(true),
            (Self::Flags { since_boot: false, .. }, Self::Flags { since_boot, .. }) => Ok(since_boot),
            (Self::Flags { .. }, Self::Flags { .. }) => Err(SET_BEFORE),
            (Self::Count(before), Self::Count(after)) => Ok(after != before),
            (Self::Alarm { now: true }, _) | (_, Self::Alarm { now: true }) => Ok(true),
            _ => Err(PRESENT_ONLY),
        }
    }
}

/// Whether the clock is held down, for heat or power.
///
/// # Errors
/// When the board doesn't say.
pub fn throttled(roots: &Roots) -> Probed<Trouble> {
    match firmware_flags(roots) {
        Ok(flags) => Ok(trouble(flags, HELD_DOWN)),
        Err(absent @ ProbeError::Absent(_)) => over_current_events(roots).ok_or(absent),
        Err(error) => Err(error),
    }
}

/// Whether the supply is under its voltage.
///
/// # Errors
/// When the board doesn't say.
pub fn under_voltage(roots: &Roots) -> Probed<Trouble> {
    match firmware_flags(roots) {
        Ok(flags) => Ok(trouble(flags, UNDER_VOLTAGE)),
        Err(ProbeError::Absent(_)) => under_voltage_alarm(roots),
        Err(error) => Err(error),
    }
}

fn trouble(flags: u32, mask: u32) -> Trouble {
    Trouble::Flags { now: flags & mask != 0, since_boot: flags >> 16 & mask != 0 }
}

fn firmware_flags(roots: &Roots) -> Probed<u32> {
    let path = roots.sys.join(FIRMWARE_FLAGS);
    if !path.exists() {
        return Err(ProbeError::Absent("this board's firmware shows no throttling flags".to_owned()));
    }
    let text = read_text(&path)?;
    u32::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| ProbeError::unexpected(&path, "hexadecimal number"))
}

fn under_voltage_alarm(roots: &Roots) -> Probed<Trouble> {
    let folder = hwmon(roots, "rpi_volt")
        .ok_or_else(|| ProbeError::Absent("no under-voltage sensor in /sys/class/hwmon".to_owned()))?;
    let now = read_number::<u8>(&folder.join("in0_lcrit_alarm"))? != 0;
    Ok(Trouble::Alarm { now })
}

fn over_current_events(roots: &Roots) -> Option<Trouble> {
    let folder = hwmon(roots, "soctherm_oc")?;
    let counters = folders(&folder, "oc").into_iter().filter(|file| name_of(file).ends_with("_event_cnt"));
    let counts: Vec<u64> = counters.filter_map(|file| read_number(&file).ok()).collect();
    (!counts.is_empty()).then(|| Trouble::Count(counts.iter().fold(0, |sum, count| sum.saturating_add(*count))))
}

fn hwmon(roots: &Roots, name: &str) -> Option<std::path::PathBuf> {
    let mut all = folders(&roots.sys.join("class/hwmon"), "hwmon").into_iter();
    all.find(|folder| read_text(&folder.join("name")).is_ok_and(|text| text == name))
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with};
    use super::*;

    fn flags(text: &str) -> (Probed<Trouble>, Probed<Trouble>) {
        let (_tree, roots) = tree_with(&[(&format!("sys/{FIRMWARE_FLAGS}"), text)]);
        (throttled(&roots), under_voltage(&roots))
    }

    #[test]
    fn trouble_in_the_past_is_told_from_now() {
        let past = Ok(Trouble::Flags { now: false, since_boot: true });
        assert_eq!(flags("50000\n"), (past.clone(), past));
        let none = Ok(Trouble::Flags { now: false, since_boot: false });
        assert_eq!(flags("0"), (none.clone(), none.clone()));
        assert_eq!(flags("0x80008"), (Ok(Trouble::Flags { now: true, since_boot: true }), none));
    }

    #[test]
    fn flags_that_are_none_are_refused_not_read_as_good() {
        for text in ["throttled", "", "-1", "1ffffffff"] {
            let (throttled, under_voltage) = flags(text);
            assert!(throttled.is_err() && under_voltage.is_err(), "{text}");
        }
    }

    #[test]
    fn other_boards_have_no_flags_rather_than_good_ones() {
        let (_tree, roots) = tree_with(&[]);
        assert!(throttled(&roots).is_err() && under_voltage(&roots).is_err());
    }

    #[test]
    fn the_kernel_s_alarm_stands_in_for_the_firmware() {
        let roots = fixture("raspberry-pi-5");
        assert!(throttled(&roots).is_err());
        assert_eq!(under_voltage(&roots), Ok(Trouble::Alarm { now: false }));
    }

    #[test]
    fn a_jetson_counts_over_current_events() {
        assert_eq!(throttled(&fixture("jetson-orin-nano")), Ok(Trouble::Count(3)));
    }

    #[test]
    fn only_what_became_set_counts_for_a_measurement() {
        let flags = |now, since_boot| Trouble::Flags { now, since_boot };
        let (clear, past, present) = (flags(false, false), flags(false, true), flags(true, true));
        assert_eq!(clear.since(clear), Ok(false));
        assert_eq!(past.since(clear), Ok(true));
        assert_eq!(present.since(clear), Ok(true));
        assert_eq!(past.since(present), Ok(true));
        assert!(past.since(past).unwrap_err().contains("stays set"));
        assert_eq!(Trouble::Count(3).since(Trouble::Count(3)), Ok(false));
        assert_eq!(Trouble::Count(4).since(Trouble::Count(3)), Ok(true));
        let alarm = |now| Trouble::Alarm { now };
        assert_eq!(alarm(false).since(alarm(true)), Ok(true));
        assert!(alarm(false).since(alarm(false)).is_err());
    }
}
