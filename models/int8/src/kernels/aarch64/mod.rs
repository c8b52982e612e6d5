//! 64-bit Arm: i8mm, dotprod, and plain NEON.
//!
//! All tiles have 16 columns and share how sums become bytes. NEON and dotprod multiply signed bytes by signed ones, so
//! their rows' bytes get 128 taken off as they are loaded.

#![allow(unsafe_code)]

mod columns;
mod depthwise;
mod finish;
mod instructions;
mod interleaved;
mod table;
mod tiles;

use std::arch::is_aarch64_feature_detected;

use super::{Form, Kernels, Large};
use depthwise::depthwise;

/// Columns of every tile.
const COLUMNS: usize = 16;
/// Vectors of sums that they make.
const VECTORS: usize = COLUMNS / 4;

/// Adds what this processor can run, fastest first.
pub fn add_available(available: &mut Vec<&'static Kernels>) {
    let dotprod = is_aarch64_feature_detected!("dotprod");
    if dotprod && is_aarch64_feature_detected!("i8mm") {
        available.push(&I8MM);
    }
    if dotprod {
        available.push(&DOTPROD);
    }
    if is_aarch64_feature_detected!("neon") {
        available.push(&NEON);
    }
}

static I8MM: Kernels = Kernels {
    name: "i8mm",
    form: Form::Bytes,
    rows: 6,
    columns: COLUMNS,
    depth: 8,
    taken: 0,
    symmetric: None,
    large: None,
    interleave: None,
    tile: tiles::i8mm,
    depthwise: columns::depthwise,
    look_up: table::look_up,
    by_columns: true,
    shares_columns: false,
};

static DOTPROD: Kernels = Kernels {
    name: "dotprod",
    form: Form::Bytes,
    rows: 6,
    columns: COLUMNS,
    depth: 4,
    taken: 128,
    symmetric: None,
    large: Some(Large { kernels: &DOTPROD_LARGE, least: [12, 1, 32], in_pairs: false }),
    interleave: None,
    tile: tiles::dotprod,
    depthwise: columns::depthwise,
    look_up: table::look_up,
    by_columns: true,
    shares_columns: false,
};

/// Rows are put in the order in which tiles read them, less 128, once for all panels.
static DOTPROD_LARGE: Kernels = Kernels {
    rows: interleaved::ROWS,
    large: None,
    interleave: Some(interleaved::interleave),
    tile: interleaved::tile,
    ..DOTPROD
};

static NEON: Kernels = Kernels {
    name: "neon",
    form: Form::Bytes,
    rows: 4,
    columns: COLUMNS,
    depth: 16,
    taken: 128,
    symmetric: Some(&NEON_SYMMETRIC),
    large: None,
    interleave: None,
    tile: tiles::neon,
    depthwise,
    look_up: table::look_up,
    by_columns: false,
    shares_columns: false,
};

/// Two products fit into 16 bits when no weight is −128.
static NEON_SYMMETRIC: Kernels = Kernels {
    name: "neon",
    form: Form::Bytes,
    rows: 4,
    columns: COLUMNS,
    depth: 16,
    taken: 128,
    symmetric: None,
    large: None,
    interleave: None,
    tile: tiles::neon_symmetric,
    depthwise,
    look_up: table::look_up,
    by_columns: false,
    shares_columns: false,
};
