#!/usr/bin/env bash
# One pass of the reference set as camera and microphone through the int8 model, seen from the broker's side.
# Usage: tests/demo.sh PROGRAM. Ctrl-C at any time leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
speed=${EDGEVAL_DEMO_SPEED:-20}

scratch=$(mktemp -d)
children=()
finish() {
    trap - EXIT INT TERM
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT
trap 'finish; exit 130' INT TERM

# A free port: the kernel names one; the broker is retried on another when someone else was faster.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
start_broker() {
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$scratch/mosquitto.conf"
        mosquitto -c "$scratch/mosquitto.conf" >"$scratch/mosquitto.log" 2>&1 &
        broker=$!
        for _ in $(seq 100); do
            kill -0 $broker 2>/dev/null || break
            if mosquitto_pub -h 127.0.0.1 -p "$port" -t ready -n 2>/dev/null; then children+=("$broker"); return; fi
        done
    done
    cat "$scratch/mosquitto.log" >&2
    echo "The private Mosquitto didn't start; its log is above." >&2
    exit 1
}
