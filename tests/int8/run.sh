#!/bin/bash
# Prepares what the int8 benchmark and exactness tests need (Python packages, models, the worker), then runs one of them:
#   tests/int8/run.sh bench.py [ARGUMENT …]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/int8
venv=$root/target/venv-int8
if [ ! -e "$venv/.ready" ] || [ "$here/requirements.txt" -nt "$venv/.ready" ] || [ "$here/requirements-data.txt" -nt "$venv/.ready" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    "$venv/bin/pip" install --quiet --no-deps --requirement "$here/requirements-data.txt"
    touch "$venv/.ready"
fi
CARGO_TARGET_DIR=$root/target/int8-bench "${CARGO:-cargo}" build --quiet --manifest-path "$here/worker/Cargo.toml"
"$venv/bin/python" "$here/make_models.py"
script=$1
shift
exec "$venv/bin/python" "$here/$script" "$@"
