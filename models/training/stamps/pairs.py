"""The reference set as inputs of the graph, and the graphs run by ONNX Runtime."""

import json
from typing import NamedTuple

import numpy as np
from PIL import Image

import language
from borrowed import session
from pictures import as_input


class Pair(NamedTuple):
    """One line of the set."""

    id: str
    picture: Image.Image
    text: str
    slice: dict


def read_split(folder, split):
    """The pairs of one split, in the set's order."""
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        Pair(line["id"], Image.open(folder / line["image"]).convert("RGB"), line["text"], line["slice"])
        for line in lines if line["split"] == split
    ]


def feeds(pairs, words=None):
    """{input: value} of each pair."""
    words = words or language.tokenizer()
    return [{"image": as_input(pair.picture), **language.as_input(words, pair.text)} for pair in pairs]


class Model:
    """A variant of the bundle on one thread of ONNX Runtime."""

    def __init__(self, path):
        self.run = session(path).run

    def embeddings(self, fed):
        """Pictures' and texts', float64 [n, d] of unit length."""
        rows = [self.run(["image_embedding", "text_embedding"], feed) for feed in fed]
        sides = (np.concatenate([row[side] for row in rows]).astype(np.float64) for side in (0, 1))
        return [side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides]
