#!/bin/sh
# Fuzzes what takes bytes from outside: tests/fuzz/run.sh [TARGET…], all of them by default, each for FUZZ_SECONDS.
# Only a stable compiler is needed: RUSTC_BOOTSTRAP=1 lets it take the sanitizer's flags.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
seconds=${FUZZ_SECONDS:-3600}
version=0.13.2
tools=${CARGO_TARGET_DIR:-$root/target}/fuzz-tools
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}/fuzz" RUSTC_BOOTSTRAP=1
export PATH="$tools/bin:$PATH"

cargo fuzz --version 2>/dev/null | grep -qF "$version" ||
    cargo install --locked --quiet --root "$tools" "cargo-fuzz@$version"

# The most that one allocation may ask for, and the most that the program may take, in MiB (docs/fuzzing.md).
bounds() {
    case $1 in
        onnx) echo "-malloc_limit_mb=1024 -rss_limit_mb=3072 -max_len=16384 -timeout=60" ;;
        *) echo "-malloc_limit_mb=64 -rss_limit_mb=1024 -max_len=16384 -timeout=10" ;;
    esac
}

[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | grep -v '^edgeval-fuzz$')
failed=
for target in "$@"; do
    # What is found goes into a folder that isn't kept; the corpus that is kept is only read.
    found="$CARGO_TARGET_DIR/corpus/$target"
    mkdir -p "$found"
    echo "== $target, $seconds s"
    # Leaks are no trouble here: tract keeps what it has interned.
    # shellcheck disable=SC2046
    cargo fuzz run --fuzz-dir . "$target" "$found" "corpus/$target" -- \
        -max_total_time="$seconds" -detect_leaks=0 -print_final_stats=1 $(bounds "$target") || failed="$failed $target"
done
[ -z "$failed" ] || { echo "These targets found something, in tests/fuzz/artifacts:$failed" >&2; exit 1; }
