"""The figures of the card, on easy-vqa's whole test part and on voices that training never heard.

    python -m shape_talk.evaluate --bundle ../zoo/shape-talk --clips CLIPS [--precision int8] [--every 4]

Spoken questions are takes of held-out voices at a random place in four seconds, at a random level, in faint noise.
"""

import argparse
import pathlib
from importlib.metadata import version

import numpy as np
from sacrebleu.metrics import CHRF

import sound
from features import SAMPLE_RATE_HZ
from shape_talk import pictures, sentences, tokens
from shape_talk.hearing import WINDOW_SAMPLES, load, log_mel
from shape_talk.pools import fit, place
from shape_talk.questions import LANGUAGES, QUESTIONS
from shape_talk.runtime import Talker

SEED = 77
SNR_DB = (30.0, 50.0)


def hear(rng, clip):
    """A clip as log-mel: placed, at some level, in faint noise."""
    heard = place(rng, fit(clip.samples / np.float32(32768))) * 10 ** (rng.uniform(-20, -3) / 20)
    level = np.sqrt(np.mean(heard**2)) * 10 ** (-rng.uniform(*SNR_DB) / 20)
    return log_mel(sound.to_16_bit(heard + level * rng.normal(0, 1, WINDOW_SAMPLES))[None])[0]


class Tester:
    """One bundle at one precision, and the test part."""

    def __init__(self, bundle, precision, clips, every):
        self.talker, self.clips = Talker(bundle, precision), clips
        self.shown, asked = pictures.load("test")
        self.asked = asked[::every]
        self.by_question = {}
        for clip in clips:
            self.by_question.setdefault((clip.voice, clip.question), []).append(clip)
        self.heard = {}

    def facts(self, item):
        picture = self.shown[item.picture]
        return picture, QUESTIONS[item.question], sentences.answer(QUESTIONS[item.question], picture.shape, picture.colour)

    def typed(self, black=False, mute=False):
        """Of each typed question, its picture black or its words missing: (word for word, easy-vqa's one word, is it yes or no)."""
        rows = []
        for item in self.asked:
            picture, question, reference = self.facts(item)
            given = {} if black else {"image": picture.pixels}
            said = self.talker.say("answer", **given, ids=tokens.typed("" if mute else question.text))
            words, closed = said.replace(",", "").split(), item.answer in ("yes", "no")
            rows.append((said == reference, (words[:1] if closed else words[-1:]) == [item.answer], closed))
        return np.array(rows).T

    def sound_of(self, rng, voice, question):
        """One take's log-mel; each take is placed once."""
        takes = self.by_question[voice, question]
        take = int(rng.integers(len(takes)))
        if (voice, question, take) not in self.heard:
            self.heard[voice, question, take] = hear(rng, takes[take])
        return self.heard[voice, question, take]

    def spoken(self, language):
        """{voice: whether each question, asked aloud by the voices in turn, is answered word for word}."""
        voices = sorted({clip.voice for clip in self.clips if clip.language == language})
        rng, right = np.random.default_rng(SEED), {}
        for number, item in enumerate(self.asked):
            picture, _, reference = self.facts(item)
            voice = voices[number % len(voices)]
            audio = self.sound_of(rng, voice, item.question)
            right.setdefault(voice, []).append(self.talker.say("answer", image=picture.pixels, audio=audio) == reference)
        return {voice: np.array(values) for voice, values in right.items()}

    def translated(self, language):
        """(what came out, what should have) for every take of every held-out voice, and whose voice it was."""
        rng = np.random.default_rng(SEED)
        chosen = [clip for clip in self.clips if clip.language == language]
        said = [self.talker.say("translate", audio=hear(rng, clip)) for clip in chosen]
        return said, [QUESTIONS[clip.question].text for clip in chosen], [clip.voice for clip in chosen]

    def captions(self):
        return np.array([
            self.talker.say("caption", image=picture.pixels) == sentences.caption(picture.shape, picture.colour) for picture in self.shown.values()])

    def follow_ups(self, with_turns=True):
        """A follow-up after each of the test part's questions, a third of them with another turn in front; and their kinds."""
        rng, right, kinds = np.random.default_rng(SEED), [], []
        for item in self.asked:
            picture, question, _ = self.facts(item)
            choices = sentences.ASKABLE[picture.shape, picture.colour]
            before = choices[rng.integers(len(choices))] if rng.random() < 1 / 3 else None
            talk = sentences.dialogue(rng, question, picture.shape, picture.colour, before)
            ids = tokens.typed(talk.text, talk.turns if with_turns else ())
            right.append(self.talker.say("dialogue", image=picture.pixels, ids=ids) == talk.answer)
            kinds.append(str(talk.kind))
        return np.array(right), np.array(kinds)


def wilson(right, count):
    """95 % interval of a rate."""
    rate, z = right / count, 1.96
    middle, half = rate + z * z / (2 * count), z * np.sqrt(rate * (1 - rate) / count + z * z / (4 * count**2))
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def show(name, right):
    """One line of the table, printed at once."""
    low, high = wilson(right.sum(), len(right))
    print(f"| {name} | {right.mean():.4f} | {low:.4f} to {high:.4f} | {len(right)} |", flush=True)


def report(whole, thinned):
    """Prints the whole table of one precision: typed questions and captions of the whole test part, the rest of a share of it."""
    right, word, closed = whole.typed()
    show("typed questions", right)
    show("typed questions, one word", word)
    show("typed questions, one word, without yes and no", word[~closed])
    show("captions", whole.captions())
    right, kinds = thinned.follow_ups()
    show("follow-ups", right)
    for kind in np.unique(kinds):
        show(f"follow-ups: {kind}", right[kinds == kind])
    show("follow-ups without the turn before", thinned.follow_ups(with_turns=False)[0])
    right, word, closed = thinned.typed(black=True)
    show("question alone (picture black), one word", word)
    show("question alone, one word, without yes and no", word[~closed])
    show("question alone, word for word", right)
    show("picture alone (no question), word for word", thinned.typed(mute=True)[0])
    for language in LANGUAGES:
        speak(thinned, language)


def speak(tester, language):
    """The lines of one language."""
    spoken = tester.spoken(language)
    for synthesizer in sorted({voice.split("-")[0] for voice in spoken}):
        voices = [voice for voice in sorted(spoken) if voice.startswith(synthesizer)]
        show(f"spoken {language}, {synthesizer}", np.concatenate([spoken[voice] for voice in voices]))
        for voice in voices if len(voices) > 1 else []:
            show(f"spoken {language}, {voice}", spoken[voice])
    said, wanted, voices = (np.array(values) for values in tester.translated(language))
    for synthesizer in sorted({voice.split("-")[0] for voice in voices}):
        chosen = np.array([voice.startswith(synthesizer) for voice in voices])
        score = CHRF().corpus_score(said[chosen].tolist(), [wanted[chosen].tolist()]).score
        print(f"| translation {language}, {synthesizer}, chrF | {score:.2f} | | {chosen.sum()} |", flush=True)
        show(f"translation {language}, {synthesizer}, word for word", said[chosen] == wanted[chosen])


def held_out(folder, sources):
    return [clip for source in sources for clip in load(folder / f"{source}.npz")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=pathlib.Path, required=True)
    parser.add_argument("--clips", type=pathlib.Path, required=True)
    parser.add_argument("--sources", nargs="+", default=["pico", "flite"], help="archives of held-out voices")
    parser.add_argument("--precision", nargs="+", default=["fp32", "int8"])
    parser.add_argument("--every", type=int, default=1, help="all but typed questions and captions: every n-th question only")
    arguments = parser.parse_args()
    clips = held_out(arguments.clips, arguments.sources)
    for precision in arguments.precision:
        print(f"\n### {precision}\n\n| | rate | 95 % | n |\n|---|---|---|---|")
        report(*(Tester(arguments.bundle, precision, clips, every) for every in (1, arguments.every)))
    print(f"\nONNX Runtime {Talker.version}, seed {SEED}, {SAMPLE_RATE_HZ} Hz; chrF by sacrebleu {version('sacrebleu')}")


if __name__ == "__main__":
    main()
