//! Any bytes as a message, in both encodings and of every kind. What is read is written and read again.
#![no_main]

use edgeval_fuzz::assert_words;
use edgeval_wire::{Encoding, Message, MessageKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let kind = [MessageKind::Device, MessageKind::Live, MessageKind::Report][usize::from(choice >> 1) % 3];
    let encoding = [Encoding::Postcard, Encoding::Json][usize::from(choice & 1)];
    match Message::decode(kind, encoding, bytes) {
        // Not everything that can be read can be written: numbers that aren't finite have no JSON.
        Ok(message) => {
            if let Ok(written) = message.encode(encoding) {
                assert!(Message::decode(kind, encoding, &written).is_ok(), "what was written can't be read");
            }
        }
        Err(error) => assert_words(&error),
    }
});
