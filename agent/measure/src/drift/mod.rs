//! Whether live windows are like those of a baseline, without labels.

mod energy;
mod stability;

pub use energy::{EnergyTest, NoEnergyTest, block_assignments, energy_distance, energy_test};
pub use stability::StabilityBaseline;
