//! Any bytes as a reference set's `set.toml`, beside lists that are empty.
#![no_main]

use std::cell::LazyCell;

use edgeval_calibration::{ReferenceSet, check};
use edgeval_fuzz::{assert_words, folder};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FOLDER: LazyCell<tempfile::TempDir> = LazyCell::new(|| {
        let folder = folder();
        // SHA-256 of nothing: the seed names this list's own digest.
        let lists = [("samples.jsonl", ""), ("files.sha256", include_str!("../files.sha256"))];
        lists.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        folder
    });
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        std::fs::write(folder.path().join("set.toml"), bytes).unwrap();
        match ReferenceSet::open(folder.path()) {
            Ok(set) => drop(check(&set, || {})),
            Err(error) => assert_words(&error),
        }
    });
});
