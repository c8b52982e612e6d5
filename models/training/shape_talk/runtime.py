"""The two graphs run by ONNX Runtime, one word after the other; and the samples of the set shape-talk as their inputs."""

import json
from typing import NamedTuple

import numpy as np
import onnxruntime
import soundfile
from PIL import Image

from shape_talk import tokens
from shape_talk.hearing import WINDOW_SAMPLES, log_mel
from shape_talk.pictures import SIDE
from shape_talk.sentences import Turn

BLACK = np.zeros((SIDE, SIDE, 3), np.uint8)
SILENCE = log_mel(np.zeros((1, WINDOW_SAMPLES), np.float32))[0]


def normalise(pixels):
    """uint8 [64, 64, 3] -> float32 [1, 3, 64, 64] in -1..1, as the manifest states it."""
    scaled = pixels.astype(np.float32) * np.float32(1 / 255)
    return ((scaled - np.float32(0.5)) / np.float32(0.5)).transpose(2, 0, 1)[None]


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options)


class Talker:
    """One bundle at one precision."""

    version = onnxruntime.__version__

    def __init__(self, bundle, precision):
        self.encoder, self.decoder = (session(bundle / f"{part}.{precision}.onnx") for part in ("encoder", "decoder"))
        self.names = [output.name for output in self.encoder.get_outputs()]

    def feeds(self, image=BLACK, audio=SILENCE, ids=None):
        """{input: value} of the encoder; what isn't given is missing."""
        ids = tokens.typed("") if ids is None else ids
        return {"image": normalise(image), "audio": np.asarray(audio, np.float32)[None], "text": ids[None]}

    def encode(self, **given):
        """{output: value} of the encoder."""
        return dict(zip(self.names, self.encoder.run(None, self.feeds(**given))))

    def steps(self, ask, found):
        """Greedy decoding: (feeds, token) for each step, the end token being the last."""
        memory = {name: value for name, value in found.items() if name.startswith("memory")}
        state, token = found["state"], tokens.BEGIN[ask]
        for _ in range(tokens.LONGEST + 1):
            feeds = {"token": np.array([[token]], np.int64), "state_in": state, **memory}
            logits, state = self.decoder.run(["logits", "state_out"], feeds)
            token = int(logits[0].argmax())
            yield feeds, token
            if token == tokens.END:
                return

    def say(self, ask, **given):
        """The words that come out."""
        return tokens.words([token for _, token in self.steps(ask, self.encode(**given))])


class Sample(NamedTuple):
    """One line of the set: what is asked for, what is given (as Talker.encode takes it), what is to come out."""

    id: str
    split: str
    ask: str
    given: dict
    reference: str
    line: dict


def read_set(folder):
    """The samples of the set, preprocessed."""
    return [sample(folder, json.loads(line)) for line in (folder / "samples.jsonl").read_text().splitlines()]


def sample(folder, line):
    given = {}
    if "image" in line:
        given["image"] = np.asarray(Image.open(folder / line["image"]).convert("RGB"))
    if "audio" in line:
        given["audio"] = log_mel(window(soundfile.read(folder / line["audio"], dtype="float32")[0])[None])[0]
    if "text" in line:
        given["ids"] = tokens.typed(line["text"], [Turn(turn["text"], turn["answer"]) for turn in line.get("turns", [])])
    return Sample(line["id"], line["split"], line["ask"], given, line["references"][0], line)


def window(samples):
    """Exactly four seconds: silence behind what is shorter."""
    return np.concatenate([samples, np.zeros(max(0, WINDOW_SAMPLES - len(samples)), np.float32)])[:WINDOW_SAMPLES]
