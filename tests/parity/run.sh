#!/bin/sh
# Figures against the reference implementations, recomputed now: tests/parity/run.sh PYTHON PROGRAM.
set -eu
cd "$(dirname "$0")/../.."
python=$1
program=$2
scratch=target/parity
mkdir -p "$scratch"

# The mathematics, on seeded random and edge cases.
"$python" tests/parity/make_cases.py >"$scratch/cases.json"
EDGEVAL_PARITY_CASES=$PWD/$scratch/cases.json cargo test --quiet --workspace --test 'parity*'

# The program's own answer on the shipped set.
for precision in int8 fp32; do
    "$program" evaluate models/zoo/av-digits --set calibration/sets/av-digits --precision $precision \
        --quick --json --predictions "$scratch/$precision.jsonl" >"$scratch/$precision.json" || [ $? -eq 3 ] # a busy board
    "$python" tests/parity/check_evaluate.py "$scratch/$precision.json" "$scratch/$precision.jsonl"
done
