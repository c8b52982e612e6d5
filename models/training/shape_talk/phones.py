"""The sounds of each question as eSpeak NG writes them: what the audio encoder is taught to spell. Training only."""

import functools
import subprocess

import numpy as np

from shape_talk.questions import LANGUAGES, TRANSLATIONS

ESPEAK = {"en": "en-us", "es": "es", "fr": "fr-fr", "it": "it"}
MARKS = set("ˈˌː-^ \n_") | {"\u0303"}     # stress, length, nasality: left out, as dialects differ most there
LIKE = {"ɚ": "ə", "ᵻ": "ɪ", "ɐ": "ə", "ɡ": "g", "ɾ": "r", "ɹ": "r", "ɜ": "ə"}
LONGEST = 44


@functools.cache
def spellings():
    """{language: 107 strings of sounds}, and the alphabet; 0 is CTC's blank."""
    written = {}
    for language in LANGUAGES:
        command = ["espeak-ng", "-q", "-v", ESPEAK[language], "--ipa"]
        lines = [subprocess.run([*command, text], check=True, capture_output=True, text=True).stdout for text in TRANSLATIONS[language]]
        written[language] = ["".join(LIKE.get(sound, sound) for sound in line if sound not in MARKS) for line in lines]
    alphabet = sorted({sound for lines in written.values() for line in lines for sound in line})
    return written, {sound: number + 1 for number, sound in enumerate(alphabet)}


def targets():
    """int32 [4 languages, 107, 44] of sounds, padded with 0."""
    written, alphabet = spellings()
    table = np.zeros((len(LANGUAGES), len(TRANSLATIONS["en"]), LONGEST), np.int32)
    for row, language in enumerate(LANGUAGES):
        for number, line in enumerate(written[language]):
            table[row, number, : len(line)] = [alphabet[sound] for sound in line]
    return table
