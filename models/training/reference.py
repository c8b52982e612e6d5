"""Reference sets as model inputs, and graphs run by ONNX Runtime."""

import json
from typing import NamedTuple

import numpy as np
import onnxruntime
import soundfile

from features import LABELS, load_picture, log_mel, normalise


class Sample(NamedTuple):
    """One line of a set, ready for the graph: image [1, 28, 28], audio [97, 40]."""

    id: str
    split: str
    label: int
    cluster: str
    image: np.ndarray
    audio: np.ndarray


def read_set(folder):
    """The samples of a reference set, preprocessed."""
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    images = normalise(np.stack([load_picture(folder / line["image"]) for line in lines]))
    audio = log_mel(np.stack([soundfile.read(folder / line["audio"], dtype="float32")[0] for line in lines]))
    return [
        Sample(line["id"], line["split"], LABELS.index(line["label"]), line["cluster"], image, sound)
        for line, image, sound in zip(lines, images, audio)
    ]


class Runtime:
    """One graph on one thread of ONNX Runtime."""

    version = onnxruntime.__version__

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options)
        self.names = [output.name for output in self.session.get_outputs()]

    def answer(self, image, audio):
        """{output: float32 vector} for one picture and one sound."""
        values = self.session.run(None, {"image": image[None], "audio": audio[None]})
        return {name: value[0] for name, value in zip(self.names, values)}

    def answers(self, images, audio):
        """{output: [n, …]} for many."""
        rows = [self.answer(picture, sound) for picture, sound in zip(images, audio)]
        return {name: np.stack([row[name] for row in rows]) for name in self.names}
