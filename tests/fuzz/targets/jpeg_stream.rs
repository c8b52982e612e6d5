//! Any bytes as what a command writes that sends JPEGs.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| edgeval::fuzz::jpeg_stream(bytes));
