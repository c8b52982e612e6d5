//! What a board is: sent when it connects, retained.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{ModelIdentity, Reading, Schema, Text};

/// A board and what runs on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Schema number.
    pub schema: Schema,
    /// The board's name, as its maker has it.
    pub board_model: Reading<Text<96>>,
    /// The processor's name.
    pub cpu_model: Reading<Text<96>>,
    /// What the processor can do, as the kernel names it (the first 2 KiB, separated by spaces).
    pub cpu_features: Reading<Text<2048>>,
    /// Processors that this process may use.
    pub cores: u32,
    /// The board's memory.
    pub memory_bytes: Reading<u64>,
    /// Operating system and its version.
    pub os: Reading<Text<96>>,
    /// The kernel's version.
    pub kernel: Reading<Text<96>>,
    /// edgeval's version.
    pub agent_version: Text<32>,
    /// Models that are loaded.
    pub models: Vec<ModelIdentity, 8>,
}
