"""What the package tuxpaint-stamps-default holds: pictures, their captions, and which are kept apart.

Left out are the folder `symbols` (letters, digits, coins, notes: their names can't be seen), pictures without a caption of their own, and
drawings (SVG) that are there as pixels, too.
"""

import hashlib
import re
from typing import NamedTuple

TEST_CAPTIONS = 66    # so that 30 of them are drawn: smaller groups are not ranked
CALIBRATION_CAPTIONS = 34
DRAWN_FOLDER = "cartoon"


class Stamp(NamedTuple):
    """A picture's path, its English caption, the other languages' {code: caption}, and its split."""

    path: object
    name: str
    caption: str
    translations: dict
    split: str

    @property
    def category(self):
        """The folder that the stamp lies in: animals, food, …"""
        return self.name.split("/")[0]

    @property
    def kind(self):
        """`drawn` if it is an SVG or in a folder of cartoons; the others are photographs, paintings and road signs."""
        return "drawn" if self.path.suffix == ".svg" or DRAWN_FOLDER in self.name.split("/") else "other"


def stamps(folder):
    """Every stamp with a caption, in the order of names."""
    found = [(path, *captions(path)) for path in sorted(folder.rglob("*")) if is_picture(path, folder)]
    found = [(path, caption, others) for path, caption, others in found if caption]
    splits = split_captions({key(caption) for _, caption, _ in found})
    return [
        Stamp(path, str(path.relative_to(folder).with_suffix("")), caption, others, splits[key(caption)])
        for path, caption, others in found
    ]


def is_picture(path, folder):
    """Whether a file is a picture that is wanted."""
    if path.relative_to(folder).parts[0] == "symbols":
        return False
    return path.suffix == ".png" or path.suffix == ".svg" and not path.with_suffix(".png").exists()


def captions(path):
    """The first sentences of a picture's text: the English one, and {language: sentence}."""
    text = path.with_suffix(".txt")
    lines = text.read_text(encoding="utf-8").splitlines() if text.exists() else []
    others = dict(line.split(".utf8=", 1) for line in lines[1:] if ".utf8=" in line)
    return first_sentence(lines[0] if lines else ""), {code: first_sentence(line) for code, line in others.items()}


def first_sentence(text):
    """A caption up to its first stop: what follows tells, asks or exclaims what no picture shows."""
    return re.match(r".*?[.!?。]+(?=\s|$)|.*", text.strip()).group(0)


def key(caption):
    """Captions that are the same but for capitals and the stop."""
    return caption.lower().strip(" .!?\"“”")


def split_captions(keys):
    """{caption: split}, by the order of the captions' SHA-256: the first are the test's, the next calibration's."""
    ordered = sorted(keys, key=lambda caption: hashlib.sha256(caption.encode()).digest())
    places = {caption: place for place, caption in enumerate(ordered)}
    ends = TEST_CAPTIONS, TEST_CAPTIONS + CALIBRATION_CAPTIONS
    return {caption: "test" if at < ends[0] else "calibration" if at < ends[1] else "train" for caption, at in places.items()}


def one_per_caption(found):
    """The first stamp of each caption: two of one caption can't be told apart."""
    return list({key(stamp.caption): stamp for stamp in reversed(found)}.values())[::-1]
