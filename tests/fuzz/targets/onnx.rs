//! Any bytes as an ONNX file, which is loaded, optimised and, when that worked, run once. tract's panics must be errors
//! by then: libFuzzer ends at any that isn't caught.
#![no_main]

use std::cell::LazyCell;

use edgeval_fuzz::{assert_words, folder};
use edgeval_models::{Dimensions, Execution, Model};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FOLDER: LazyCell<tempfile::TempDir> = LazyCell::new(folder);
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, bytes).unwrap();
        match Model::load_onnx(&path, Execution::default(), &Dimensions::new()) {
            Ok(mut model) => {
                let inputs = model.seeded_inputs(0);
                drop(model.infer(&inputs));
            }
            Err(error) => assert_words(&error),
        }
    });
});
