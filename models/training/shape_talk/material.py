"""What train.py learns from: batches drawn from pictures, questions and pools of speech. A batch depends on the seed and its number."""

import numpy as np

from features import FLOOR
from shape_talk import pictures, sentences, tokens
from shape_talk.questions import COLOURS, LANGUAGES, QUESTIONS, SHAPES

QUIET = 4                                # windows without speech in a batch
STEPS_OUT = 12                           # tokens that come out at most, with the end

SHARES = {"kokoro": 0.5, "espeak-ng": 0.28, "espeak": 0.1, "festival": 0.12}
BLACK_SHARE, DUMB_SHARE, BOTH_SHARE, TRANSLATE_SHARE = 0.1, 0.03, 0.08, 0.5
READ_ASKS = {"answer": 0.4, "caption": 0.15, "dialogue": 0.45}


class Speech:
    """The pools of pools.py, drawn from by source, language and question."""

    def __init__(self, folder):
        self.values, self.rows = {}, {}
        for source in SHARES:
            with np.load(folder / f"{source}.npz") as archive:
                self.values[source] = archive["values"]
                languages, questions = archive["languages"], archive["questions"]
            for number, key in enumerate(zip(languages, questions)):
                self.rows.setdefault((source, str(key[0]), int(key[1])), []).append(number)
        with np.load(folder / "empty.npz") as archive:
            self.empty = archive["values"]

    def draw(self, rng, language, question):
        """A log-mel of that question."""
        sources = [source for source in SHARES if (source, language, question) in self.rows]
        shares = np.array([SHARES[source] for source in sources])
        source = sources[rng.choice(len(sources), p=shares / shares.sum())]
        rows = self.rows[source, language, question]
        return self.values[source][rows[rng.integers(len(rows))]]

    def quiet(self, rng, count):
        """Windows in which nobody speaks; the first is digital silence."""
        chosen = self.empty[rng.integers(len(self.empty), size=count)].copy()
        chosen[0] = np.float16(np.log(FLOOR))
        return chosen


class Material:
    """Batches, drawn from pictures, questions and speech."""

    def __init__(self, folder, seed):
        self.speech, self.seed = Speech(folder), seed
        shown, self.asked = pictures.load("train")
        self.pictures = list(shown.values())
        self.by_number = shown

    def picture(self):
        return self.pictures[self.rng.integers(len(self.pictures))]

    def question(self, picture):
        """A question that may be asked of the picture; often one about what is there, which chance alone would rarely ask."""
        choices = sentences.ASKABLE[picture.shape, picture.colour]
        question = choices[self.rng.integers(len(choices))]
        if question.kind == "presence" and self.rng.random() < 0.4:
            about = picture.shape if question.about not in tokens.COLOURS else picture.colour
            return next(other for other in choices if other[:2] == question[:2] and other[3] == question.negated and other.about == about)
        return question

    def heard_row(self):
        """(ask, picture or None, ids, words to come out, question, language)"""
        picture, language = self.picture(), LANGUAGES[self.rng.integers(len(LANGUAGES))]
        if self.rng.random() < TRANSLATE_SHARE:
            question = QUESTIONS[self.rng.integers(len(QUESTIONS))]
            return "translate", picture if self.rng.random() < 0.5 else None, tokens.typed(""), question.text, question, language
        question = self.question(picture)
        shown = None if self.rng.random() < BLACK_SHARE else picture
        typed = question.text if self.rng.random() < BOTH_SHARE else ""
        return "answer", shown, tokens.typed(typed), sentences.answer(question, picture.shape, picture.colour), question, language

    def read_row(self):
        """(ask, picture or None, ids, words to come out, the question if there is just one)"""
        ask = self.rng.choice(list(READ_ASKS), p=list(READ_ASKS.values()))
        picture = self.picture()
        shown = None if self.rng.random() < BLACK_SHARE else picture
        if ask == "caption":
            return ask, shown, tokens.typed(""), sentences.caption(picture.shape, picture.colour), None
        question = self.question(picture)
        if ask == "answer":
            dumb = self.rng.random() < DUMB_SHARE
            if self.rng.random() < 0.5:                          # as easy-vqa asks, so that its shares of answers are learnt
                item = self.asked[self.rng.integers(len(self.asked))]
                picture, question = self.by_number[item.picture], QUESTIONS[item.question]
                shown = picture if shown else None
            said = sentences.answer(question, picture.shape, picture.colour)
            return ask, shown, tokens.typed("" if dumb else question.text), said, None if dumb else question
        before = self.question(picture) if self.rng.random() < 0.3 else None
        talk = sentences.dialogue(self.rng, question, picture.shape, picture.colour, before)
        return ask, shown, tokens.typed(talk.text, talk.turns), talk.answer, None

    def batch(self, number, hear, read):
        """Arrays of batch `number`; the rows that hear come first, then those that read."""
        self.rng = np.random.default_rng([self.seed, number])
        heard = [self.heard_row() for _ in range(hear)]
        rows = [row[:5] for row in heard] + [self.read_row() for _ in range(read)]
        black = np.zeros((pictures.SIDE, pictures.SIDE, 3), np.uint8)
        outs = [[*tokens.numbers(words), tokens.END] for _, _, _, words, _ in rows]
        begin = [tokens.BEGIN[str(ask)] for ask, *_ in rows]
        return {
            "image": np.stack([black if shown is None else shown.pixels for _, shown, *_ in rows]),
            "text": np.stack([ids for _, _, ids, *_ in rows]).astype(np.int32),
            "targets": np.array([out + [0] * (STEPS_OUT - len(out)) for out in outs], np.int32),
            "inputs": np.array([([first] + out[:-1] + [0] * STEPS_OUT)[:STEPS_OUT] for first, out in zip(begin, outs)], np.int32),
            "audio": np.stack([self.speech.draw(self.rng, language, QUESTIONS.index(question)) for *_, question, language in heard]),
            "noise": self.speech.quiet(self.rng, hear), "quiet": self.speech.quiet(self.rng, QUIET),
            "languages": np.array([LANGUAGES.index(row[5]) for row in heard]), "questions": np.array([QUESTIONS.index(row[4]) for row in heard]),
            "about": np.array([about(row[4]) for row in rows]), "there": np.array([there(row[1], row[4]) for row in rows]),
            "shapes": np.array([SHAPES.index((shown or self.pictures[0]).shape) for _, shown, *_ in rows]),
            "colours": np.array([COLOURS.index((shown or self.pictures[0]).colour) for _, shown, *_ in rows]),
            "seen": np.array([shown is not None for _, shown, *_ in rows], np.float32),
        }


def about(question):
    """Which of shapes and colours a question is about, 11 for none of them, -1 where there is no single question."""
    things = SHAPES + COLOURS
    return -1 if question is None else things.index(question.about) if question.about in things else len(things)


def there(picture, question):
    """Whether what is asked about is to be seen: 1 or 0, -1 where that isn't asked or there is no picture."""
    if picture is None or question is None or question.kind != "presence":
        return -1
    return int(sentences.holds(question.about, picture.shape, picture.colour))
