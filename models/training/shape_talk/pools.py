"""Spoken questions, distorted and kept as log-mels: what the training hears, one pool a source.

    python -m shape_talk.pools kokoro --clips CLIPS --out POOLS --windows 12

A further pool `empty` holds windows in which nobody speaks.
"""

import argparse
import pathlib

import numpy as np
import soxr

import sound
from features import SAMPLE_RATE_HZ
from shape_talk.hearing import FRAMES, WINDOW_SAMPLES, load, log_mel
from synthesis import seeded

SNR_DB = {"clean": (15.0, 65.0), "noisy": (3.0, 15.0)}
NOISY_SHARE = 0.25
PAUSE_SHARE = 0.15
CHUNK = 250


def window(rng, speech, snr_db, babble):
    """Four seconds that hold a sentence as a free-running microphone would give it. float32 [32000]."""
    speech = soxr.resample(speech, SAMPLE_RATE_HZ * np.exp(rng.uniform(np.log(0.84), np.log(1.2))), SAMPLE_RATE_HZ, quality="LQ")
    if rng.random() < PAUSE_SHARE:
        speech = pause(rng, speech)
    heard = place(rng, fit(speech))
    if rng.random() < 0.5:
        heard = sound.colour(rng, heard)
    if rng.random() < 0.3:
        heard = sound.reverberate(rng, heard)
    heard *= 10 ** (rng.uniform(-30, -2) / 20) / max(np.abs(heard).max(), 1e-6)
    level = np.sqrt(np.mean(heard**2)) * 10 ** (-snr_db / 20)
    return sound.to_16_bit(heard + sound.noise_at(rng, level, babble, WINDOW_SAMPLES))


def pause(rng, speech):
    """A breath of up to 0.6 s at a soft moment between two words, as some synthesizers and many people make one."""
    blocks = np.abs(speech[: len(speech) // 160 * 160]).reshape(-1, 160).max(1)
    inner = blocks[len(blocks) // 5: -len(blocks) // 5]
    softest = np.argsort(inner)[: 4]
    cut = (int(rng.choice(softest)) + len(blocks) // 5) * 160 + 80
    return np.concatenate([speech[:cut], np.zeros(round(rng.uniform(0.1, 0.6) * SAMPLE_RATE_HZ), np.float32), speech[cut:]])


def fit(speech):
    """A sentence that would not fit is said faster."""
    longest = WINDOW_SAMPLES - 400
    return soxr.resample(speech, len(speech), longest, quality="LQ")[:longest] if len(speech) > longest else speech


def place(rng, speech):
    """The sentence anywhere in the window."""
    heard = np.zeros(WINDOW_SAMPLES, np.float32)
    start = rng.integers(WINDOW_SAMPLES - len(speech) + 1)
    heard[start: start + len(speech)] = speech
    return heard


def empty(rng, babble):
    """Four seconds in which nobody speaks to us: silence, or noise from faint to loud."""
    if rng.random() < 0.3:
        return np.zeros(WINDOW_SAMPLES, np.float32)
    return sound.to_16_bit(sound.noise_at(rng, 10 ** (rng.uniform(-75, -15) / 20), babble, WINDOW_SAMPLES))


def as_log_mel(windows):
    """float16 [n, 318, 40], a chunk at a time."""
    chunks = [log_mel(np.stack(windows[i: i + CHUNK])).astype(np.float16) for i in range(0, len(windows), CHUNK)]
    return np.concatenate(chunks)


def distorted(clips, babble, takes, seed):
    """Each clip `takes` times: (log-mels, clips they are of), in chunks to spare memory."""
    parts, whose = [], []
    for take in range(takes):
        for first in range(0, len(clips), CHUNK):
            rng = seeded(f"shape-talk-pool-{seed}-{take}", f"{clips[first].voice}-{first}")
            chunk = clips[first: first + CHUNK]
            kinds = np.where(rng.random(len(chunk)) < NOISY_SHARE, "noisy", "clean")
            windows = [window(rng, clip.samples / np.float32(32768), rng.uniform(*SNR_DB[kind]), babble) for clip, kind in zip(chunk, kinds)]
            parts.append(as_log_mel(windows))
            whose += chunk
    return np.concatenate(parts), whose


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=["espeak-ng", "espeak", "festival", "kokoro", "empty"])
    parser.add_argument("--clips", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--windows", type=int, default=1, help="of each clip; of `empty` altogether")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    babble = [clip.samples / np.float32(32768) for clip in load(arguments.clips / "espeak-ng.npz")[::23]]
    if arguments.source == "empty":
        rng = seeded("shape-talk-pool", f"empty-{arguments.seed}")
        np.savez(arguments.out / "empty.npz", values=as_log_mel([empty(rng, babble) for _ in range(arguments.windows)]))
        return
    values, whose = distorted(load(arguments.clips / f"{arguments.source}.npz"), babble, arguments.windows, arguments.seed)
    assert values.shape[1] == FRAMES
    np.savez(arguments.out / f"{arguments.source}.npz", values=values, languages=[clip.language for clip in whose],
             questions=np.array([clip.question for clip in whose]), voices=[clip.voice for clip in whose])
    print(f"{arguments.source}: {len(values)} windows")


if __name__ == "__main__":
    main()
