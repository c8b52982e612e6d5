//! What was set up: configuration, disk, sensors and who may use them, model, broker.

use std::path::Path;
use std::time::Duration;

use super::check::Check;
use crate::capture::{Source, list};
use crate::config::{self, Config};
use crate::probe::{ProbeError, Probed};
use crate::{daemon, measurement, publish, terminal};

/// A broker that is there answers sooner.
const BROKER_DEADLINE: Duration = Duration::from_secs(3);
const GROUPS: [&str; 2] = ["video", "audio"];

/// Looks at everything. `file`: a configuration that was named.
pub(super) fn checks(file: Option<&Path>) -> Vec<Check> {
    let path = config::file(file.map(Path::to_owned));
    let config = match config::load(path.as_deref(), std::env::vars(), toml::Table::new()) {
        Ok(config) => config,
        Err(error) => {
            let mend = "mend it; /etc/edgeval/agent.toml of the package shows every key";
            return vec![Check::failed("configuration", error.to_string(), mend)];
        }
    };
    let found = path.as_deref().map_or_else(|| "none: defaults alone".to_owned(), |path| path.display().to_string());
    let mut checks = vec![Check::ok("configuration", found), disk(&config)];
    checks.extend(sensors(&config));
    checks.extend([model(&config), broker(&config, path.is_some())]);
    checks
}

/// Whether the outbox finds room, and may be written.
fn disk(config: &Config) -> Check {
    let name = "disk";
    let folder = config.outbox.path.clone().unwrap_or_else(|| daemon::state_directory(config));
    // The daemon makes the folder: what counts is the nearest that is there.
    let Some(there) = folder.ancestors().find(|folder| folder.is_dir()) else {
        return Check::failed(name, format!("{} has no folder above it", folder.display()), "set path in [outbox]");
    };
    let shown = folder.display();
    let free = match rustix::fs::statvfs(there) {
        Ok(file_system) => file_system.f_bavail.saturating_mul(file_system.f_frsize),
        Err(error) => return Check::not_known(name, format!("{shown}: {error}")),
    };
    if let Err(error) = rustix::fs::access(there, rustix::fs::Access::WRITE_OK) {
        let mend = "run as the service's user, or set path in [outbox] to a folder of this user's";
        return Check::warning(name, format!("{shown} can't be written by this user: {error}"), mend);
    }
    let found = format!(
        "{} free for the outbox of at most {} in {shown}",
        terminal::bytes(free),
        terminal::bytes(config.outbox.maximum_bytes)
    );
    if free < config.outbox.maximum_bytes {
        return Check::warning(name, found, "free space, or lower maximum_bytes in [outbox]");
    }
    Check::ok(name, found)
}

/// Cameras, microphones, and the groups that may use them.
fn sensors(config: &Config) -> Vec<Check> {
    if config.capture.source == Source::Replay {
        return vec![Check::ok("sensors", "none needed: a reference set is played")];
    }
    let cameras =
        list::cameras(&config.capture.camera).into_iter().map(|camera| (camera.device, camera.unusable)).collect();
    let microphones =
        list::microphones().into_iter().map(|microphone| (microphone.device, microphone.unusable)).collect();
    vec![
        devices("cameras", cameras, "plug one in, or enable it; `edgeval devices` lists them"),
        devices("microphones", microphones, "plug one in; `edgeval devices` lists them"),
        groups(),
    ]
}

fn devices(name: &'static str, all: Vec<(String, Option<String>)>, mend: &str) -> Check {
    let usable: Vec<&str> =
        all.iter().filter(|(_, unusable)| unusable.is_none()).map(|(device, _)| device.as_str()).collect();
    if !usable.is_empty() {
        return Check::ok(name, usable.join(", "));
    }
    let reason = all.iter().find_map(|(_, unusable)| unusable.clone());
    Check::warning(name, reason.unwrap_or_else(|| "none was found".to_owned()), mend)
}

fn groups() -> Check {
    let name = "groups";
    if rustix::process::geteuid().is_root() {
        return Check::ok(name, "root may use every device");
    }
    let text = std::fs::read_to_string("/etc/group")
        .map_err(|error| ProbeError::Unreadable { path: "/etc/group".to_owned(), reason: error.to_string() });
    let ours: Vec<u32> = rustix::process::getgroups().unwrap_or_default().iter().map(|group| group.as_raw()).collect();
    judge_groups(text, &ours)
}

/// Holds a user's groups against those that /etc/group (group(5)) gives devices to.
fn judge_groups(file: Probed<String>, ours: &[u32]) -> Check {
    let name = "groups";
    Check::of(name, file, |text| {
        let number = |group: &str| {
            text.lines().map(|line| line.split(':')).find_map(|mut fields| {
                (fields.next() == Some(group)).then(|| fields.nth(1)?.parse::<u32>().ok()).flatten()
            })
        };
        let lacks = |group: &&str| number(group).is_some_and(|number| !ours.contains(&number));
        let missing: Vec<&str> = GROUPS.iter().copied().filter(lacks).collect();
        if missing.is_empty() {
            return Check::ok(name, GROUPS.join(", "));
        }
        let found = format!("this user isn't in {}", missing.join(", "));
        Check::warning(name, found, format!("sudo usermod -aG {} $USER, and log in again", missing.join(",")))
    })
}

fn model(config: &Config) -> Check {
    let Some(model) = &config.model else { return Check::ok("model", "none configured: set [model] to measure one") };
    match measurement::load_bundle(&model.path, model.precision, model.execution()) {
        Ok((_, loaded)) => {
            let identity = loaded.identity;
            let found = format!(
                "{} {} loads in {}",
                identity.name,
                model.precision,
                terminal::microseconds(loaded.load.as_secs_f64() * 1e6)
            );
            Check::ok("model", found)
        }
        Err(error) => Check::failed(
            "model",
            terminal::chain(&error),
            "set path in [model] to a bundle; `edgeval inspect` says more",
        ),
    }
}

/// A broker that nobody configured needn't be there.
fn broker(config: &Config, configured: bool) -> Check {
    let address = match daemon::device::address(&config.device) {
        Ok(address) => address,
        Err(error) => return Check::failed("broker", terminal::chain(&error), "set name and group in [device]"),
    };
    match publish::knock(&config.broker, &address, BROKER_DEADLINE) {
        Ok(broker) => Check::ok("broker", format!("{broker} takes this board's connection")),
        Err(publish::KnockError { reason, next_step }) if configured => Check::failed("broker", reason, next_step),
        Err(publish::KnockError { reason, next_step }) => Check::warning("broker", reason, next_step),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    #[test]
    fn a_user_outside_of_the_devices_groups_is_told_the_command() {
        let file = || Ok("root:x:0:\naudio:x:29:pi\nvideo:x:44:pi\n".to_owned());
        assert_eq!(judge_groups(file(), &[29, 44, 1000]).verdict, Verdict::Ok);
        let check = judge_groups(file(), &[44]);
        assert_eq!(check.mend.as_deref(), Some("sudo usermod -aG audio $USER, and log in again"));
        // A system without the groups gives its devices to others.
        assert_eq!(judge_groups(Ok("broken\naudio:x\nvideo:x:many:".to_owned()), &[]).verdict, Verdict::Ok);
    }

    #[test]
    fn one_usable_device_is_enough_and_none_says_why() {
        let busy = || ("/dev/video0".to_owned(), Some("/dev/video0 is busy".to_owned()));
        assert_eq!(devices("cameras", vec![busy(), ("/dev/video2".to_owned(), None)], "plug").verdict, Verdict::Ok);
        assert!(devices("cameras", vec![busy()], "plug").found.contains("busy"));
        assert_eq!(devices("cameras", Vec::new(), "plug").verdict, Verdict::Warning);
    }

    #[test]
    fn an_outbox_larger_than_the_disk_warns() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.outbox.path = Some(folder.path().join("not/yet/made"));
        assert_eq!(disk(&config).verdict, Verdict::Ok, "{:?}", disk(&config));
        config.outbox.maximum_bytes = u64::MAX;
        assert_eq!(disk(&config).verdict, Verdict::Warning);
    }
}
