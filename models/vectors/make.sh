#!/bin/bash
# Records again what Pillow and librosa make of real pictures and sounds. Needs python3-venv and the network.
set -euo pipefail
cd "$(dirname "$0")"
venv=../../target/venv-vectors
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/pip install --quiet --requirement requirements.txt
$venv/bin/python make_vectors.py --set ../../calibration/sets/av-digits
