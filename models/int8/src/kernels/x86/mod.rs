//! x86-64: AVX2, AVX-VNNI and AVX-512 VNNI, with and without VBMI.
//!
//! Processors without VNNI can multiply bytes and add pairs of products only with saturation to 16 bits. The AVX2 tile
//! multiplies 16-bit integers instead, which is exact; it needs no more multiplications, as the saturating way needs two
//! instructions for 32 products, too.

mod depthwise;
mod finish;
mod pairs;
mod table;
mod tiles;
mod wide_finish;

use super::{Form, Kernels, Large};
use depthwise::depthwise;

/// Adds what this processor can run, fastest first.
pub fn add_available(available: &mut Vec<&'static Kernels>) {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    if avx2 && avx512 && is_x86_feature_detected!("avx512vbmi") {
        available.push(&AVX512_VBMI);
    }
    if avx2 && avx512 {
        available.push(&AVX512_VNNI);
    }
    if avx2 && is_x86_feature_detected!("avxvnni") {
        available.push(&AVX_VNNI);
    }
    if avx2 {
        available.push(&AVX2);
    }
}

static AVX2: Kernels = Kernels {
    name: "avx2",
    form: Form::Wide,
    rows: 6,
    columns: 16,
    depth: 2,
    taken: 0,
    symmetric: None,
    large: Some(Large { kernels: &AVX2_PAIRS, least: [16, 96, 1], in_pairs: true }),
    interleave: None,
    tile: tiles::avx2,
    depthwise,
    look_up: table::look_up,
    by_columns: false,
    shares_columns: true,
};

/// The instructions that saturate, by weights that never make them.
static AVX2_PAIRS: Kernels = Kernels {
    name: "avx2 in pairs",
    form: Form::Bytes,
    rows: pairs::ROWS,
    columns: 16,
    depth: 4,
    large: None,
    interleave: Some(pairs::interleave),
    tile: pairs::tile,
    ..AVX2
};

static AVX_VNNI: Kernels = Kernels {
    name: "avx-vnni",
    form: Form::Bytes,
    rows: 6,
    columns: 16,
    depth: 4,
    taken: 0,
    symmetric: None,
    large: None,
    interleave: None,
    tile: tiles::avx_vnni,
    depthwise,
    look_up: table::look_up,
    by_columns: false,
    shares_columns: true,
};

static AVX512_VNNI: Kernels = Kernels {
    name: "avx512-vnni",
    form: Form::Bytes,
    rows: 12,
    columns: 32,
    depth: 4,
    taken: 0,
    symmetric: None,
    large: None,
    interleave: None,
    tile: tiles::avx512_vnni,
    depthwise,
    look_up: table::look_up,
    by_columns: false,
    shares_columns: true,
};

/// The same with instructions that look bytes up in whole registers.
static AVX512_VBMI: Kernels =
    Kernels { name: "avx512-vnni-vbmi", large: None, look_up: table::look_up_vbmi, ..AVX512_VNNI };
