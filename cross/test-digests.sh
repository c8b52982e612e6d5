#!/bin/sh
# Whether corrupted pictures and sounds have the same bits on an emulated 64-bit Arm processor as were recorded on x86-64.
# Usage: cross/test-digests.sh [CPU] (a name of qemu-aarch64; cortex-a76 by default, a Raspberry Pi 5's)
# What it tests doesn't need tract, which would take longest to optimise.
set -eu
cd "$(dirname "$0")/.."
EMULATED_CPU=${1:-cortex-a76} CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/digests} cross/aarch64/cargo test --quiet \
    --config 'profile.dev.package."*".opt-level=0' --package edgeval-calibration --test corruptions the_same_bits
