//! Any text as the daemon's configuration, and any lines of it as its environment.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| edgeval::fuzz::configuration(bytes));
