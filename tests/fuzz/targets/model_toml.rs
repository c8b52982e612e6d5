//! Any bytes as a bundle's `model.toml`.
#![no_main]

use std::cell::LazyCell;

use edgeval_fuzz::{assert_words, folder};
use edgeval_models::{Bundle, MANIFEST_FILE};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FOLDER: LazyCell<tempfile::TempDir> = LazyCell::new(folder);
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        std::fs::write(folder.path().join(MANIFEST_FILE), bytes).unwrap();
        if let Err(error) = Bundle::open(folder.path()) {
            assert_words(&error);
        }
    });
});
