//! 64-bit Arm.

use super::Kernels;

/// Adds what this processor can run, fastest first.
pub fn add_available(_available: &mut Vec<&'static Kernels>) {}
