#!/bin/sh
# Runs the tests of models/int8 with every access to memory watched: by AddressSanitizer, and by the kernels' own
# comparison of each access with its slice's end, here and on the emulated Arm processors.
# Usage: cross/check-int8-memory.sh
set -eu
cd "$(dirname "$0")/.."
folder=${CARGO_TARGET_DIR:-target/int8}
host=$(rustc -vV | sed -n 's/^host: //p')

# RUSTC_BOOTSTRAP: the sanitizer is a nightly feature of the same compiler. With a target named, build scripts and
# macros stay as they are.
echo "== int8 under AddressSanitizer"
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=$folder/address \
    cargo test --quiet --package edgeval-int8 --no-default-features --target "$host"

echo "== int8, every access compared"
CARGO_TARGET_DIR=$folder cargo test --quiet --package edgeval-int8 --no-default-features --features checked
INT8_FEATURES=checked cross/test-int8.sh
