//! Energy counters of Intel's and AMD's processors (RAPL).
//!
//! Linux: `Documentation/power/powercap/powercap.rst`. Each package is a zone `intel-rapl:N` (AMD's, too) with `name`,
//! `energy_uj` in microjoules and `max_energy_range_uj`, where the counter begins anew. Zones inside of a package
//! (`intel-rapl:N:M`) are parts of it, and `intel-rapl-mmio` is the same package once more. Since 2020 kernels let root alone
//! read the counters (CVE-2020-8694).

use std::path::PathBuf;

use super::super::{Probed, Roots, folders, name_of, read_number, read_text};
use super::{Device, Quality, Source};

/// One package's counter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Zone {
    folder: PathBuf,
    /// Where the counter begins anew, in microjoules; 0 when it isn't told.
    pub(super) range: u64,
}

impl Zone {
    /// The counter now, in microjoules.
    pub(super) fn microjoules(&self) -> Probed<u64> {
        // Without its range a counter can't be differenced.
        read_number::<u64>(&self.folder.join("max_energy_range_uj"))?;
        read_number(&self.folder.join("energy_uj"))
    }
}

/// All packages as one source.
pub(super) fn source(roots: &Roots) -> Option<Source> {
    let zones = folders(&roots.sys.join("class/powercap"), "intel-rapl:");
    let package = |folder: PathBuf| {
        let name = read_text(&folder.join("name")).ok()?;
        let outermost = name_of(&folder).matches(':').count() == 1;
        (outermost && name.starts_with("package")).then_some((name, folder))
    };
    let (names, folders): (Vec<String>, Vec<PathBuf>) = zones.into_iter().filter_map(package).unzip();
    let range = |folder: &PathBuf| read_number(&folder.join("max_energy_range_uj")).unwrap_or(0);
    let zones: Vec<Zone> = folders.into_iter().map(|folder| Zone { range: range(&folder), folder }).collect();
    let covers = "the processor alone, not the board";
    let label = format!("rapl:{}", names.join("+"));
    (!zones.is_empty()).then_some(Source {
        label,
        quality: Quality::Estimated,
        covers,
        device: Device::Counters(zones),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::trees::{fixture, tree_with};
    use super::super::PowerReading;
    use super::*;

    #[test]
    fn packages_are_read_and_their_parts_are_not_added() {
        let source = source(&fixture("pc")).unwrap();
        assert_eq!(source.read(), Ok(PowerReading::Microjoules(vec![181_228_430_551])));
        assert_eq!(source.ranges(), [262_143_328_850]);
    }

    #[test]
    fn several_sockets_are_several_counters() {
        let package = |number: u32, file: &str| format!("sys/class/powercap/intel-rapl:{number}/{file}");
        let mut files = Vec::new();
        for number in 0..2 {
            files.push((package(number, "name"), format!("package-{number}\n")));
            files.push((package(number, "energy_uj"), format!("{}\n", 7 + number)));
            files.push((package(number, "max_energy_range_uj"), "65532610987\n".to_owned()));
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let (_tree, roots) = tree_with(&files);
        let source = source(&roots).unwrap();
        assert_eq!(
            (source.label.as_str(), source.read()),
            ("rapl:package-0+package-1", Ok(PowerReading::Microjoules(vec![7, 8])))
        );
    }

    #[test]
    fn a_counter_that_is_none_is_an_error() {
        for text in ["", "-5", "many", "18446744073709551616"] {
            let zone = "sys/class/powercap/intel-rapl:0";
            let (_tree, roots) = tree_with(&[
                (&format!("{zone}/name"), "package-0"),
                (&format!("{zone}/energy_uj"), text),
                (&format!("{zone}/max_energy_range_uj"), "262143328850"),
            ]);
            assert!(source(&roots).unwrap().read().unwrap_err().to_string().contains("energy_uj"), "{text}");
        }
    }
}
