#!/bin/bash
# Prepares the Python packages that a folder's scripts need, in an environment of their own, and prints its Python:
#   tests/prepare_python.sh int8
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/tests/$1
venv=$root/target/venv-$1
if [ ! -e "$venv/.ready" ] || [ "$here/requirements.txt" -nt "$venv/.ready" ] || [ "$here/requirements-data.txt" -nt "$venv/.ready" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt" >&2
    "$venv/bin/pip" install --quiet --no-deps --requirement "$here/requirements-data.txt" >&2
    touch "$venv/.ready"
fi
echo "$venv/bin/python"
