//! Any bytes as a command over MQTT: name, id, expiry and body.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| edgeval::fuzz::command(bytes));
