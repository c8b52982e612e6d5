"""The table of the card: held-out pictures and voices, regenerated with the training's mild distortions.

    python evaluate.py --bundle ../zoo/av-digits --mnist DIGITS --asterisk DIGITS --clips CLIPS [--fsdd FSDD --voice fsdd-theo]

Runs both graphs with ONNX Runtime on at least 5,000 pairs and prints accuracy with 95 % Wilson intervals.
"""

import argparse
import pathlib

import numpy as np
import onnxruntime

import picture
import sound
from clips import load, load_asterisk, load_fsdd
from features import WINDOW_SAMPLES, log_mel, normalise
from handwriting import held_out
from pools import HELD_OUT_VOICES
from reference import Runtime

PAIRS = 6000
SEED = 77
EVALUATED_SNR_DB = (20.0, 45.0)


def held_out_clips(asterisk, folder):
    """Every clip of a voice that training never heard."""
    clips = load_asterisk(asterisk)
    for source in ("flite", "pico", "piper"):
        clips += load(folder / f"{source}.npz")
    for source in ("kokoro", "espeak"):
        clips += [clip for clip in load(folder / f"{source}.npz") if clip.voice in HELD_OUT_VOICES]
    return clips


def as_recorded(rng, word):
    """The word anywhere in one second of faint noise, and nothing else done to it."""
    word, window = word[:WINDOW_SAMPLES], rng.normal(0, 1e-4, WINDOW_SAMPLES)
    start = rng.integers(WINDOW_SAMPLES - len(word) + 1)
    window[start: start + len(word)] += word * (0.4 / np.abs(word).max())
    return sound.to_16_bit(window)


def regenerate(clips, digits, count, plain=False):
    """`count` pairs (sounds as recorded if `plain`), voices in turn and digits evenly: gray [n, 28, 28], windows [n, 8000], labels, voices."""
    rng = np.random.default_rng(SEED)
    table = {}
    for clip in clips:
        table.setdefault((clip.voice, clip.label), []).append(clip.samples)
    keys = sorted(table)
    babble = [clip.samples for clip in clips[::11]]
    pictures, windows = [], []
    for number in range(count):
        _, label = keys[number % len(keys)]
        takes = table[keys[number % len(keys)]]
        word = takes[rng.integers(len(takes))]
        windows.append(as_recorded(rng, word) if plain else sound.window(rng, word, rng.uniform(*EVALUATED_SNR_DB), babble))
        pictures.append(picture.view(rng, digits[label][rng.integers(len(digits[label]))]))
    chosen = [keys[number % len(keys)] for number in range(count)]
    return np.stack(pictures), np.stack(windows), np.array([label for _, label in chosen]), np.array([voice for voice, _ in chosen])


def wilson(right, count):
    """95 % interval of a rate."""
    rate, z = right / count, 1.96
    middle, half = rate + z * z / (2 * count), z * np.sqrt(rate * (1 - rate) / count + z * z / (4 * count**2))
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def show(name, right):
    """One line: a rate with its interval and count."""
    low, high = wilson(right.sum(), len(right))
    print(f"| {name} | {right.mean():.4f} | {low:.4f} to {high:.4f} | {len(right)} |")


def answers(path, pictures, windows):
    """Outputs of one graph with both sides, the picture alone and the sound alone."""
    image, audio = normalise(pictures), log_mel(windows)
    black, silence = normalise(np.zeros_like(pictures)), log_mel(np.zeros_like(windows[:1])).repeat(len(windows), 0)
    runtime = Runtime(path)
    return {"fused": runtime.answers(image, audio), "image alone": runtime.answers(image, silence), "sound alone": runtime.answers(black, audio)}


def report(path, pictures, windows, labels, voices):
    """Prints one graph's table; returns whether each fused answer was right."""
    print(f"\n### {path.name}\n\n| | accuracy | 95 % | n |\n|---|---|---|---|")
    right = {name: output["logits"].argmax(1) == labels for name, output in answers(path, pictures, windows).items()}
    for name, values in right.items():
        show(name, values)
    for voice in np.unique(voices):
        show(f"sound alone, {voice}", right["sound alone"][voices == voice])
    return right


def compare(right):
    """Paired difference of the int8 graph to the float one, in points."""
    print("\n| int8 − fp32, paired | points | only fp32 right | only int8 right |\n|---|---|---|---|")
    for name in right["fp32"]:
        float_right, int_right = right["fp32"][name], right["int8"][name]
        print(f"| {name} | {100 * (int_right.mean() - float_right.mean()):+.2f} | {(float_right & ~int_right).sum()} | {(int_right & ~float_right).sum()} |")


def attention_table(path, pictures, windows):
    """Mean attention on the picture as noise on one side grows."""
    rng = np.random.default_rng(SEED)
    runtime = Runtime(path)
    print("\n| noise on the picture (σ, share of full scale) | attention on the picture |\n|---|---|")
    for sigma in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6):
        noisy = picture.to_8_bit(pictures + rng.normal(0, sigma * 255, pictures.shape))
        print(f"| {sigma} | {runtime.answers(normalise(noisy), log_mel(windows))['attention'][:, 0].mean():.3f} |")
    print("\n| noise on the sound (SNR, dB) | attention on the picture |\n|---|---|")
    level = np.sqrt((windows**2).mean(1, keepdims=True))
    for snr_db in (40, 20, 10, 0, -10, -20):
        noisy = sound.to_16_bit(windows + level * 10 ** (-snr_db / 20) * rng.normal(0, 1, windows.shape))
        print(f"| {snr_db} | {runtime.answers(normalise(pictures), log_mel(noisy))['attention'][:, 0].mean():.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bundle", "mnist", "asterisk", "clips"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--fsdd", type=pathlib.Path)
    parser.add_argument("--voice", help="score this FSDD voice instead, for a model trained without it")
    parser.add_argument("--plain", action="store_true", help="sounds as recorded")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    arguments = parser.parse_args()
    clips = held_out_clips(arguments.asterisk, arguments.clips)
    if arguments.voice:
        clips = [clip for clip in load_fsdd(arguments.fsdd) if clip.voice == arguments.voice]
    material = regenerate(clips, held_out(arguments.mnist), arguments.pairs, arguments.plain)
    paths = {precision: arguments.bundle / f"model.{precision}.onnx" for precision in ("fp32", "int8")}
    right = {precision: report(path, *material) for precision, path in paths.items() if path.exists()}
    if len(right) == 2:
        compare(right)
    attention_table(paths[list(right)[-1]], material[0][:400], material[1][:400])
    print(f"\nONNX Runtime {onnxruntime.__version__}, {arguments.pairs} pairs, seed {SEED}")


if __name__ == "__main__":
    main()
