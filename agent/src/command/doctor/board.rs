//! The board: clocks, heat, supply, memory, sensors. All of it can be told of a copied tree, too.

use std::time::Duration;

use super::check::Check;
use crate::probe::cpu::BoardTicks;
use crate::probe::disk::{self, Disk, Reserve};
use crate::probe::power::{self, Source};
use crate::probe::throttling::{self, Trouble};
use crate::probe::{ProbeError, Probed, Roots, board, clock_sync, cpu, memory, power_mode, pressure, temperature};
use crate::terminal;

/// Other processes are watched for this long.
const LOOK_AT_LOAD: Duration = Duration::from_secs(1);
/// As `report::conditions` has it for measurements.
const LOAD_LIMIT: f64 = 0.25;
const PRESSURE_LIMIT_PERCENT: f64 = 10.0;
/// Free memory that a model and a measurement fit into.
const LITTLE_MEMORY: u64 = 256_000_000;
/// A board this near to where it slows down will slow down under load.
const NEAR_CELSIUS: f32 = 10.0;
/// Where boards begin to slow down that don't say so: a Raspberry Pi's soft limit begins at 60 or 80 °C, by model.
const USUAL_PASSIVE_CELSIUS: f32 = 80.0;
const WORN_PERCENT: u8 = 80;

const SUPPLY: &str = "use the maker's power supply and a short, thick cable; take USB devices off";
const COOL: &str = "give it a heat sink and a fan, or more air; then reboot to clear the flag";

/// Looks at everything.
pub(super) fn checks(roots: &Roots) -> Vec<Check> {
    let mut checks = vec![
        Check::of("board", board::model(roots), |model| Check::ok("board", model)),
        governor(roots),
        frequency(roots),
        trouble("throttling", throttling::throttled(roots), COOL),
        trouble("under-voltage", throttling::under_voltage(roots), SUPPLY),
        heat(roots),
        mode(roots),
        memory(roots),
        memory_pressure(roots),
        other_load(roots),
        power_source(power::best(roots)),
        clock(roots),
    ];
    checks.extend(disk::disks(roots).into_iter().map(wear));
    checks
}

fn governor(roots: &Roots) -> Check {
    const MEND: &str = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
    Check::of("governor", cpu::governor(roots), |governor| match governor.as_str() {
        "performance" => Check::ok("governor", governor),
        _ => Check::warning("governor", format!("{governor}: the first answers run at a lower clock"), MEND),
    })
}

fn frequency(roots: &Roots) -> Check {
    let name = "frequency";
    let both = cpu::frequency_limit_khz(roots).and_then(|limit| Ok((limit, cpu::frequency_maximum_khz(roots)?)));
    Check::of(name, both, |(limit, most)| {
        let found = format!("{} MHz allowed of {} MHz", limit / 1000, most / 1000);
        if limit >= most {
            return Check::ok(name, found);
        }
        let mend = format!("echo {most} | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_max_freq");
        Check::warning(name, found, mend)
    })
}

fn trouble(name: &'static str, reading: Probed<Trouble>, mend: &str) -> Check {
    Check::of(name, reading, |trouble| match (trouble.now(), trouble.since_boot()) {
        (Ok(true), _) => Check::failed(name, "now: figures would be invalid", mend),
        (_, Ok(true)) => Check::warning(name, "not now, but since the board was started", mend),
        (Ok(false), Err(_)) => Check::ok(name, "not now"),
        (_, _) => Check::ok(name, "not since the board was started"),
    })
}

fn heat(roots: &Roots) -> Check {
    let name = "temperature";
    Check::of(name, temperature::hottest_celsius(roots), |hottest| {
        let limits = temperature::zones(roots).into_iter().filter_map(|zone| zone.passive_celsius);
        let told = limits.reduce(f32::min);
        let limit = told.unwrap_or(USUAL_PASSIVE_CELSIUS);
        let how = if told.is_some() { "the kernel slows it down" } else { "boards usually slow down" };
        let found = format!("{hottest:.1} °C; {how} at {limit:.0} °C");
        match hottest {
            hot if hot >= limit => Check::failed(name, found, COOL),
            warm if warm >= limit - NEAR_CELSIUS => Check::warning(name, found, COOL),
            _ => Check::ok(name, found),
        }
    })
}

fn mode(roots: &Roots) -> Check {
    let name = "power mode";
    Check::of(name, power_mode::read(roots), |mode| match mode.unlimited() {
        Some(unlimited) if unlimited.id != mode.current.id => {
            let found = format!("{}, where {} limits nothing", mode.current.name, unlimited.name);
            Check::warning(name, found, format!("sudo nvpmodel -m {}", unlimited.id))
        }
        _ => Check::ok(name, mode.current.name),
    })
}

fn memory(roots: &Roots) -> Check {
    let both = memory::available_bytes(roots).and_then(|free| Ok((free, memory::board_bytes(roots)?)));
    Check::of("memory", both, |(available, all)| {
        let found = format!("{} of {} available", terminal::bytes(available), terminal::bytes(all));
        match available {
            little if little < LITTLE_MEMORY => {
                Check::warning("memory", found, "stop what takes memory: ps aux --sort=-rss | head")
            }
            _ => Check::ok("memory", found),
        }
    })
}

fn memory_pressure(roots: &Roots) -> Check {
    let name = "memory pressure";
    Check::of(name, pressure::memory(roots), |pressure| {
        let found = format!("tasks waited in {} % of the last 10 seconds", pressure.some_percent_10_s);
        match pressure.some_percent_10_s {
            much if much > PRESSURE_LIMIT_PERCENT => {
                Check::warning(name, found, "stop what takes memory: ps aux --sort=-rss | head")
            }
            _ => Check::ok(name, found),
        }
    })
}

fn other_load(roots: &Roots) -> Check {
    let name = "other load";
    let before = BoardTicks::read(roots);
    std::thread::sleep(LOOK_AT_LOAD);
    let share = before.and_then(|before| Ok(BoardTicks::read(roots)?.busy_share_since(&before)));
    Check::of(name, share, |share| match share {
        None => Check::not_known(name, "the board's counters stand still"),
        Some(share) if share > LOAD_LIMIT => {
            let found = format!("{:.0} % of all cores: figures would be invalid above 25 %", share * 100.0);
            Check::warning(name, found, "stop what works: ps aux --sort=-%cpu | head")
        }
        Some(share) => Check::ok(name, format!("{:.0} % of all cores", share * 100.0)),
    })
}

fn power_source(best: Probed<Source>) -> Check {
    let name = "power source";
    match best {
        Ok(Source { label, quality, covers, .. }) => {
            Check::ok(name, format!("{label}, {}: {covers}", quality.as_str()))
        }
        Err(error @ ProbeError::Forbidden { .. }) => {
            let mend = "sudo chmod o+r /sys/class/powercap/intel-rapl:*/energy_uj, until the next start (docs/probes.md says what that gives away)";
            Check::warning(name, error.to_string(), mend)
        }
        Err(error @ ProbeError::Absent(_)) => Check::not_known(name, format!("{error}: energy isn't measured")),
        Err(error) => Check::not_known(name, error.to_string()),
    }
}

fn clock(roots: &Roots) -> Check {
    let name = "clock";
    Check::of(name, clock_sync::synchronized(roots), |synchronized| match synchronized {
        true => Check::ok(name, "synchronised"),
        false => Check::warning(name, "not synchronised yet: reports say so", "sudo timedatectl set-ntp true"),
    })
}

fn wear(disk: Disk) -> Check {
    let name = "disk wear";
    match disk.wear {
        Err(error) => Check::not_known(name, format!("{}: {error}", disk.name)),
        Ok(wear) => {
            let found = format!("{} ({}): {} % of its life used at most", disk.name, disk.kind, wear.used_percent);
            let worn = wear.used_percent >= WORN_PERCENT || matches!(wear.reserve, Reserve::Warning | Reserve::Urgent);
            let found =
                if wear.reserve == Reserve::Normal { found } else { format!("{found}, reserve: {:?}", wear.reserve) };
            if worn {
                Check::warning(name, found, "put the outbox on another disk: path in [outbox]")
            } else {
                Check::ok(name, found)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;
    use crate::probe::trees::{fixture, tree_with};

    fn found(roots: &Roots, name: &str) -> Check {
        checks(roots).into_iter().find(|check| check.name == name).unwrap()
    }

    #[test]
    fn a_weak_supply_fails_and_says_what_to_change() {
        let all = checks(&fixture("raspberry-pi-4"));
        let check = |name: &str| all.iter().find(|check| check.name == name).unwrap();
        assert_eq!((check("throttling").verdict, check("under-voltage").verdict), (Verdict::Failed, Verdict::Failed));
        assert!(check("under-voltage").mend.as_deref().unwrap().contains("power supply"));
        assert_eq!(check("governor").verdict, Verdict::Warning);
        assert!(check("frequency").mend.as_deref().unwrap().contains("1800000"));
        assert!(all.iter().any(|check| check.found.contains("mmcblk1") && check.verdict == Verdict::Warning));
    }

    #[test]
    fn a_jetson_in_a_lesser_mode_is_told_the_command() {
        let check = found(&fixture("jetson-orin-nano"), "power mode");
        assert_eq!((check.verdict, check.mend.as_deref()), (Verdict::Warning, Some("sudo nvpmodel -m 2")));
    }

    #[test]
    fn a_board_in_good_order_has_no_warning() {
        let bad = |check: &Check| matches!(check.verdict, Verdict::Warning | Verdict::Failed);
        let bad: Vec<Check> = checks(&fixture("raspberry-pi-5")).into_iter().filter(bad).collect();
        assert!(bad.is_empty(), "{bad:?}");
    }

    #[test]
    fn a_counter_that_only_root_may_read_warns_with_the_command() {
        let path = "/sys/class/powercap/intel-rapl:0/energy_uj".to_owned();
        let check = power_source(Err(ProbeError::Forbidden { path }));
        assert_eq!(check.verdict, Verdict::Warning);
        assert!(check.mend.unwrap().contains("chmod o+r") && check.found.contains("intel-rapl:0"));
        assert_eq!(power_source(power::best(&fixture("pc"))).verdict, Verdict::Ok);
    }

    #[test]
    fn heat_near_its_limit_warns_and_beyond_it_fails() {
        let zone = "sys/class/thermal/thermal_zone0";
        for (temp, verdict) in [("60000", Verdict::Ok), ("86000", Verdict::Warning), ("96000", Verdict::Failed)] {
            let (_tree, roots) = tree_with(&[
                (&format!("{zone}/temp"), temp),
                (&format!("{zone}/trip_point_0_type"), "passive"),
                (&format!("{zone}/trip_point_0_temp"), "95000"),
            ]);
            assert_eq!(heat(&roots).verdict, verdict, "{temp}");
        }
    }

    #[test]
    fn what_the_board_doesn_t_tell_isn_t_known_rather_than_good() {
        let (_tree, roots) = tree_with(&[]);
        for check in checks(&roots) {
            assert_eq!(check.verdict, Verdict::NotKnown, "{check:?}");
        }
    }
}
