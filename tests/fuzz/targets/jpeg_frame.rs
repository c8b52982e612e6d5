//! Any bytes as a camera's frame: the first few choose format and size.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| edgeval::fuzz::camera_frame(bytes));
