"""Writes the trained weights as the fp32 graph."""

import argparse

import numpy as np
import onnx

from backend import OnnxOps
from features import BANDS, FRAMES, IMAGE_SIDE
from model import CLASSES, EMBEDDING, PROTOTYPES, forward


def build(parameters):
    """The parameters of model.py as an ONNX model with a batch of one."""
    ops = OnnxOps(parameters)
    tensors = forward(ops, "image", "audio")
    sizes = {"logits": CLASSES, "image_embedding": EMBEDDING, "audio_embedding": EMBEDDING, "attention": 2}
    inputs = {"image": [1, 1, IMAGE_SIDE, IMAGE_SIDE], "audio": [1, FRAMES, BANDS]}
    return ops.model("av-digits", inputs, {name: (tensors[name], [1, size]) for name, size in sizes.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", help="weights.npz of train.py")
    parser.add_argument("onnx", help="the graph to write")
    arguments = parser.parse_args()
    with np.load(arguments.weights) as archive:
        parameters = {name: archive[name] for name in archive.files if name != PROTOTYPES}
    onnx.save(build(parameters), arguments.onnx)


if __name__ == "__main__":
    main()
