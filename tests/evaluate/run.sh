#!/bin/bash
# Prepares the Python packages that the benchmark of `edgeval evaluate` needs, then runs one of its scripts:
#   tests/evaluate/run.sh bench.py [ARGUMENT …]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$("$root/tests/prepare_python.sh" evaluate)
export PYTHONPATH=$root/tests
script=$1
shift
exec "$python" "$root/tests/evaluate/$script" "$@"
