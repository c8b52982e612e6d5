//! Damaged ONNX files: each gives one error or a model, never a panic, a hang or a flood of memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

mod common;

use std::path::{Path, PathBuf};

use edgeval_models::{Dimensions, Execution, Model};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Where a graph's operators are (the head of the file), and its inputs and outputs (the tail).
const HEAD_BYTES: usize = 30_000;
const TAIL_BYTES: usize = 800;
/// Damaged files that are tried: enough for every kind of damage, few enough for a test.
const TRIES: usize = 150;

fn graph() -> Vec<u8> {
    std::fs::read(common::bundle_folder().join("model.int8.onnx")).unwrap()
}

/// Loads the bytes as a bare file and runs what loads. The error's words, if it is refused.
fn try_out(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    let path: PathBuf = folder.join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    let mut model =
        Model::load_onnx(&path, Execution::default(), &Dimensions::new()).map_err(|error| error.to_string())?;
    let inputs = model.seeded_inputs(0);
    model.infer(&inputs).map(drop).map_err(|error| error.to_string())
}

fn assert_one_clear_line(error: &str) {
    assert!(error.contains("model.onnx"), "it names the file: {error}");
    assert!(!error.contains('\n'), "it is one line: {error}");
    assert!(error.len() < 600, "it is short: {error}");
}

#[test]
fn truncated_files_are_refused() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), graph());
    for part in 0..40 {
        let length = bytes.len() * part / 40;
        let error = try_out(folder.path(), &bytes[..length]).expect_err("a part isn't a model");
        assert_one_clear_line(&error);
    }
    assert_eq!(try_out(folder.path(), &bytes), Ok(()));
}

#[test]
fn files_with_flipped_bits_are_refused_or_run() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), graph());
    let mut random = Pcg64Mcg::seed_from_u64(2);
    let mut refused = 0;
    for _ in 0..tries() {
        let mut damaged = bytes.clone();
        let only_numbers: bool = random.random();
        for _ in 0..random.random_range(1..4) {
            let place = random.random_range(0..HEAD_BYTES + TAIL_BYTES);
            let place = if place < HEAD_BYTES { place } else { bytes.len() - 1 - (place - HEAD_BYTES) };
            // Half of the files keep their names, which are checked first, so that what lies behind is reached too.
            if !(only_numbers && bytes[place].is_ascii_graphic()) {
                damaged[place] ^= 1 << random.random_range(0..8);
            }
        }
        if let Err(error) = try_out(folder.path(), &damaged) {
            assert_one_clear_line(&error);
            refused += 1;
        }
    }
    println!("{refused} of {} refused", tries());
    assert!(refused > tries() / 10);
}

/// More of them when asked for: `EDGEVAL_TRIES=10000 cargo test --test hostile`.
fn tries() -> usize {
    std::env::var("EDGEVAL_TRIES").ok().and_then(|tries| tries.parse().ok()).unwrap_or(TRIES)
}

#[test]
fn what_isnt_onnx_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [&b""[..], b"\x89PNG\r\n", b"schema = 1\n", &[0xff; 1000], &[0; 1000]] {
        assert_one_clear_line(&try_out(folder.path(), bytes).expect_err("not a model"));
    }
    let missing = Model::load_onnx(&folder.path().join("absent.onnx"), Execution::default(), &Dimensions::new())
        .unwrap_err()
        .to_string();
    assert!(missing.contains("absent.onnx"), "{missing}");
    let directory = Model::load_onnx(folder.path(), Execution::default(), &Dimensions::new()).unwrap_err().to_string();
    assert!(directory.contains("can't be read"), "{directory}");
}
