//! How hot the board is (Linux: `Documentation/driver-api/thermal/sysfs-api.rst`; temperatures in millidegrees).

use std::path::Path;

use super::{ProbeError, Probed, Roots, folders, name_of, read_number, read_text};

/// Older Jetsons have a zone that always says 100 °C: NVIDIA's guide calls it a dummy.
const DUMMY: &str = "PMIC-Die";
/// No silicon runs outside of this; a driver that says so has no reading.
const PLAUSIBLE_CELSIUS: std::ops::RangeInclusive<f32> = -60.0..=200.0;

/// A thermal zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its folder, such as `thermal_zone0`.
    pub folder: String,
    /// What it is of, such as `cpu-thermal`.
    pub kind: String,
    /// Its temperature in degrees Celsius.
    pub celsius: Probed<f32>,
    /// Where the kernel begins to slow the board down, in degrees Celsius.
    pub passive_celsius: Option<f32>,
}

/// Every zone.
#[must_use]
pub fn zones(roots: &Roots) -> Vec<Zone> {
    folders(&roots.sys.join("class/thermal"), "thermal_zone").iter().map(|folder| zone(folder)).collect()
}

fn zone(folder: &Path) -> Zone {
    let kind = read_text(&folder.join("type")).unwrap_or_else(|_| "unnamed".to_owned());
    let celsius = match kind.as_str() {
        DUMMY => Err(ProbeError::Absent("the zone says 100 °C whatever happens".to_owned())),
        _ => celsius(&folder.join("temp")),
    };
    Zone { folder: name_of(folder), passive_celsius: passive_celsius(folder), kind, celsius }
}

fn celsius(file: &Path) -> Probed<f32> {
    let celsius = read_number::<f32>(file)? / 1000.0;
    let plausible = PLAUSIBLE_CELSIUS.contains(&celsius);
    plausible.then_some(celsius).ok_or_else(|| ProbeError::unexpected(file, "plausible temperature"))
}

/// The lowest trip point that slows the board down.
fn passive_celsius(zone: &Path) -> Option<f32> {
    let points = (0..16).map(|number| zone.join(format!("trip_point_{number}")));
    points
        .filter(|point| read_text(&point.with_file_name(name_of(point) + "_type")).is_ok_and(|kind| kind == "passive"))
        .filter_map(|point| celsius(&point.with_file_name(name_of(&point) + "_temp")).ok())
        // Zones that slow nothing down have a point at zero or below.
        .filter(|celsius| *celsius > 20.0)
        .reduce(f32::min)
}

/// The hottest thermal zone, in degrees Celsius.
///
/// # Errors
/// When the board has no thermal zone that can be read.
pub fn hottest_celsius(roots: &Roots) -> Probed<f32> {
    let readings = zones(roots).into_iter().filter_map(|zone| zone.celsius.ok());
    readings.reduce(f32::max).ok_or_else(|| ProbeError::Absent("no thermal zone in /sys/class/thermal".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with};
    use super::*;

    #[test]
    fn the_hottest_zone_counts_and_broken_ones_are_passed_over() {
        let files = [
            ("sys/class/thermal/thermal_zone0/temp", "41500\n"),
            ("sys/class/thermal/thermal_zone1/temp", "48250\n"),
            ("sys/class/thermal/thermal_zone2/temp", "oops"),
            ("sys/class/thermal/thermal_zone3/temp", "-274000"),
            ("sys/class/thermal/thermal_zone4/temp", "inf"),
            ("sys/class/thermal/cooling_device0/temp", "99999"),
        ];
        let (_tree, roots) = tree_with(&files);
        assert_eq!(hottest_celsius(&roots), Ok(48.25));
        assert_eq!(zones(&roots).iter().filter(|zone| zone.celsius.is_err()).count(), 3);
    }

    #[test]
    fn a_jetson_s_dummy_zone_is_no_heat() {
        let roots = fixture("jetson-nano");
        assert_eq!(hottest_celsius(&roots), Ok(37.5));
        let zones = zones(&roots);
        let dummy = zones.iter().find(|zone| zone.kind == "PMIC-Die").unwrap();
        assert!(dummy.celsius.is_err());
        assert_eq!(zones[0].passive_celsius, Some(95.5));
    }

    #[test]
    fn a_board_without_zones_says_so() {
        let error = hottest_celsius(&tree_with(&[]).1).unwrap_err();
        assert!(error.to_string().contains("thermal zone"), "{error}");
    }
}
