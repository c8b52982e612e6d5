"""Writes model.toml beside the graphs, and expected.json: what ONNX Runtime says to every test sample of the set.

    python -m shape_talk.bundle --bundle ../zoo/shape-talk --set ../../calibration/sets/shape-talk
"""

import argparse
import hashlib
import json
import pathlib

import features
from shape_talk import hearing, tokens
from shape_talk.pictures import SIDE
from shape_talk.runtime import Talker, read_set

LICENCE = "MIT OR Apache-2.0"

MANIFEST = '''schema = 1
name = "shape-talk"
version = "1.0.0"
task = "generation"
licence = "{licence}"
description = "A picture of a shape is looked at, a question is typed or said in one of four languages, and words come out"

[variant.int8]
file = "encoder.int8.onnx"
sha256 = "{encoder_int8}"
precision = "int8"
decoder = {{ file = "decoder.int8.onnx", sha256 = "{decoder_int8}" }}

[variant.fp32]
file = "encoder.fp32.onnx"
sha256 = "{encoder_fp32}"
precision = "fp32"
decoder = {{ file = "decoder.fp32.onnx", sha256 = "{decoder_fp32}" }}

[[input]]
name = "image"
modality = "image"
width = {side}
height = {side}
channels = "rgb"
layout = "nchw"
fit = "crop"
filter = "bilinear"
scale = 0.00392156862745098
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]

[[input]]
name = "audio"
modality = "audio"
sample_rate_hz = {rate}
window_ms = {window_ms}
features = {{ kind = "log_mel", window = "hann", window_samples = {frame}, hop_samples = {hop}, fft = {fft}, bands = {bands}, low_hz = {low}, high_hz = {high}, mel_scale = "slaney", mel_norm = "slaney", power = 2.0, center = false, log = "ln", floor = {floor}, axes = "frames_bands" }}

[[input]]
name = "text"
modality = "text"
tokenizer = "tokenizer.json"
max_tokens = {max_tokens}
turn_separator = "<sep>"

[[output]]
name = "attention"
kind = "attention"
modalities = ["image", "audio", "text"]

[[output]]
name = "state"
kind = "state"

[[output]]
name = "memory_keys"
kind = "state"

[[output]]
name = "memory_values"
kind = "state"

[[output]]
name = "memory_bias"
kind = "state"

[decode]
tokenizer = "tokenizer.json"
token = "token"
logits = "logits"
end = "<end>"
longest = {longest}
begin = {{ {begin} }}
state = [{{ input = "state_in", output = "state_out", initial = "state" }}]
'''


def manifest(bundle):
    """The text of model.toml, from the preprocessing and the graphs' digests."""
    digest = {
        f"{part}_{precision}": hashlib.sha256((bundle / f"{part}.{precision}.onnx").read_bytes()).hexdigest()
        for part in ("encoder", "decoder") for precision in ("int8", "fp32")}
    return MANIFEST.format(
        licence=LICENCE, side=SIDE, rate=features.SAMPLE_RATE_HZ, window_ms=1000 * hearing.WINDOW_SAMPLES // features.SAMPLE_RATE_HZ,
        frame=features.FRAME_SAMPLES, hop=hearing.HOP_SAMPLES, fft=features.FFT, bands=features.BANDS, low=features.LOW_HZ,
        high=features.HIGH_HZ, floor=features.FLOOR, max_tokens=tokens.MAX_TOKENS, longest=tokens.LONGEST,
        begin=", ".join(f'{ask} = "<{ask}>"' for ask in tokens.ASKS), **digest)


def expected(bundle, folder):
    """The words of both precisions for each test sample."""
    talkers = {precision: Talker(bundle, precision) for precision in ("fp32", "int8")}
    rows = []
    for sample in read_set(folder):
        if sample.split == "test":
            said = {precision: talker.say(sample.ask, **sample.given) for precision, talker in talkers.items()}
            rows.append({"id": sample.id, "reference": sample.reference} | said)
    return {"schema": 1, "set": folder.name, "engine": f"ONNX Runtime {Talker.version}", "samples": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=pathlib.Path, required=True)
    parser.add_argument("--set", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    (arguments.bundle / "model.toml").write_text(manifest(arguments.bundle))
    answers = expected(arguments.bundle, arguments.set)
    lines = ",\n".join("  " + json.dumps(row) for row in answers.pop("samples"))
    (arguments.bundle / "expected.json").write_text(json.dumps(answers)[:-1] + ', "samples": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
