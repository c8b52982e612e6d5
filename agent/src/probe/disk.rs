//! How worn the board's flash is, where it says so.
//!
//! eMMC: `life_time` (steps of 10 % used, of cells of type A and B) and `pre_eol_info` (Linux:
//! `Documentation/driver-api/mmc/mmc-dev-attrs.rst`; JEDEC JESD84-B51, `DEVICE_LIFE_TIME_EST`). SD cards tell nothing, and
//! NVMe's wear isn't in sysfs.

use std::path::Path;

use super::{ProbeError, Probed, Roots, folders, name_of, read_text};

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its name, such as `mmcblk0`.
    pub name: String,
    /// What it is: `eMMC`, `SD card`, `NVMe`.
    pub kind: &'static str,
    /// How worn it is.
    pub wear: Probed<Wear>,
}

/// How worn an eMMC is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wear {
    /// Share of its life that is used, at most, in steps of 10 %; above 100 it is past its life.
    pub used_percent: u8,
    /// Whether the reserve of good blocks is nearly used up.
    pub reserve: Reserve,
}

/// The reserve of good blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// It is normal.
    Normal,
    /// Four fifths are used.
    Warning,
    /// Nine tenths are used.
    Urgent,
    /// The device doesn't say.
    Unknown,
}

/// Every flash disk of the board.
#[must_use]
pub fn disks(roots: &Roots) -> Vec<Disk> {
    let block = roots.sys.join("block");
    let mmc = folders(&block, "mmcblk").into_iter().filter(|disk| !name_of(disk).contains("boot"));
    let nvme = folders(&block, "nvme").into_iter();
    mmc.map(|disk| multimedia_card(&disk)).chain(nvme.map(|disk| self::nvme(&disk))).collect()
}

fn multimedia_card(disk: &Path) -> Disk {
    let device = disk.join("device");
    let is_card = read_text(&device.join("type")).is_ok_and(|kind| kind == "SD");
    let (kind, wear) = if is_card {
        ("SD card", Err(ProbeError::Absent("SD cards don't tell their wear".to_owned())))
    } else {
        ("eMMC", wear(&device))
    };
    Disk { name: name_of(disk), kind, wear }
}

fn nvme(disk: &Path) -> Disk {
    let name = name_of(disk);
    let reason = format!("NVMe tells its wear to root alone: sudo nvme smart-log /dev/{name}");
    Disk { name, kind: "NVMe", wear: Err(ProbeError::Absent(reason)) }
}

fn wear(device: &Path) -> Probed<Wear> {
    let path = device.join("life_time");
    let text = read_text(&path)?;
    let steps: Vec<u8> = text.split_whitespace().filter_map(hexadecimal).collect();
    let step = steps.iter().copied().max().filter(|step| steps.len() == 2 && (1..=11).contains(step));
    let step = step.ok_or_else(|| ProbeError::unexpected(&path, "two steps of 0x01 to 0x0b"))?;
    let reserve = match read_text(&device.join("pre_eol_info")).ok().as_deref().and_then(hexadecimal) {
        Some(1) => Reserve::Normal,
        Some(2) => Reserve::Warning,
        Some(3) => Reserve::Urgent,
        _ => Reserve::Unknown,
    };
    Ok(Wear { used_percent: step * 10, reserve })
}

fn hexadecimal(word: &str) -> Option<u8> {
    u8::from_str_radix(word.trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with};
    use super::*;

    #[test]
    fn an_emmc_tells_its_wear_and_a_card_says_why_not() {
        let disks = disks(&fixture("raspberry-pi-4"));
        let names: Vec<(&str, &str)> = disks.iter().map(|disk| (disk.name.as_str(), disk.kind)).collect();
        assert_eq!(names, [("mmcblk0", "SD card"), ("mmcblk1", "eMMC"), ("nvme0n1", "NVMe")]);
        assert!(disks[0].wear.clone().unwrap_err().to_string().contains("SD cards"));
        assert_eq!(disks[1].wear, Ok(Wear { used_percent: 30, reserve: Reserve::Warning }));
        assert!(disks[2].wear.clone().unwrap_err().to_string().contains("smart-log"));
    }

    #[test]
    fn what_is_no_life_time_is_refused() {
        for text in ["", "0x00 0x00", "0x01", "0x0c 0x01", "worn out", "0x1ff 0x01"] {
            let (_tree, roots) = tree_with(&[("sys/block/mmcblk0/device/life_time", text)]);
            assert!(disks(&roots)[0].wear.is_err(), "{text}");
        }
        let (_tree, roots) = tree_with(&[("sys/block/mmcblk0/device/life_time", "0x0B 0x01")]);
        assert_eq!(disks(&roots)[0].wear, Ok(Wear { used_percent: 110, reserve: Reserve::Unknown }));
    }
}
