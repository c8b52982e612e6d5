"""Training material, distorted once and kept: sounds as log-mel, pictures as 8-bit gray.

    python pools.py --fsdd FSDD --clips CLIPS --mnist DIGITS --out pool.npz

A pool's `quality` is 1 for a clear digit, falls towards 0 with noise, and is 0 where there is no digit; the training
uses it to say where attention should go.
"""

import argparse
import pathlib
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import picture
import sound
from clips import load, load_fsdd
from features import log_mel
from handwriting import training
from synthesis import ESPEAK_HELD_OUT, KOKORO_HELD_OUT

# Share of each source among the sounds. People and Kokoro's natural voices count most.
SHARES = {"fsdd": 0.36, "kokoro": 0.36, "espeak": 0.25, "festival": 0.03}
HELD_OUT_VOICES = {f"espeak-{name}" for name in ESPEAK_HELD_OUT} | {f"kokoro-{name}" for name in KOKORO_HELD_OUT}
HARD_PICTURES = 0.35
TRIMMED_WORDS = 0.4
CHUNK = 500


class Words:
    """Clips drawn evenly: source by share, then voice, then digit."""

    def __init__(self, clips):
        table = {}
        for clip in clips:
            voices = table.setdefault(clip.voice.split("-")[0], {})
            voices.setdefault(clip.voice, {}).setdefault(clip.label, []).append(clip.samples)
        self.table, self.sources = table, sorted(table)
        self.shares = np.array([SHARES[source] for source in self.sources]) / sum(SHARES[source] for source in self.sources)
        self.babble = [clip.samples for clip in clips if clip.voice.startswith("espeak")][::5]

    def draw(self, rng):
        """(samples, label, voice)."""
        voices = self.table[self.sources[rng.choice(len(self.sources), p=self.shares)]]
        voice = sorted(voices)[rng.integers(len(voices))]
        by_label = voices[voice]
        label = sorted(by_label)[rng.integers(len(by_label))]
        takes = by_label[label]
        return takes[rng.integers(len(takes))], label, voice


def training_clips(fsdd, folder):
    """Every clip that may be trained on."""
    clips = [clip for source in ("kokoro", "espeak", "festival") for clip in load(folder / f"{source}.npz")]
    clips += load_fsdd(fsdd)
    return [clip for clip in clips if clip.voice not in HELD_OUT_VOICES]


def sound_chunk(words, seed, kind, count):
    """(log-mel float16 [count, 97, 40], labels, quality, voices)."""
    rng = np.random.default_rng([seed, 1])
    windows, labels, quality, voices = [], [], [], []
    for _ in range(count):
        samples, label, voice = words.draw(rng)
        if rng.random() < TRIMMED_WORDS:
            samples = sound.trim(rng, samples)
        if kind == "empty":
            windows.append(sound.empty(rng, words.babble))
            quality.append(0.0)
        else:
            snr_db = rng.uniform(*(sound.CLEAN_SNR_DB if kind == "clean" else sound.NOISY_SNR_DB))
            windows.append(sound.window(rng, samples, snr_db, words.babble))
            quality.append(np.clip((snr_db + 15) / 30, 0, 1))
        labels.append(label)
        voices.append(voice)
    features = log_mel(np.stack(windows)).astype(np.float16)
    return features, np.array(labels, np.int8), np.array(quality, np.float32), np.array(voices)


def picture_chunk(digits, seed, kind, count):
    """(gray uint8 [count, 28, 28], labels, quality)."""
    rng = np.random.default_rng([seed, 2])
    pictures, labels, quality = [], [], []
    for _ in range(count):
        label = int(rng.integers(10))
        shown = picture.view(rng, digits[label][rng.integers(len(digits[label]))])
        if rng.random() < HARD_PICTURES:
            shown = picture.camera(rng, shown)
        strength = 0.0 if kind == "clean" else rng.uniform(0.2, 2.5)
        if kind != "clean":
            shown = picture.empty(rng) if kind == "empty" else picture.spoil(rng, shown, strength)
        pictures.append(shown.astype(np.uint8))
        labels.append(label)
        quality.append(0.0 if kind == "empty" else np.clip(1 - strength / 2, 0, 1))
    return np.stack(pictures), np.array(labels, np.int8), np.array(quality, np.float32)


def share_source(source):
    """Gives a worker process what it draws from, once."""
    global SOURCE
    SOURCE = source


def run_chunk(chunk, *arguments):
    """One chunk in a worker process."""
    return chunk(SOURCE, *arguments)


def in_parallel(workers, chunk, source, seed, sizes):
    """{kind: joined arrays} of `sizes` {kind: count}, each chunk with its own seed."""
    with ProcessPoolExecutor(workers, initializer=share_source, initargs=(source,)) as executor:
        jobs = {
            kind: [executor.submit(run_chunk, chunk, seed * 100_000 + number * 10_000 + index, kind, CHUNK) for index in range(count // CHUNK)]
            for number, (kind, count) in enumerate(sizes.items())
        }
        return {kind: [np.concatenate(parts) for parts in zip(*(job.result() for job in futures))] for kind, futures in jobs.items()}


def save(path, sounds, pictures):
    """Archives both, as sound_clean_labels and so on."""
    arrays = {}
    for name, pool in (("sound", sounds), ("picture", pictures)):
        for kind, values in pool.items():
            arrays |= {f"{name}_{kind}_{part}": value for part, value in zip(("values", "labels", "quality", "voices"), values)}
    np.savez(path, **arrays)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("fsdd", "clips", "mnist", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--size", type=int, default=80_000, help="clean sounds; the rest follows")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    words = Words(training_clips(arguments.fsdd, arguments.clips))
    sizes = {"clean": arguments.size, "noisy": arguments.size // 4, "empty": arguments.size // 10}
    sounds = in_parallel(arguments.workers, sound_chunk, words, arguments.seed, sizes)
    pictures = in_parallel(arguments.workers, picture_chunk, training(arguments.mnist), arguments.seed, sizes)
    save(arguments.out, sounds, pictures)


if __name__ == "__main__":
    main()
