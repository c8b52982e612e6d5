#!/bin/bash
# Prepares the Python packages that the benchmark of `edgeval evaluate` needs, then runs one of its scripts:
#   tests/evaluate/run.sh bench.py [ARGUMENT …]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/evaluate
venv=$root/target/venv-evaluate
if [ ! -e "$venv/.ready" ] || [ "$here/requirements.txt" -nt "$venv/.ready" ] || [ "$here/requirements-data.txt" -nt "$venv/.ready" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    "$venv/bin/pip" install --quiet --no-deps --requirement "$here/requirements-data.txt"
    touch "$venv/.ready"
fi
export PYTHONPATH=$root/tests
script=$1
shift
exec "$venv/bin/python" "$here/$script" "$@"
