"""Speaks the 107 questions in four languages with every voice of a source: one archive per source.

    python -m shape_talk.speech kokoro --voices node_modules/kokoro-js/voices --out clips/

An archive holds clips of int16 at 8 kHz end to end, their starts, languages, questions (0..106) and voices. Seeded by
source, voice, language and question, so that an archive with more takes begins like one with fewer.

Held out, never trained on: SVOX Pico, which speaks all four languages, flite, and Kokoro's and eSpeak's voices named below.
"""

import argparse
import pathlib
import time

import numpy as np

import engines
from shape_talk.questions import LANGUAGES, TRANSLATIONS
from synthesis import ESPEAK_ACCENTS, ESPEAK_HELD_OUT, ESPEAK_VARIANTS, FLITE_VOICES, KOKORO_HELD_OUT, kokoro_styles, seeded, trim

ACCENTS = {"en": ESPEAK_ACCENTS, "es": ["es", "es-419"], "fr": ["fr-fr", "fr-be", "fr-ch"], "it": ["it"]}
# What the ancestor of espeak-ng calls them; it has fewer variants.
OLD_ACCENTS = {"en": ["en-uk", "en-us", "en-sc", "en-n", "en-rp", "en-wm"], "es": ["es", "es-la"], "fr": ["fr", "fr-be"], "it": ["it"]}
OLD_VARIANTS = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "klatt", "klatt2", "klatt3", "klatt4"]
# Those under a permissive licence; the two Italian ones, lp_diphone and pc_diphone, are under the GPL.
FESTIVAL = [("ked_diphone", "en")]
PICO = [("en-GB", "en"), ("en-US", "en"), ("es-ES", "es"), ("fr-FR", "fr"), ("it-IT", "it")]
KOKORO_ACCENTS = {"en": ["en-us", "en-gb"], "es": ["es", "es-419"], "fr": ["fr-fr"], "it": ["it"]}
# Whose mother tongue is the language, or one close to it.
KOKORO_NATIVES = {
    "en": ("af_", "am_", "bf_", "bm_"), "es": ("ef_dora", "em_alex", "em_santa"), "fr": ("ff_siwis",), "it": ("if_sara", "im_nicola"),
}


def each(takes):
    """(language, question, take) with all questions once before any twice."""
    for take in range(takes):
        for question in range(len(TRANSLATIONS["en"])):
            yield from ((language, question, take) for language in LANGUAGES)


def draw(source, *what):
    return seeded(f"shape-talk-{source}", "/".join(map(str, what)))


def espeak_clips(variants, accents, takes, program):
    """A random variant, accent, speed and pitch for each take."""
    for language, question, take in each(takes):
        rng = draw(program, language, question, take)
        variant = rng.choice(variants)
        voice = f"{rng.choice(accents[language])}+{variant}"
        speed, pitch = int(rng.integers(120, 200)), int(rng.integers(15, 85))
        yield language, question, f"{program}-{variant}", engines.espeak(TRANSLATIONS[language][question], voice, speed, pitch, program)


def festival_clips(takes):
    for language, question, take in each(takes):
        for voice, spoken in FESTIVAL:
            if spoken == language:
                stretch = round(draw("festival", voice, question, take).uniform(0.8, 1.35), 2)
                yield language, question, f"festival-{voice}", engines.festival(TRANSLATIONS[language][question], voice, stretch)


def flite_clips(takes):
    for language, question, take in each(takes):
        for voice in FLITE_VOICES if language == "en" else []:
            rng = draw("flite", voice, question, take)
            pitch_hz = {"awb": 125, "kal16": 95, "rms": 100, "slt": 180}[voice] * rng.uniform(0.9, 1.1)
            yield language, question, f"flite-{voice}", engines.flite(
                TRANSLATIONS[language][question], voice, round(rng.uniform(0.85, 1.2), 2), round(pitch_hz))


def pico_clips(takes):
    for language, question, take in each(takes):
        for voice, spoken in PICO:
            if spoken == language:
                rng = draw("pico", voice, question, take)
                speed, pitch = round(rng.uniform(0.85, 1.2), 2), round(rng.uniform(0.9, 1.1), 2)
                text = TRANSLATIONS[language][question].lstrip("¿")          # Pico makes a pause of it
                yield language, question, f"pico-{voice}", engines.pico(text, voice, speed, pitch)


def kokoro_voice(rng, styles, language):
    """A voice, or a person nobody recorded: a mixture of three, half of the time led by a native speaker."""
    names = sorted(styles)
    natives = [name for name in names if name.startswith(KOKORO_NATIVES[language])]
    if rng.random() < 0.2:
        name = rng.choice(natives)
        return name, styles[name]
    chosen, shares = rng.choice(names, 3, replace=False), np.sort(rng.dirichlet([1, 1, 1]))[::-1]
    if rng.random() < 0.6:
        chosen[0] = rng.choice(natives)
    return "blend", sum(share * styles[name] for share, name in zip(shares, chosen))


def kokoro_clips(styles, takes, source="kokoro"):
    for language, question, take in each(takes):
        rng = draw(source, language, question, take)
        name, style = kokoro_voice(rng, styles, language)
        sounds = engines.kokoro_sounds(TRANSLATIONS[language][question], rng.choice(KOKORO_ACCENTS[language]))
        row = style[int(rng.integers(15, 60))]
        yield language, question, f"{source}-{name}", engines.kokoro(sounds, row, round(rng.uniform(0.8, 1.3), 2), rng.choice(["?", "."]))


def cousin_clips(styles, takes):
    """Voices that training never heard, of synthesizers that it did: a third of the questions, to calibrate with."""
    third = (what for what in each(takes) if what[1] % 3 == 0)
    for number, (language, question, take) in enumerate(third):
        rng = draw("cousins", language, question, take)
        text = TRANSLATIONS[language][question]
        if number // len(LANGUAGES) % 2:
            variant = rng.choice(ESPEAK_HELD_OUT)
            voice = f"{rng.choice(ACCENTS[language])}+{variant}"
            yield language, question, f"espeak-ng-{variant}", engines.espeak(text, voice, int(rng.integers(130, 185)), int(rng.integers(20, 80)))
        else:
            name = rng.choice(KOKORO_HELD_OUT)
            sounds = engines.kokoro_sounds(text, rng.choice(KOKORO_ACCENTS[language]))
            yield language, question, f"kokoro-{name}", engines.kokoro(sounds, styles[name][30], round(rng.uniform(0.9, 1.2), 2), "?")


def source_clips(source, arguments):
    """(language, question, voice, samples) of everything a source says."""
    styles = kokoro_styles(arguments.voices) if arguments.voices else {}
    heard = {name: style for name, style in styles.items() if name not in KOKORO_HELD_OUT}
    variants = [name for name in ESPEAK_VARIANTS if name not in ESPEAK_HELD_OUT]
    old_variants = [name for name in OLD_VARIANTS if name not in ESPEAK_HELD_OUT]
    return {
        "espeak-ng": lambda: espeak_clips(variants, ACCENTS, arguments.takes or 14, "espeak-ng"),
        "espeak": lambda: espeak_clips(old_variants, OLD_ACCENTS, arguments.takes or 4, "espeak"),
        "festival": lambda: festival_clips(arguments.takes or 1), "flite": lambda: flite_clips(arguments.takes or 1),
        "pico": lambda: pico_clips(arguments.takes or 2), "kokoro": lambda: kokoro_clips(heard, arguments.takes or 2),
        "cousins": lambda: cousin_clips(styles, 1),
    }[source]()


def save(path, clips):
    """clips: list of (language, question, voice, samples int16)."""
    languages, questions, voices, samples = zip(*clips)
    np.savez(path, samples=np.concatenate(samples), starts=np.cumsum([0, *map(len, samples)]), languages=languages,
             questions=np.array(questions, np.int16), voices=voices)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=["espeak-ng", "espeak", "festival", "flite", "kokoro", "pico", "cousins"])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--voices", type=pathlib.Path, help="folder of kokoro-js's voices")
    parser.add_argument("--takes", type=int, help="of each question and language")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    clips, saved = [], time.monotonic()
    for language, question, voice, samples in source_clips(arguments.source, arguments):
        clips.append((language, question, voice, trim(samples)))
        if time.monotonic() - saved > 120:                      # slow sources: keep what is done
            save(arguments.out / f"{arguments.source}.npz", clips)
            saved = time.monotonic()
    save(arguments.out / f"{arguments.source}.npz", clips)
    print(f"{arguments.source}: {len(clips)} clips")


if __name__ == "__main__":
    main()
