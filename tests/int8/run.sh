#!/bin/bash
# Prepares what the int8 benchmark and exactness tests need (Python packages, models, the worker), then runs one of them:
#   tests/int8/run.sh bench.py [ARGUMENT …]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/int8
python=$("$root/tests/prepare_python.sh" int8)
CARGO_TARGET_DIR=$root/target/int8-bench "${CARGO:-cargo}" build --quiet --manifest-path "$here/worker/Cargo.toml"
"$python" "$here/make_models.py"
script=$1
shift
exec "$python" "$here/$script" "$@"
