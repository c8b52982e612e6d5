//! SIGHUP: the configuration is read again. What can change while the daemon runs does; the old one stays when the new one can't be used.

use std::fmt::Debug;

use super::control::{self, Control};
use super::tasks;
use crate::config::Config;

/// Reads the configuration again and says in one line how that went.
pub(super) fn reread(control: &mut Control) {
    let adopted = (control.parts.reread)().and_then(|fresh| adopt(control, fresh));
    match adopted {
        Ok(fixed) if fixed.is_empty() => tracing::info!("the configuration was read again"),
        Ok(fixed) => tracing::warn!(
            "the configuration was read again; what changed in {} needs a restart, the old one stays there",
            fixed.join(", ")
        ),
        Err(error) => tracing::error!("the new configuration isn't used, the old one stays: {error:#}"),
    }
}

/// Gives the sections that need a restart.
fn adopt(control: &mut Control, fresh: Config) -> anyhow::Result<Vec<&'static str>> {
    let gate = control::gate(&fresh.commands)?;
    let old = &control.config;
    let fixed = fixed(old, &fresh);
    let fresh = Config { device: old.device.clone(), broker: old.broker.clone(), outbox: old.outbox.clone(), ..fresh };
    let model = if differs(&old.model, &fresh.model) { fresh.model.as_ref().map(tasks::load) } else { None };
    let model = model.transpose()?;
    control.parts.link.change(fresh.clone(), model).map_err(anyhow::Error::msg)?;
    if differs(&old.evaluation, &fresh.evaluation) {
        control.schedule = control::schedule(&fresh);
    }
    control.gate = gate;
    control.config = fresh;
    Ok(fixed)
}

/// Sections that hold for as long as the process lives.
fn fixed(old: &Config, fresh: &Config) -> Vec<&'static str> {
    let begins_to_listen = old.commands.allow.is_empty() && !fresh.commands.allow.is_empty();
    let sections = [
        (differs(&old.device, &fresh.device), "[device]"),
        (differs(&old.broker, &fresh.broker), "[broker]"),
        (differs(&old.outbox, &fresh.outbox), "[outbox]"),
        (begins_to_listen, "[commands] allow"),
    ];
    sections.into_iter().filter(|(is_fixed, _)| *is_fixed).map(|(_, name)| name).collect()
}

/// Whether two sections aren't the same: all of a configuration can be shown, and secrets aren't in it.
pub fn differs(old: &impl Debug, fresh: &impl Debug) -> bool {
    format!("{old:?}") != format!("{fresh:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_restart_is_named() {
        let old = Config::default();
        let mut fresh = old.clone();
        fresh.report.live_interval_ms = 5000;
        fresh.drift.windows = 100;
        assert!(fixed(&old, &fresh).is_empty());
        fresh.broker.keep_alive_s = 60;
        fresh.device.group = "other".to_owned();
        assert_eq!(fixed(&old, &fresh), ["[device]", "[broker]"]);
    }
}
