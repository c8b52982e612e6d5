"""Stamps as pictures on white, and as the network takes them."""

import io
import subprocess

import numpy as np
from PIL import Image

SQUARE = 256      # of the reference set's pictures
SIDE = 224        # of the network's
MEAN, STD = 127.0, 128.0
WHITE = (255, 255, 255)
BILINEAR = Image.Resampling.BILINEAR


def square(path):
    """A stamp on white, in the middle of a square: RGB [SQUARE, SQUARE]."""
    stamp = opened(path)
    ground = Image.new("RGBA", stamp.size, (*WHITE, 255))
    ground.alpha_composite(stamp)
    side = max(stamp.size)
    whole = Image.new("RGB", (side, side), WHITE)
    whole.paste(ground.convert("RGB"), tuple((side - length) // 2 for length in stamp.size))
    return whole.resize((SQUARE, SQUARE), BILINEAR)


def opened(path):
    """A PNG, or an SVG that rsvg-convert draws: RGBA."""
    if path.suffix == ".svg":
        size = str(2 * SQUARE)
        command = ["rsvg-convert", "--width", size, "--height", size, "--keep-aspect-ratio", str(path)]
        return Image.open(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout)).convert("RGBA")
    return Image.open(path).convert("RGBA")


def as_input(picture):
    """What model.toml tells: bilinear to SIDE, (byte - MEAN) / STD, channels first: float32 [1, 3, SIDE, SIDE]."""
    pixels = np.asarray(picture.resize((SIDE, SIDE), BILINEAR), np.float32)
    return np.ascontiguousarray(((pixels - MEAN) / STD).transpose(2, 0, 1)[None])


def disturbed(picture, random):
    """A square turned by up to 15 degrees, mirrored or not, moved, nearer or farther."""
    if random.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = picture.rotate(random.uniform(-15, 15), BILINEAR, fillcolor=WHITE)
    seen = SQUARE * random.uniform(0.75, 1.35)
    left, top = (SQUARE - seen) / 2 + SQUARE * random.uniform(-0.08, 0.08, 2)
    step = seen / SIDE
    return picture.transform((SIDE, SIDE), Image.Transform.AFFINE, (step, 0, left, 0, step, top), BILINEAR, fillcolor=WHITE)
