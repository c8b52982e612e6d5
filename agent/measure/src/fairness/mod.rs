//! Whether modalities and groups are served alike.

mod groups;
mod modalities;

pub use groups::{GroupGap, group_gap};
pub use modalities::{PerceptualScore, contribution_shares, imbalance, perceptual_score, shapley};
