"""Recorded and synthesized words, from archives of synthesis.py or from FSDD's WAV files."""

from typing import NamedTuple

import numpy as np
import soundfile

from features import LABELS, SAMPLE_RATE_HZ


class Clip(NamedTuple):
    """One word: float32 samples at 8 kHz in [-1, 1], its label 0..9, whose voice it is."""

    samples: np.ndarray
    label: int
    voice: str


def load(path):
    """The clips of one archive of synthesis.py."""
    with np.load(path) as archive:
        samples = archive["samples"].astype(np.float32) / 32768
        starts, labels, voices = archive["starts"], archive["labels"], archive["voices"]
    return [Clip(samples[starts[i]: starts[i + 1]], int(labels[i]), str(voices[i])) for i in range(len(labels))]


def load_fsdd(folder):
    """FSDD's `{digit}_{speaker}_{index}.wav`, voices named fsdd-SPEAKER."""
    clips = []
    for path in sorted(folder.glob("[0-9]_*_*.wav")):
        samples, rate_hz = soundfile.read(path, dtype="float32")
        if rate_hz != SAMPLE_RATE_HZ:
            raise ValueError(f"{path.name}: {rate_hz} Hz, wanted {SAMPLE_RATE_HZ}")
        digit, speaker, _ = path.stem.split("_")
        clips.append(Clip(samples, int(digit), f"fsdd-{speaker}"))
    return clips


def load_asterisk(folder):
    """The ten human prompts of Debian's asterisk-core-sounds-en-wav. For tests only."""
    return [Clip(soundfile.read(folder / f"{label}.wav", dtype="float32")[0], label, "asterisk-allison") for label in range(len(LABELS))]
