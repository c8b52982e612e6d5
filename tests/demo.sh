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

# Starts a private Mosquitto on a free port: another port is tried where somebody has the first.
start_broker() {
    for _ in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 20000))
        printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$scratch/mosquitto.conf"
        mosquitto -c "$scratch/mosquitto.conf" >"$scratch/mosquitto.log" 2>&1 &
        local broker=$!
        for _ in $(seq 50); do
            if ! kill -0 $broker 2>/dev/null; then break; fi
            if mosquitto_pub -h 127.0.0.1 -p "$port" -t ready -n 2>/dev/null; then children+=("$broker"); return; fi
            sleep 0.1
        done
    done
    cat "$scratch/mosquitto.log" >&2
    echo "The private Mosquitto didn't start; its log is above." >&2
    exit 1
}

# One line for each live message.
live_rows='
    def ms: . / 1000 * 100 | round / 100 | tostring + " ms";
    def reading(f): if has("value") then (.value | f) else "–" end;
    def cell(n): tostring | . + " " * ([n - length, 0] | max);
    select(.windows > 0) |
    [ (.windows | cell(8)),
      (.throughput_per_s | reading(round | tostring) | cell(9)),
      (.latency_us | reading(.p50 | ms) | cell(11)),
      (.latency_us | reading(.p99 | ms) | cell(11)),
      (.stages_us.inference | reading(.p50 | ms) | cell(11)),
      (.memory.pss_bytes | reading(. / 1e6 | round | tostring + " MB") | cell(8)),
      (.cpu.above_inference_percent | reading(. * 10 | round / 10 | tostring + " %") | cell(12)),
      (.windows_dropped | cell(8)),
      (.predictions[-1] | .label + " " + (.confidence | reading(. * 100 | round | tostring + " %"))) ] | join("")'

accuracy_rows='
    def figure: if has("value") then "\(.value * 10000 | round / 10000)  (\(.low * 10000 | round / 10000) to \(.high * 10000 | round / 10000), n = \(.n))"
                else "not measured: " + .not_measured end;
    "\(.header.model.name) \(.header.model.precision) on \(.header.set.name), identity \(.header.model.identity[:12])…",
    (.body.accuracy | "  top-1            \(.top1 | figure)", "  precision, macro \(.precision_macro | figure)",
     "  recall, macro    \(.recall_macro | figure)", "  F1, macro        \(.f1_macro | figure)", "  calibration err. \(.ece | figure)"),
    "  valid            \(.header.validity.valid)\(.header.validity.reasons | map(" — " + .text) | join(""))"'

footprint_rows='
    def mb: if has("value") then "\(.value / 1e5 | round / 10) MB" else "not measured: " + .not_measured end;
    def ms: if has("value") then "\(.value / 1000 | round) ms" else "not measured: " + .not_measured end;
    .body.field |
    "  memory (PSS)     \(.memory.before_load.pss_bytes | mb) before the model, \(.memory.after_load.pss_bytes | mb) with it",
    "  start            \(.start_up.model_ready_us | ms) to the model, \(.start_up.first_inference_us | ms) to the first inference, \(.start_up.first_report_us | ms) to the first report acknowledged"'

start_broker
base=edgeval/1/demo/here
subscribe=(mosquitto_sub -h 127.0.0.1 -p "$port")
latest() { "${subscribe[@]}" -t "$base/summary/$1" -C 1 -W 5; }

cat <<EOF
edgeval demo: every sample of calibration/sets/av-digits once, a digit seen and a digit heard, at $speed times real speed.
What follows was published by the agent and read back from a private broker (127.0.0.1:$port) by mosquitto_sub.

windows windows/s p50        p99        inference  memory  cpu above    dropped newest answer
        a second  whole      whole      p50        (PSS)   inference
EOF
"${subscribe[@]}" -t "$base/#" -F '%t' >"$scratch/topics" &
children+=($!)
mkfifo "$scratch/live"
"${subscribe[@]}" -t "$base/live" >"$scratch/live" &
children+=($!)
jq --unbuffered --raw-output "$live_rows" <"$scratch/live" &
children+=($!)

EDGEVAL_LOG=${EDGEVAL_LOG:-warn} EDGEVAL_DEVICE__GROUP=demo EDGEVAL_DEVICE__NAME=here \
    EDGEVAL_DEVICE__STATE_DIRECTORY="$scratch/state" \
    "$program" run --config /dev/null --model models/zoo/av-digits --precision int8 \
    --broker "mqtt://127.0.0.1:$port" --replay calibration/sets/av-digits --speed "$speed" &
agent=$!
children+=("$agent")
wait "$agent"

echo
echo "Accuracy, as reported:"
latest accuracy | jq --raw-output "$accuracy_rows"
echo
echo "What the agent itself costs (make footprint measures it properly):"
latest field | jq --raw-output "$footprint_rows"
echo
echo "Topics:"
sort "$scratch/topics" | uniq -c | awk '{ printf "  %s (%s)\n", $2, $1 }'
