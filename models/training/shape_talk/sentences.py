"""Rules that turn what a picture shows into words: answers as short sentences, captions, and follow-up questions.

Everything is decided by the question and the two facts of a picture, its shape and its colour; nothing is drawn here but
which follow-up is asked.
"""

from typing import NamedTuple

from shape_talk.questions import COLOURS, QUESTIONS, SHAPES, is_colour


def thing(about):
    """`red shape` or `circle`."""
    return f"{about} shape" if is_colour(about) else about


def holds(about, shape, colour):
    """Whether a picture has that shape or that colour."""
    return about in (shape, colour)


def presence(about, negated, shape, colour):
    """Yes or no to "is there (not) …", and what is so: `no, there is no red shape`."""
    there = holds(about, shape, colour)
    return f"{'yes' if there != negated else 'no'}, there is {'a' if there else 'no'} {thing(about)}"


def answer(question, shape, colour):
    """The sentence that answers one of the 107 questions about a picture."""
    if question.kind == "presence":
        return presence(question.about, question.negated, shape, colour)
    if question.kind == "colour_of":
        return f"the {question.about} is {colour}"
    if question.kind == "shape_of":
        return f"the {question.about} shape is a {shape}"
    return f"the shape is a {shape}"


def caption(shape, colour):
    return f"a {colour} {shape}"


class Turn(NamedTuple):
    """What was asked before and what was answered."""

    text: str
    answer: str


class Dialogue(NamedTuple):
    """Earlier turns, a follow-up that means nothing without the last of them, and its answer."""

    turns: list
    text: str
    answer: str
    kind: str


SURE = ["are you sure?", "really?"]
COLOUR_THEN = ["and its color?", "and its colour?", "what color is it?"]
SHAPE_THEN = ["and its shape?", "what shape is it?"]


def follow_up(rng, question, shape, colour):
    """A dialogue whose last earlier turn is `question`: (Turn, follow-up, answer, kind)."""
    said = answer(question, shape, colour)
    turn = Turn(SHAPE_THEN[1] if question.kind == "shape" and rng.random() < 0.3 else question.text, said)
    kind = rng.choice(kinds(question))
    if kind == "sure":
        return turn, str(rng.choice(SURE)), sure(question, shape, colour), kind
    if kind == "other":
        other = str(rng.choice([about for about in (COLOURS if is_colour(question.about) else SHAPES) if about != question.about]))
        if rng.random() < 0.5:                       # half of the time what is really there, as chance alone would rarely ask
            other = other_fact(question, shape, colour) or other
        wording = ["and {}?", "and a {} one?"] if is_colour(other) else ["and a {}?", "what about a {}?"]
        return turn, str(rng.choice(wording)).format(other), presence(other, question.negated, shape, colour), kind
    if kind == "colour":
        return turn, str(rng.choice(COLOUR_THEN)), f"the {named_shape(question, shape)} is {colour}", kind
    return turn, str(rng.choice(SHAPE_THEN)), f"the {named_colour(question, colour)}shape is a {shape}", kind


def kinds(question):
    """Which follow-ups a question allows."""
    if question.kind == "presence":
        return ["sure", "other", "other", "shape" if is_colour(question.about) else "colour"]
    return ["sure", "shape", "shape"] if question.kind == "colour_of" and question.about == "shape" else (
        ["sure"] if question.kind in ("colour_of", "shape_of") else ["sure", "colour", "colour"])


def sure(question, shape, colour):
    """The answer once more: `yes, the shape is teal`."""
    said = answer(question, shape, colour)
    return "yes, " + said.removeprefix("yes, ").removeprefix("no, ")


def other_fact(question, shape, colour):
    """What is there of the kind that was asked about, unless it was that."""
    fact = colour if is_colour(question.about) else shape
    return None if fact == question.about else fact


def named_shape(question, shape):
    """What the turn before lets a shape be called: its name once it has been said to be there."""
    return shape if question.kind == "shape" or question.about == shape else "shape"


def named_colour(question, colour):
    """`red ` once the turn before has said that it is; nothing otherwise."""
    return f"{colour} " if question.kind == "colour_of" or question.about == colour else ""


def dialogue(rng, question, shape, colour, before=None):
    """A follow-up after `question`, with another turn in front if `before` is a question too."""
    turn, text, said, kind = follow_up(rng, question, shape, colour)
    turns = [Turn(before.text, answer(before, shape, colour))] if before else []
    return Dialogue([*turns, turn], text, said, kind)


def may_be_asked(question, shape, colour):
    """easy-vqa asks for "the circle" and "the red shape" only where there is one."""
    return question.kind not in ("colour_of", "shape_of") or question.about in ("shape", shape, colour)


ASKABLE = {(shape, colour): [question for question in QUESTIONS if may_be_asked(question, shape, colour)] for shape in SHAPES for colour in COLOURS}
