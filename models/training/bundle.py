"""Writes model.toml beside the two graphs, and expected.json: what ONNX Runtime answers on a few reference samples.

    python bundle.py --bundle ../zoo/av-digits --set ../../calibration/sets/av-digits
"""

import argparse
import hashlib
import json
import pathlib

import features
from reference import Runtime, read_set

EXPECTED_SAMPLES = 8

MANIFEST = '''schema = 1
name = "av-digits"
version = "1.0.0"
task = "classification"
licence = "CC-BY-SA-4.0"
description = "A handwritten digit seen and an English digit heard, fused with attention"
labels = {labels}

[variant.int8]
file = "model.int8.onnx"
sha256 = "{int8}"
precision = "int8"

[variant.fp32]
file = "model.fp32.onnx"
sha256 = "{fp32}"
precision = "fp32"

[[input]]
name = "image"
modality = "image"
width = {side}
height = {side}
channels = "gray"
layout = "nchw"
fit = "crop"
filter = "bilinear"
scale = {scale}
mean = [{mean}]
std = [{std}]

[[input]]
name = "audio"
modality = "audio"
sample_rate_hz = {rate}   # the human recordings are 8 kHz: nothing above 4 kHz can be learnt from them
window_ms = 1000
features = {{ kind = "log_mel", window = "hann", window_samples = {frame}, hop_samples = {hop}, fft = {fft}, bands = {bands}, low_hz = {low}, high_hz = {high}, mel_scale = "slaney", mel_norm = "slaney", power = 2.0, center = false, log = "ln", floor = {floor}, axes = "frames_bands" }}

[[output]]
name = "logits"
kind = "logits"

[[output]]
name = "image_embedding"
kind = "embedding"
modality = "image"

[[output]]
name = "audio_embedding"
kind = "embedding"
modality = "audio"

[[output]]
name = "attention"
kind = "attention"
modalities = ["image", "audio"]
'''


def manifest(bundle):
    """The text of model.toml, from features.py and the graphs' digests."""
    digest = {precision: hashlib.sha256((bundle / f"model.{precision}.onnx").read_bytes()).hexdigest() for precision in ("int8", "fp32")}
    return MANIFEST.format(
        labels=json.dumps(features.LABELS), side=features.IMAGE_SIDE, scale=features.IMAGE_SCALE, mean=features.IMAGE_MEAN,
        std=features.IMAGE_STD, rate=features.SAMPLE_RATE_HZ, frame=features.FRAME_SAMPLES, hop=features.HOP_SAMPLES,
        fft=features.FFT, bands=features.BANDS, low=features.LOW_HZ, high=features.HIGH_HZ, floor=features.FLOOR, **digest)


def expected(bundle, folder):
    """Answers of both graphs for samples spread over the test split."""
    samples = [sample for sample in read_set(folder) if sample.split == "test"]
    chosen = samples[::len(samples) // EXPECTED_SAMPLES][:EXPECTED_SAMPLES]
    runtimes = {precision: Runtime(bundle / f"model.{precision}.onnx") for precision in ("fp32", "int8")}
    rows = []
    for sample in chosen:
        row = {"id": sample.id, "label": sample.label}
        for precision, runtime in runtimes.items():
            answer = runtime.answer(sample.image, sample.audio)
            row[precision] = {name: [round(float(value), 6) for value in values] for name, values in answer.items()}
        rows.append(row)
    return {"schema": 1, "set": folder.name, "engine": f"ONNX Runtime {runtimes['fp32'].version}", "samples": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=pathlib.Path, required=True)
    parser.add_argument("--set", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    (arguments.bundle / "model.toml").write_text(manifest(arguments.bundle))
    (arguments.bundle / "expected.json").write_text(json.dumps(expected(arguments.bundle, arguments.set), indent=1) + "\n")


if __name__ == "__main__":
    main()
