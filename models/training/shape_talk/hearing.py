"""What the model hears: four seconds at 8 kHz, and log-mels of them; and the archives that speech.py makes."""

from typing import NamedTuple

import numpy as np

import features

WINDOW_SAMPLES = 32_000          # the longest question, asked slowly, lasts 3.8 s
HOP_SAMPLES = 100
FRAMES = 1 + (WINDOW_SAMPLES - features.FFT) // HOP_SAMPLES


def log_mel(windows):
    """[n, 32000] in [-1, 1] -> float32 [n, 318, 40]."""
    return features.log_mel(windows, HOP_SAMPLES)


class Clip(NamedTuple):
    """One spoken question: int16 samples at 8 kHz, its language, which of the 107 it is, whose voice."""

    samples: np.ndarray
    language: str
    question: int
    voice: str


def load(path):
    """The clips of one archive of speech.py."""
    with np.load(path) as archive:
        samples, starts = archive["samples"], archive["starts"]
        languages, questions, voices = archive["languages"], archive["questions"], archive["voices"]
    return [
        Clip(samples[starts[i]: starts[i + 1]], str(languages[i]), int(questions[i]), str(voices[i])) for i in range(len(questions))]
