//! Any bytes as a list of samples, and every sample that comes of them read and checked.
#![no_main]

use std::cell::LazyCell;

use edgeval_calibration::{ReferenceSet, check};
use edgeval_fuzz::{assert_words, folder};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FOLDER: LazyCell<tempfile::TempDir> = LazyCell::new(folder);
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        std::fs::write(folder.path().join("metadata.jsonl"), bytes).unwrap();
        match ReferenceSet::open(folder.path()) {
            Ok(set) => drop(check(&set, || {})),
            Err(error) => assert_words(&error),
        }
    });
});
