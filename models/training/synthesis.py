"""Speaks the ten digits with every voice of a source and keeps the clips in one archive per source.

    python synthesis.py kokoro --voices node_modules/kokoro-js/voices --out clips/

Each archive is clips of int16 at 8 kHz end to end, with their starts, labels and voices. Seeded by source and voice.
"""

import argparse
import pathlib
import zlib

import numpy as np

import engines
from features import LABELS

# Recorded by the same people as flite's voices, which are held out: festival's kal and slt are not used.
FESTIVAL_VOICES = ["ked_diphone"]
FLITE_VOICES = ["awb", "kal16", "rms", "slt"]
PICO_VOICES = ["en-GB", "en-US"]

ESPEAK_ACCENTS = ["en-gb", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-gb-x-rp", "en-us", "en-us-nyc", "en-029"]
# Variants that sound like a person. Whispers, croaks, monsters and robots are left out.
ESPEAK_VARIANTS = (
    "adam Alex Alicia Andrea Andy Annie antonio aunty belinda benjamin boris caleb david Denis Diogo ed edward "
    "edward2 Gene Gene2 gustave Henrique Hugo iven iven2 iven3 iven4 Jacky john kaukovalta Lee linda marcelo Marco "
    "Mario max Michael michel miguel Mike Nguyen pablo paul pedro quincy rob robert steph steph2 steph3 travis "
    "victor zac anika AnxiousAndy f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 grandma grandpa klatt klatt2 klatt3 klatt4 "
    "norbert sandro shelby"
).split()
ESPEAK_HELD_OUT = ["Annie", "f4", "m5", "paul"]
KOKORO_HELD_OUT = ["af_sky", "am_michael", "bf_emma", "bm_george"]


def espeak_clips(rng, variant, takes):
    """Random accent, speed and pitch for each take."""
    for label, word in enumerate(LABELS):
        for _ in range(takes):
            voice = f"{rng.choice(ESPEAK_ACCENTS)}+{variant}"
            yield label, engines.espeak(word, voice, int(rng.integers(110, 190)), int(rng.integers(20, 80)))


def festival_clips(rng, voice, takes):
    for label, word in enumerate(LABELS):
        for _ in range(takes):
            yield label, engines.festival(word, voice, round(rng.uniform(0.8, 1.5), 2))


def flite_clips(rng, voice, takes):
    pitch = {"awb": 125, "kal16": 95, "rms": 100, "slt": 180}[voice]
    for label, word in enumerate(LABELS):
        for _ in range(takes):
            yield label, engines.flite(word, voice, round(rng.uniform(0.85, 1.25), 2), round(pitch * rng.uniform(0.9, 1.1)))


def pico_clips(rng, voice, takes):
    for label, word in enumerate(LABELS):
        for _ in range(takes):
            yield label, engines.pico(word, voice, round(rng.uniform(0.8, 1.15), 2), round(rng.uniform(0.9, 1.1), 2))


def piper_clips(rng, _voice, takes):
    for label, word in enumerate(LABELS):
        for _ in range(takes):
            yield label, engines.piper(word, round(rng.uniform(0.85, 1.2), 2), round(rng.uniform(0.4, 0.9), 2))


def kokoro_clips(rng, style, accent, takes):
    """Style row and speed vary between the takes; `style` is the voice's [510, 256] table."""
    for label in range(10):
        for _ in range(takes):
            row = style[int(rng.integers(3, 40))]
            yield label, engines.kokoro(engines.KOKORO_WORDS[accent][label], row, round(rng.uniform(0.8, 1.25), 2))


def accented_clips(rng, style):
    """One take a digit, each said in a randomly chosen foreign way."""
    for label in range(10):
        row = style[int(rng.integers(3, 40))]
        sounds = str(rng.choice(engines.KOKORO_ACCENTED[label]))
        yield label, engines.kokoro(sounds, row, round(rng.uniform(0.75, 1.3), 2))


def kokoro_styles(folder):
    """{voice: style table} of the voices shipped with kokoro-js."""
    return {path.stem: np.fromfile(path, np.float32).reshape(-1, 256) for path in sorted(folder.glob("*.bin"))}


def kokoro_blend(rng, styles):
    """A person nobody recorded: a random mixture of three training voices."""
    names = sorted(set(styles) - set(KOKORO_HELD_OUT))
    weights = rng.dirichlet([1, 1, 1])
    return sum(weight * styles[name] for weight, name in zip(weights, rng.choice(names, 3, replace=False)))


def kokoro_source(folder, blends, accented):
    """(voice, clips) of each Kokoro voice, of the blends, and of blends that speak as foreigners do."""
    styles = kokoro_styles(folder)
    for name, style in styles.items():
        rng = seeded("kokoro", name)
        takes = 2 if name[0] in "ab" else 1
        yield f"kokoro-{name}", kokoro_clips(rng, style, "b" if name[0] == "b" else rng.choice(["a", "b"], p=[0.8, 0.2]), takes)
    for number in range(blends):
        rng = seeded("kokoro-blend", str(number))
        yield f"kokoro-blend{number:03}", kokoro_clips(rng, kokoro_blend(rng, styles), rng.choice(["a", "b"], p=[0.7, 0.3]), 1)
    for number in range(accented):
        rng = seeded("kokoro-accented", str(number))
        yield f"kokoro-accented{number:03}", accented_clips(rng, kokoro_blend(rng, styles))


def source_voices(source, arguments):
    """(voice, clips) for each voice of a source."""
    if source == "kokoro":
        yield from kokoro_source(arguments.voices, arguments.blends, arguments.accented)
        return
    speak, voices, takes = {
        "espeak": (espeak_clips, ESPEAK_VARIANTS, 4), "festival": (festival_clips, FESTIVAL_VOICES, 10),
        "flite": (flite_clips, FLITE_VOICES, 6), "pico": (pico_clips, PICO_VOICES, 6), "piper": (piper_clips, ["joe"], 6),
    }[source]
    for voice in voices:
        yield f"{source}-{voice}", speak(seeded(source, voice), voice, takes)


def seeded(source, voice):
    """A generator that depends on the names alone, so that adding a voice changes no other."""
    return np.random.default_rng(zlib.crc32(f"{source}/{voice}".encode()))


def trim(samples, threshold_db=-40.0, margin=160):
    """Cuts silence before and after, leaving 20 ms, and brings the peak to 0.9."""
    peak = np.abs(samples).max()
    loud = np.flatnonzero(np.abs(samples) > peak * 10 ** (threshold_db / 20))
    cut = samples[max(0, loud[0] - margin): loud[-1] + margin]
    return np.round(cut * (0.9 * 32767 / peak)).astype(np.int16)


def save(path, clips):
    """clips: list of (samples int16, label, voice)."""
    lengths = [len(samples) for samples, _, _ in clips]
    np.savez(path, samples=np.concatenate([samples for samples, _, _ in clips]), starts=np.cumsum([0, *lengths]),
             labels=[label for _, label, _ in clips], voices=[voice for _, _, voice in clips])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=["espeak", "festival", "flite", "kokoro", "pico", "piper"])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--voices", type=pathlib.Path, help="folder of kokoro-js's voices")
    parser.add_argument("--blends", type=int, default=60)
    parser.add_argument("--accented", type=int, default=60)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    clips = []
    for voice, spoken in source_voices(arguments.source, arguments):
        clips += [(trim(samples), label, voice) for label, samples in spoken]
        if arguments.source == "kokoro":
            save(arguments.out / f"{arguments.source}.npz", clips)   # slow: keep what is done
    save(arguments.out / f"{arguments.source}.npz", clips)
    print(f"{arguments.source}: {len(clips)} clips")


if __name__ == "__main__":
    main()
