//! Every probe with what it says, or why it can't be used.

use serde::Serialize;

use super::power::{self, PowerReading};
use super::throttling::{self, Trouble};
use super::{Probed, Roots, board, clock_sync, cpu, disk, memory, power_mode, pressure, temperature};

/// A probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProbeEntry {
    /// What is read.
    pub probe: String,
    /// What it says now, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<String>,
    /// Why it can't be used; absent when it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

fn entry<T>(probe: &str, reading: Probed<T>, words: impl Fn(&T) -> String) -> ProbeEntry {
    let unusable = reading.as_ref().err().map(ToString::to_string);
    ProbeEntry { probe: probe.to_owned(), reading: reading.ok().as_ref().map(words), unusable }
}

/// Asks every probe once.
#[must_use]
pub fn probes(roots: &Roots) -> Vec<ProbeEntry> {
    let megahertz = |khz: &u64| format!("{:.0} MHz", *khz as f64 / 1e3);
    let mut probes = vec![
        entry("board", board::model(roots), String::clone),
        entry("governor", cpu::governor(roots), String::clone),
        entry("frequency", cpu::frequency_khz(roots), megahertz),
        entry("frequency, highest allowed", cpu::frequency_limit_khz(roots), megahertz),
        entry("frequency, highest possible", cpu::frequency_maximum_khz(roots), megahertz),
        entry("throttling", throttling::throttled(roots), trouble),
        entry("under-voltage", throttling::under_voltage(roots), trouble),
        entry("power mode", power_mode::read(roots), |mode| mode.current.name.clone()),
        entry("memory pressure", pressure::memory(roots), |pressure| format!("{} %", pressure.some_percent_10_s)),
        entry("memory of this process", memory::of_this_process(roots), |memory| {
            format!("{} bytes (PSS)", memory.pss_bytes)
        }),
        entry("clock synchronised", clock_sync::synchronized(roots), bool::to_string),
    ];
    probes.extend(zones(roots));
    probes.extend(sources(roots));
    let wear = |wear: &disk::Wear| format!("{} % of its life used at most", wear.used_percent);
    let disks = disk::disks(roots).into_iter();
    probes.extend(disks.map(|disk| entry(&format!("wear of {} ({})", disk.name, disk.kind), disk.wear, wear)));
    probes
}

fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Flags { now: true, .. } | Trouble::Alarm { now: true } => "now".to_owned(),
        Trouble::Flags { since_boot: true, .. } => "not now, but since boot".to_owned(),
        Trouble::Flags { .. } => "not since boot".to_owned(),
        Trouble::Alarm { .. } => "not now".to_owned(),
        Trouble::Count(count) => format!("{count} over-current events since boot"),
    }
}

fn zones(roots: &Roots) -> Vec<ProbeEntry> {
    let zones = temperature::zones(roots);
    if zones.is_empty() {
        return vec![entry("temperature", temperature::hottest_celsius(roots), |celsius| format!("{celsius} °C"))];
    }
    let zone = |zone: temperature::Zone| {
        entry(&format!("temperature of {} ({})", zone.kind, zone.folder), zone.celsius, |celsius| {
            format!("{celsius:.1} °C")
        })
    };
    zones.into_iter().map(zone).collect()
}

fn sources(roots: &Roots) -> Vec<ProbeEntry> {
    let sources = power::sources(roots);
    if sources.is_empty() {
        return vec![entry("power", power::best(roots), |source| source.label.clone())];
    }
    let source = |(source, answer): (power::Source, Probed<PowerReading>)| {
        let words = |reading: &PowerReading| match reading {
            PowerReading::Watts(watts) => format!("{watts:.2} W, {}: {}", source.quality.as_str(), source.covers),
            PowerReading::Microjoules(_) => format!("counts, {}: {}", source.quality.as_str(), source.covers),
        };
        entry(&format!("power, {}", source.label), answer, words)
    };
    sources.into_iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with};
    use super::*;

    #[test]
    fn every_probe_says_something_or_why_not() {
        for board in
            ["raspberry-pi-4", "raspberry-pi-5", "jetson-orin-nano", "jetson-nano", "jetson-agx-orin", "ina238", "pc"]
        {
            for probe in probes(&fixture(board)) {
                assert!(probe.reading.is_some() != probe.unusable.is_some(), "{board}: {probe:?}");
            }
        }
        assert!(probes(&tree_with(&[]).1).iter().all(|probe| probe.unusable.is_some()));
    }

    #[test]
    fn a_board_s_sensors_are_listed_by_name() {
        let found = probes(&fixture("jetson-orin-nano"));
        let reading =
            |name: &str| found.iter().find(|probe| probe.probe == name).and_then(|probe| probe.reading.clone());
        assert_eq!(reading("temperature of gpu-thermal (thermal_zone1)").as_deref(), Some("47.1 °C"));
        assert!(reading("power, ina3221:VDD_IN").unwrap().starts_with("5.03 W, measured"));
        assert_eq!(reading("throttling").as_deref(), Some("3 over-current events since boot"));
    }
}
