#!/bin/bash
# Makes the model `stamps` and its reference set from packages: target/stamps/model and target/stamps/set.
#   models/training/stamps/build.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$root/target/stamps
venv=$out/venv
package=tuxpaint-stamps-default
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
mkdir -p "$out"
"$root/.ci/install-packages" stamps

if [ ! -e "$venv/.ready" ] || [ "$here/requirements.txt" -nt "$venv/.ready" ] || [ "$here/requirements-data.txt" -nt "$venv/.ready" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    "$venv/bin/pip" install --quiet --no-deps --requirement "$here/requirements-data.txt"
    touch "$venv/.ready"
fi
# Unpacked, not installed: nothing but its files is wanted.
if [ ! -d "$out/package" ]; then
    (cd "$out" && apt-get download -q $package && dpkg-deb --extract ${package}_*.deb package.part && mv package.part package)
fi
version=$(basename "$out"/${package}_*.deb)
version=${version#*_}
stamps=$out/package/usr/share/tuxpaint/stamps

run() { "$venv/bin/python" "$here/$1" "${@:2}"; }
run build_set.py --stamps "$stamps" --package-version "${version%%_*}" --out "$out/set"
[ -e "$out/embeddings.npz" ] || run embed.py --stamps "$stamps" --out "$out/embeddings.npz"
run train.py "$out/embeddings.npz" "$out/heads.npz" | tee "$out/validation.jsonl"
run export.py "$out/heads.npz" "$out/model"
"$venv/bin/python" "$root/calibration/quantize/quantize.py" "$out/model/model.fp32.onnx" "$out/model/model.int8.onnx" --set "$out/set" \
    --operators Conv Gemm MatMul Add GlobalAveragePool Gather
run bundle.py "$out/model"
run check.py --bundle "$out/model" --set "$out/set" --stamps "$stamps" >"$out/figures.json"
run bundle.py "$out/model" --validation "$out/validation.jsonl" --figures "$out/figures.json"
echo "$out/model and $out/set are ready; $out/model/CARD.md says how well it finds"
