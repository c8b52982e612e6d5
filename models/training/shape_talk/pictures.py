"""easy-vqa's pictures and what is in them: the shape and its colour, from the questions; its place, from the pixels."""

import json
import pathlib
from typing import NamedTuple

import easy_vqa
import numpy as np
from PIL import Image

from shape_talk.questions import BY_TEXT, COLOURS, QUESTIONS, SHAPES

SIDE = 64
BACKGROUND_DISTANCE = 40       # summed difference of the channels from the corner's colour

# The colours that easy-vqa paints with.
PAINTS = {
    "black": (0, 0, 0), "blue": (0, 0, 255), "brown": (165, 42, 42), "gray": (128, 128, 128), "green": (0, 255, 0), "red": (255, 0, 0),
    "teal": (0, 128, 128), "yellow": (255, 255, 0),
}


class Picture(NamedTuple):
    """One picture: uint8 [64, 64, 3], what it shows, and the box of the shape as x, y, width, height in pixels."""

    number: int
    pixels: np.ndarray
    shape: str
    colour: str
    box: tuple


class Asked(NamedTuple):
    """One of easy-vqa's questions: of which picture, which of the 107, and easy-vqa's one-word answer."""

    picture: int
    question: int
    answer: str


def load(split):
    """(pictures by number, questions) of the split train or test."""
    folder = pathlib.Path(easy_vqa.__file__).parent / "data" / split
    asked = [Asked(number, BY_TEXT[text], answer) for text, answer, number in json.loads((folder / "questions.json").read_text())]
    answers = {}
    for item in asked:
        answers.setdefault(item.picture, []).append(item)
    return {number: read(folder / "images" / f"{number}.png", number, answers[number]) for number in sorted(answers)}, asked


def read(path, number, asked):
    """A picture with its facts."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    mask = np.abs(pixels.astype(int) - background(pixels)).sum(2) > BACKGROUND_DISTANCE
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = tuple(int(value) for value in (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1))
    shape, colour = told(asked)
    return Picture(number, pixels, shape or by_area(mask, box), colour or by_paint(pixels[mask]), box)


def background(pixels):
    """The most frequent colour of the frame's border."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colours, counts = np.unique(border, axis=0, return_counts=True)
    return colours[counts.argmax()].astype(int)


def told(asked):
    """(shape, colour) as the questions and answers tell them; either may be None."""
    shape = colour = None
    for item in asked:
        question = QUESTIONS[item.question]
        # "the circle" and "the red shape" are asked about only where there is one.
        present = (item.answer == "yes") != question.negated if question.kind == "presence" else question.kind in ("colour_of", "shape_of")
        for fact in (item.answer, question.about if present else ""):
            shape = fact if fact in SHAPES else shape
            colour = fact if fact in COLOURS else colour
    return shape, colour


def by_area(mask, box):
    """The shape from how much of its box it fills: a rectangle all, a circle 0.79, a triangle half."""
    share = mask.sum() / (box[2] * box[3])
    return "rectangle" if share > 0.92 else "circle" if share > 0.68 else "triangle"


def by_paint(pixels):
    """The colour that most of the shape's pixels are nearest to."""
    distance = np.abs(pixels[:, None].astype(int) - np.array(list(PAINTS.values()))).sum(2)
    return list(PAINTS)[np.bincount(distance.argmin(1), minlength=len(PAINTS)).argmax()]
