//! How hot the board is.

use super::{ProbeError, Probed, Roots, folders, read_text};

/// The hottest thermal zone, in degrees Celsius (Linux: `Documentation/driver-api/thermal/sysfs-api.rst`, millidegrees).
///
/// # Errors
/// When the board has no thermal zone that can be read.
pub fn hottest_celsius(roots: &Roots) -> Probed<f32> {
    folders(&roots.sys.join("class/thermal"), "thermal_zone")
        .iter()
        .filter_map(|zone| read_text(&zone.join("temp")).ok()?.parse::<f32>().ok())
        .map(|millidegrees| millidegrees / 1000.0)
        .reduce(f32::max)
        .ok_or_else(|| ProbeError::Absent("no thermal zone in /sys/class/thermal".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hottest_zone_counts_and_a_broken_one_is_passed_over() {
        let tree = tempfile::tempdir().unwrap();
        for (zone, text) in [("thermal_zone0", "41500\n"), ("thermal_zone1", "48250\n"), ("thermal_zone2", "oops")] {
            let folder = tree.path().join("class/thermal").join(zone);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("temp"), text).unwrap();
        }
        let roots = Roots { proc: "/nowhere".into(), sys: tree.path().into() };
        assert_eq!(hottest_celsius(&roots), Ok(48.25));
    }

    #[test]
    fn no_zone_is_absent_not_zero() {
        let tree = tempfile::tempdir().unwrap();
        let roots = Roots { proc: "/nowhere".into(), sys: tree.path().into() };
        assert!(hottest_celsius(&roots).is_err());
    }
}
