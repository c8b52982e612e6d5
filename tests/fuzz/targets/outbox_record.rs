//! Any bytes as a report on disk, with the checksum that they would have, and without.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| edgeval::fuzz::outbox_record(bytes));
