#!/bin/bash
# Runs the tests of models/int8 on an emulated x86-64 processor with AVX-512 VNNI and AVX-VNNI, which must find the kernels
# of both. Usage: cross/test-int8-vnni.sh
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target/int8}
folder=target/emulated-x86
processor=sapphire_rapids
kernels="avx512-vnni-vbmi avx512-vnni avx-vnni avx2 plain" # the fastest first
deadline_s=3600

fail() { echo "test-int8-vnni: $*" >&2; exit 1; }

[ "$(uname -m)" = x86_64 ] || fail "the guest runs the host's own programs, so the host must be x86-64"
.ci/install-packages build emulated-x86
cross/emulated-x86/fetch-bochs "$folder/bochs"
# The kernel for clouds is packed so that it is unpacked fast: in 300 million instructions instead of 4,600 million.
cross/virtual-board/fetch-kernel "$folder/kernel" amd64 cloud-amd64 >/dev/null

mapfile -t programs < <(CARGO_TARGET_DIR=$target cargo test --package edgeval-int8 --no-default-features --tests \
    --no-run --quiet --message-format json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
[ ${#programs[@]} -gt 2 ] || fail "cargo built no tests"

main() {
    echo "export INT8_KERNELS='$kernels'"
    echo "status=0"
    for program in "${programs[@]}"; do echo "./$(basename "$program") || status=1"; done
    echo "exit \$status"
}

main >"$folder/main.sh"
cross/emulated-x86/build-image "$folder/kernel/vmlinuz" "$folder/image.iso" "$folder/main.sh" "${programs[@]}"

echo "== int8 on $processor ($kernels)"
status=0
cross/emulated-x86/boot "$folder/bochs" $processor "$folder/image.iso" "$folder/console.log" $deadline_s || status=$?
cat "$folder/console.log"
[ "$status" != 124 ] || fail "not done after $deadline_s s"
exit "$status"
