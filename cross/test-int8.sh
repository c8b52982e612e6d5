#!/bin/sh
# Runs the tests of models/int8 on three emulated Arm processors: without dotprod (a Raspberry Pi 4), with it
# (a Raspberry Pi 5), and with i8mm. Each must choose the kernels of its own instructions.
# Usage: cross/test-int8.sh [CPU…] (names of qemu-aarch64; by default cortex-a72 cortex-a76 max)
# INT8_FEATURES: features of the crate to test with
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- cortex-a72 cortex-a76 max

# Those that a processor must find, the fastest first; of another one nothing is asked.
kernels() {
    case $1 in
        cortex-a72) echo neon plain ;;
        cortex-a76) echo dotprod neon plain ;;
        max) echo i8mm dotprod neon plain ;;
    esac
}

for cpu; do
    expected=$(kernels "$cpu")
    if [ -n "$expected" ]; then export INT8_KERNELS="$expected"; else unset INT8_KERNELS; fi
    echo "== int8 on $cpu"
    EMULATED_CPU=$cpu CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/int8} \
        cross/aarch64/cargo test --quiet --package edgeval-int8 --no-default-features \
        --features "${INT8_FEATURES:-}"
done
