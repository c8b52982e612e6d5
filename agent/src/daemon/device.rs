//! Who this board is.

use anyhow::Context;
use edgeval_wire as wire;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use sysinfo::System;

use crate::config;
use crate::probe::{Roots, board, cpu, memory};
use crate::report::header::AGENT_VERSION;
use crate::report::wording::probed_text;

/// The board's place in the fleet: its configured name, or the host's.
///
/// # Errors
/// When a name can't be in a topic.
pub fn address(device: &config::Device) -> anyhow::Result<wire::Address> {
    let name = device.name.clone().unwrap_or_else(|| System::host_name().unwrap_or_else(|_| "unnamed".to_owned()));
    wire::Address::new(&device.group, &name)
        .context("set `name` and `group` in [device], or EDGEVAL_DEVICE__NAME and EDGEVAL_DEVICE__GROUP")
}

/// The same as reports have it.
#[must_use]
pub fn name(address: &wire::Address) -> wire::DeviceName {
    wire::DeviceName { group: wire::text(address.group.as_str()), name: wire::text(address.device.as_str()) }
}

/// What the board is and what runs on it.
#[must_use]
pub fn describe(roots: &Roots, models: &[wire::ModelIdentity]) -> wire::Device {
    wire::Device {
        schema: wire::Schema,
        board_model: probed_text(board::model(roots)),
        cpu_model: probed_text(cpu::described(roots, &["model name", "Model"])),
        cpu_features: probed_text(cpu::described(roots, &["flags", "Features"])),
        cores: u32::try_from(cpu::cores()).unwrap_or(u32::MAX),
        memory_bytes: memory::board_bytes(roots).into(),
        os: System::long_os_version().map(|name| wire::text(&name)).into(),
        kernel: System::kernel_version().map(|name| wire::text(&name)).into(),
        agent_version: wire::text(AGENT_VERSION),
        models: models.iter().take(8).cloned().collect(),
    }
}

/// Spreads a fleet's tries to reconnect. Nothing measured depends on it.
#[must_use]
pub fn random() -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(uuid::Uuid::new_v4().as_u64_pair().0)
}
