"""How the model behaves on a reference set when something is wrong: noise on a side, nothing there, or two answers.

    python behaviour.py --bundle ../zoo/av-digits --set ../../calibration/sets/av-digits

Prints accuracy, attention and confidence in each situation, and how far the two embeddings are from one another.
"""

import argparse
import pathlib
import time

import numpy as np
from sklearn.metrics import roc_auc_score

from features import IMAGE_SIDE, WINDOW_SAMPLES, log_mel, normalise
from picture import to_8_bit
from reference import Runtime, read_set
from sound import to_16_bit

SEED = 5
NOISE_LEVEL = 0.1      # root mean square of the white noise that stands for a sound
SLOTS = ("image", "audio")


def softmax(logits):
    """Shares of the classes, rows of `logits`."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def situations(rng, images, sounds, labels):
    """{name: (images, sounds)}: clean, one side noise, one side missing, and sounds of another digit."""
    count = len(labels)
    black, silence = normalise(np.zeros((1, IMAGE_SIDE, IMAGE_SIDE))), log_mel(np.zeros((1, WINDOW_SAMPLES)))
    snow = normalise(to_8_bit(rng.uniform(0, 255, (count, IMAGE_SIDE, IMAGE_SIDE))))
    hiss = log_mel(to_16_bit(rng.normal(0, NOISE_LEVEL, (count, WINDOW_SAMPLES))))
    others = np.array([rng.choice(np.flatnonzero(labels != label)) for label in labels])
    return {
        "both clean": (images, sounds), "picture is noise": (snow, sounds), "sound is white noise": (images, hiss),
        "picture black": (np.repeat(black, count, 0), sounds), "sound silent": (images, np.repeat(silence, count, 0)),
        "they disagree": (images, sounds[others]),
    }


def distances(answer):
    """1 − u·v of every row's two embeddings."""
    return 1 - (answer["image_embedding"] * answer["audio_embedding"]).sum(1)


def median_latency_us(runtime, image, sound, runs=300):
    """Of one answer, on one thread."""
    latencies = []
    for _ in range(runs):
        started = time.perf_counter()
        runtime.answer(image, sound)
        latencies.append(time.perf_counter() - started)
    return 1e6 * np.median(latencies)


def report(path, images, sounds, labels):
    """Prints the tables of one graph."""
    runtime = Runtime(path)
    answers = {name: runtime.answers(*pair) for name, pair in situations(np.random.default_rng(SEED), images, sounds, labels).items()}
    print(f"\n### {path.name}, {len(labels)} pairs\n\n| | accuracy | attention on the picture | mean confidence | mean distance |\n|---|---|---|---|---|")
    for name, answer in answers.items():
        right, confidence = (answer["logits"].argmax(1) == labels).mean(), softmax(answer["logits"]).max(1).mean()
        print(f"| {name} | {right:.4f} | {answer['attention'][:, 0].mean():.3f} | {confidence:.3f} | {distances(answer).mean():.3f} |")
    belonging, shuffled = distances(answers["both clean"]), distances(answers["they disagree"])
    truth = np.repeat([1, 0], len(labels))
    print(f"\nA belonging pair is told from a shuffled one by its distance with AUC {roc_auc_score(truth, -np.concatenate([belonging, shuffled])):.4f}.")
    print(f"One answer takes {median_latency_us(runtime, images[0], sounds[0]):.0f} us (median, ONNX Runtime {runtime.version}, one thread).")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bundle", "set"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    samples = [sample for sample in read_set(arguments.set) if sample.split == "test"]
    images, sounds = (np.stack([getattr(sample, side) for sample in samples]) for side in SLOTS)
    for precision in ("fp32", "int8"):
        report(arguments.bundle / f"model.{precision}.onnx", images, sounds, np.array([sample.label for sample in samples]))


if __name__ == "__main__":
    main()
