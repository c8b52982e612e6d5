"""Writes trained weights as two fp32 graphs, encoder.fp32.onnx and decoder.fp32.onnx, and the tokenizer beside them.

    python -m shape_talk.export weights.npz ../zoo/shape-talk
"""

import argparse
import pathlib

import numpy as np
import onnx

from backend import OnnxOps
from features import BANDS
from shape_talk.hearing import FRAMES
from shape_talk.model import HEADS, SIDES, STATE, TOKENS, WIDTH, decode, encode
from shape_talk.pictures import SIDE
from shape_talk.tokens import MAX_TOKENS, TOKENIZER, VOCABULARY

MEMORY = {
    "memory_keys": [1, HEADS, WIDTH // HEADS, TOKENS], "memory_values": [1, HEADS, TOKENS, WIDTH // HEADS], "memory_bias": [1, 1, TOKENS],
}


def encoder(parameters):
    """What is run once: picture, sound and text in, the memory and the first state out."""
    ops = OnnxOps(parameters)
    tensors = encode(ops, "image", "audio", "text")
    shapes = {"state": [1, 1, STATE], "attention": [1, len(SIDES)]} | MEMORY
    inputs = {"image": [1, 3, SIDE, SIDE], "audio": [1, FRAMES, BANDS], "text": [1, MAX_TOKENS]}
    return ops.model("shape-talk-encoder", inputs, {name: (tensors[name], shape) for name, shape in shapes.items()}, integers=["text"])


def decoder(parameters):
    """What is run once a token."""
    ops = OnnxOps(parameters)
    logits, state = decode(ops, "token", "state_in", "memory_keys", "memory_values", "memory_bias")
    inputs = {"token": [1, 1], "state_in": [1, 1, STATE]} | MEMORY
    outputs = {"logits": (logits, [1, VOCABULARY]), "state_out": (state, [1, 1, STATE])}
    return ops.model("shape-talk-decoder", inputs, outputs, integers=["token"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", help="weights.npz of train.py")
    parser.add_argument("bundle", type=pathlib.Path)
    arguments = parser.parse_args()
    with np.load(arguments.weights) as archive:
        parameters = {name: archive[name] for name in archive.files}
    arguments.bundle.mkdir(parents=True, exist_ok=True)
    onnx.save(encoder(parameters), arguments.bundle / "encoder.fp32.onnx")
    onnx.save(decoder(parameters), arguments.bundle / "decoder.fp32.onnx")
    TOKENIZER.save(str(arguments.bundle / "tokenizer.json"))


if __name__ == "__main__":
    main()
