"""Builds the reference set shape-talk: pictures of easy-vqa's test part, asked about by voices no model of ours has heard.

    python build_shape_talk.py --clips CLIPS --out shape-talk

CLIPS holds pico.npz, flite.npz and cousins.npz of models/training/shape_talk/speech.py. Seeded: the same inputs give the
same bytes.
"""

import argparse
import json
import pathlib
import shutil
import sys
from typing import NamedTuple

import numpy as np
import soundfile
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models" / "training"))
from checksums import write_checksums  # noqa: E402
from features import SAMPLE_RATE_HZ  # noqa: E402
from shape_talk import pictures, sentences  # noqa: E402
from shape_talk.hearing import WINDOW_SAMPLES, load  # noqa: E402
from shape_talk.pools import fit  # noqa: E402
from shape_talk.questions import COLOURS, LANGUAGES, QUESTIONS, SHAPES, Question  # noqa: E402
from shape_talk.tokens import ASKS  # noqa: E402

VERSION = "1.0.0"
SEED = 20261125
# How many samples of each kind; of what is spoken, in each language. No voice has fewer than 30 to test with.
COUNTS = {
    "test": {"typed": 120, "caption": 60, "dialogue": 120, "spoken": [76, 40, 40, 40], "translate": [52, 32, 32, 32]},
    "calibration": {"typed": 12, "caption": 8, "dialogue": 12, "spoken": [4] * 4, "translate": [3] * 4},
}
# Answers in turn, and whether what is asked about is there: by chance alone it would seldom be.
ANSWERS = [("yes", True), ("no", False), ("shape", True), ("colour", True), ("yes", False), ("no", True), ("shape", True), ("colour", True)]
FOLLOW_UPS = ["sure", "other", "colour", "shape"]
# Archives and the voices taken from them: only what may be given away with its sound, see ATTRIBUTION.md.
SOURCES = {
    "test": {"pico": ("pico-en-US", "pico-es-ES", "pico-fr-FR", "pico-it-IT"), "flite": ("flite-awb", "flite-rms", "flite-slt")},
    "calibration": {"cousins": ("kokoro-",)},
}
STEP = 16                        # of the samples' numbers: twelve bits, as a plain microphone has them


class Piece(NamedTuple):
    """What one sample is made of; what it hasn't is None or empty."""

    ask: str
    reference: str
    slices: dict
    picture: pictures.Picture = None
    clip: object = None
    text: str = ""
    turns: list = ()


class Builder:
    """Draws pictures and voices without repeating a picture, and writes what it draws."""

    def __init__(self, out, clips):
        self.out, self.rng, self.lines = out, np.random.default_rng(SEED), []
        self.shown, asked = pictures.load("test")
        self.asked = {}
        for item in asked:
            self.asked.setdefault(item.picture, []).append(item)
        self.waiting = self.by_kind()
        self.clips = {split: wanted_clips(clips, sources) for split, sources in SOURCES.items()}

    def by_kind(self):
        """Numbers of pictures not yet used, shuffled, by shape and colour."""
        kinds = {(shape, colour): [] for colour in COLOURS for shape in SHAPES}
        for number in self.rng.permutation(list(self.shown)):
            picture = self.shown[number]
            kinds[picture.shape, picture.colour].append(number)
        return kinds

    def picture(self, suits=lambda picture: True):
        """A picture that suits; of the kinds that have one, that with the most left, so that all are as frequent."""
        for kind in sorted(self.waiting, key=lambda kind: -len(self.waiting[kind])):
            for place, number in enumerate(self.waiting[kind]):
                if suits(self.shown[number]):
                    return self.shown[self.waiting[kind].pop(place)]
        raise SystemExit("no picture left that suits: lower COUNTS")

    def pick(self, choices):
        return choices[self.rng.integers(len(choices))]

    def asked_for(self, number):
        """A picture, and one of easy-vqa's own questions about it whose answer is of the kind whose turn it is."""
        wanted = ANSWERS[number % len(ANSWERS)]
        fits = lambda picture: [item for item in self.asked[picture.number] if (answer_kind(item.answer), is_there(item, picture)) == wanted]
        picture = self.picture(suits=fits)
        return picture, QUESTIONS[self.pick(fits(picture)).question]

    def clip(self, split, number, language, question=None):
        """A take, of that question if one is named; the language's voices in turn, each with all kinds of answers."""
        mine = [clip for clip in self.clips[split] if clip.language == language]
        voices = sorted({clip.voice for clip in mine})
        voice = voices[(number + number // len(ANSWERS)) % len(voices)]
        return self.pick([clip for clip in mine if clip.voice == voice and question in (None, clip.question)])

    def typed(self, split, number):
        picture, question = self.asked_for(number)
        return answered(question, picture, text=question.text)

    def spoken(self, split, number, language):
        """A question aloud: in the calibration split whatever its few voices said, of a picture that it may be asked of."""
        if split == "test":
            picture, question = self.asked_for(number)
            return answered(question, picture, clip=self.clip(split, number, language, QUESTIONS.index(question)))
        clip = self.clip(split, number, language)
        question = QUESTIONS[clip.question]
        return answered(question, self.picture(lambda it: sentences.may_be_asked(question, it.shape, it.colour)), clip=clip)

    def caption(self, split, number):
        picture = self.picture()
        return Piece("caption", sentences.caption(picture.shape, picture.colour), {}, picture)

    def translate(self, split, number, language):
        clip = self.clip(split, number, language)
        question = QUESTIONS[clip.question]
        return Piece("translate", question.text, {"question": question.kind}, clip=clip)

    def dialogue(self, split, number):
        """A follow-up of the kind whose turn it is; every third with another turn in front."""
        kind = FOLLOW_UPS[number % len(FOLLOW_UPS)]
        while True:
            picture, question = self.asked_for(number // len(FOLLOW_UPS))
            if kind in sentences.kinds(question):
                break
            self.waiting[picture.shape, picture.colour].append(picture.number)
            number += len(FOLLOW_UPS)
        before = QUESTIONS[self.pick(self.asked[picture.number]).question] if number % 3 == 0 else None
        talk = sentences.dialogue(self.rng, question, picture.shape, picture.colour, before)
        while talk.kind != kind:
            talk = sentences.dialogue(self.rng, question, picture.shape, picture.colour, before)
        turns = [{"text": turn.text, "answer": turn.answer} for turn in talk.turns]
        return Piece("dialogue", talk.answer, {"follow_up": kind}, picture, text=talk.text, turns=turns)

    def write(self, split, piece):
        """One sample: its files and its line."""
        name = f"{len(self.lines):04}"
        line = {"id": name, "split": split, "ask": piece.ask}
        if piece.picture:
            line["image"] = f"images/{name}.png"
            Image.fromarray(piece.picture.pixels).save(self.out / line["image"], optimize=True)
        if piece.clip:
            line["audio"] = f"audio/{name}.flac"
            soundfile.write(self.out / line["audio"], self.window(piece.clip), SAMPLE_RATE_HZ, subtype="PCM_16", compression_level=1.0)
        line |= {"turns": piece.turns} if piece.turns else {}
        line |= {"text": piece.text} if piece.text else {}
        line |= {"references": [piece.reference], "cluster": piece.clip.voice if piece.clip else f"picture-{piece.picture.number}"}
        self.lines.append(line | {"slice": slices(piece)} | regions(piece.picture))

    def window(self, clip):
        """The question a little into its four seconds, at some level; digital silence around it. int16 [at most 32000]."""
        speech = fit(clip.samples.astype(np.float32))
        start = self.rng.integers(800, max(801, min(6400, WINDOW_SAMPLES - len(speech) - 800)))
        start = min(start, WINDOW_SAMPLES - len(speech))
        level = 10 ** (self.rng.uniform(-20, -3) / 20)
        return np.concatenate([np.zeros(start, np.int16), (np.round(speech * level / STEP) * STEP).astype(np.int16)])

    def build(self):
        """Every kind in turn, so that a short run meets them all."""
        for split, counts in COUNTS.items():
            for number in range(max(max(counts["spoken"]), counts["typed"], counts["dialogue"])):
                for kind in ("typed", "caption", "dialogue"):
                    if number < counts[kind]:
                        self.write(split, getattr(self, kind)(split, number))
                for kind in ("spoken", "translate"):
                    for language in (language for language, count in zip(LANGUAGES, counts[kind]) if number < count):
                        self.write(split, getattr(self, kind)(split, number, language))
        (self.out / "samples.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines))
        return {split: sum(line["split"] == split for line in self.lines) for split in COUNTS}


def wanted_clips(folder, sources):
    """The clips of some archives whose voices' names begin so."""
    return [clip for source, names in sources.items() for clip in load(folder / f"{source}.npz") if clip.voice.startswith(names)]


def answer_kind(word):
    """What easy-vqa's one-word answer is: yes, no, a shape or a colour."""
    return word if word in ("yes", "no") else "shape" if word in SHAPES else "colour"


def is_there(item, picture):
    """Whether a picture has what is asked about; what is asked to be named always is there."""
    question = QUESTIONS[item.question]
    return question.kind != "presence" or sentences.holds(question.about, picture.shape, picture.colour)


def answered(question: Question, picture, **given):
    """A question of a picture, typed or aloud."""
    said = sentences.answer(question, picture.shape, picture.colour)
    kind = answer_kind(said.split(",")[0] if "," in said else said.split()[-1])
    return Piece("answer", said, {"question": question.kind, "answer": kind}, picture, **given)


def slices(piece):
    """The groups of a sample: how it is asked, by whom, and what is to be seen."""
    found = {"given": "spoken" if piece.clip else "typed" if piece.text else "picture"} | piece.slices
    if piece.clip:
        found |= {"language": piece.clip.language, "speaker": piece.clip.voice, "synthesizer": piece.clip.voice.split("-")[0]}
    if piece.picture:
        found |= {"shape": piece.picture.shape, "colour": piece.picture.colour}
    return found


def regions(picture):
    """Where the shape is, in pixels of the stored picture."""
    if picture is None:
        return {}
    return {"regions": [{"input": "image", **dict(zip(("x", "y", "width", "height"), picture.box))}]}


def write_identity(out, counts):
    """files.sha256 over every other file, then set.toml with its sum."""
    total = write_checksums(out)
    splits = ", ".join(f"{name} = {count}" for name, count in counts.items())
    (out / "set.toml").write_text(f'''schema = 1
name = "shape-talk"
version = "{VERSION}"
task = "generation"
licence = "MIT AND Apache-2.0 AND MIT-CMU"
source = "easy-vqa 1.0 (test part); SVOX Pico (py-nanotts 0.1.1); flite 2.2; Kokoro-82M. All of it is synthetic"
description = "A picture of one shape, asked about in writing or aloud in English, Spanish, French or Italian; answers in English"
modalities = ["image", "audio", "text"]
asks = {json.dumps(ASKS)}
splits = {{ {splits} }}
files_sha256 = "{total}"
''')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    for folder in ("images", "audio"):
        (arguments.out / folder).mkdir(parents=True)
    for text in (pathlib.Path(__file__).parent / "texts" / "shape-talk").glob("*.md"):
        shutil.copy(text, arguments.out)
    counts = Builder(arguments.out, arguments.clips).build()
    write_identity(arguments.out, counts)
    size = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    print(f"{arguments.out}: {counts}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
