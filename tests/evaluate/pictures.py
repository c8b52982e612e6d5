"""Corruptions of gray pictures by their published definitions (Hendrycks & Dietterich 2019) and docs/corruptions.md, on numpy, scipy,
Pillow and OpenCV. Pictures are float32 from 0 to 1; what is returned is cut to that and rounded to bytes by `corrupt`.

Sizes in pixels are those of a picture whose shorter side has 224. Fields that are drawn (snow, fog, frost, displacements, dirt) are drawn
at that size and averaged down, so that what a model sees doesn't depend on the picture's size.
"""
import functools
import importlib.util
import io
import math
import pathlib

import cv2
import numba
import numpy as np
from PIL import Image
from scipy import ndimage

from parity import record_corruptions as published

REFERENCE = 224
GAMMA = 2.2


class Units:
    """numpy's generator with the method that the published plasma asks for."""

    def __init__(self, random):
        self.random = random

    def units(self, *shape):
        return self.random.random(shape)


def gaussian_noise(picture, figures, scale, random):
    return picture + figures["deviation"] * random.standard_normal(picture.shape, dtype=np.float32)


def shot_noise(picture, figures, scale, random):
    return random.poisson(picture * figures["photons"]) / figures["photons"]


def impulse_noise(picture, figures, scale, random):
    hit, white = random.random(picture.shape) < figures["share"], random.random(picture.shape) < 0.5
    return np.where(hit, white, picture)


@functools.cache
def small_disc(radius, deviation, scale):
    """The published kernel, each of its places shared out among the pixels of a smaller one that it falls between."""
    disc = published.disc(int(radius), deviation)
    reach = disc.shape[0] // 2
    small = math.ceil(reach * scale)
    at = np.arange(-reach, reach + 1) * scale
    # Straight lines between neighbours: a triangle around each pixel.
    shares = np.maximum(0, 1 - np.abs(np.arange(-small, small + 1)[:, np.newaxis] - at))
    kernel = shares @ disc @ shares.T
    return (kernel / kernel.sum()).astype(np.float32)


def defocus_blur(picture, figures, scale, random):
    return cv2.filter2D(picture, -1, small_disc(figures["radius"], figures["edge_deviation"], scale))


@numba.njit(cache=True)
def shuffle(picture, distance, moves):
    index = 0
    for y in range(picture.shape[0] - distance, distance, -1):
        for x in range(picture.shape[1] - distance, distance, -1):
            other_y, other_x = y + moves[index, 0], x + moves[index, 1]
            picture[y, x], picture[other_y, other_x] = picture[other_y, other_x], picture[y, x]
            index += 1


def glass_blur(picture, figures, scale, random):
    blurred = ndimage.gaussian_filter(picture, figures["deviation"] * scale, mode="nearest")
    distance = max(1, round(figures["distance"] * scale))
    for _ in range(figures["rounds"]):
        shuffle(blurred, distance, random.integers(-distance, distance, (picture.size, 2)))
    return ndimage.gaussian_filter(blurred, figures["deviation"] * scale, mode="nearest")


def moved(picture, radius, deviation, angle):
    """ImageMagick's motion blur, as sums of slices of a padded picture: taps from the pixel on along a line, weights of half a Gaussian."""
    taps = np.arange(2 * math.ceil(radius) + 1)
    weights = np.exp(-(taps**2) / (2 * deviation**2))
    weights /= weights.sum()
    radians = math.radians(angle)
    down = np.ceil(taps * math.sin(radians) - 0.5).astype(int)
    right = np.ceil(taps * math.cos(radians) - 0.5).astype(int)
    reach = max(np.abs(down).max(), np.abs(right).max())
    padded = np.pad(picture, reach, mode="edge")
    height, width = picture.shape
    blurred = np.zeros_like(picture)
    for y, x, weight in zip(down + reach, right + reach, weights.astype(np.float32)):
        blurred += weight * padded[y:y + height, x:x + width]
    return blurred


def motion_blur(picture, figures, scale, random):
    return moved(picture, figures["radius"] * scale, figures["deviation"] * scale, random.uniform(-45, 45))


def zoom_blur(picture, figures, scale, random):
    step, count = figures["step"], figures["zooms"]
    factors = np.arange(1, 1 + (count - 0.5) * step, step)
    return (picture + sum(published.clipped_zoom(picture, factor) for factor in factors)) / (len(factors) + 1)


def reference_shape(picture):
    scale = REFERENCE / min(picture.shape)
    return tuple(round(length * scale) for length in picture.shape)


def reduced(field, picture):
    """A field of the reference's size averaged down to a picture's."""
    return cv2.resize(field, picture.shape[::-1], interpolation=cv2.INTER_AREA)


def snow(picture, figures, scale, random):
    noise = random.standard_normal(reference_shape(picture), dtype=np.float32) * figures["deviation"] + figures["mean"]
    flakes = published.clipped_zoom(noise, figures["zoom"])
    flakes[flakes < figures["threshold"]] = 0
    flakes = moved(np.clip(flakes, 0, 1), figures["radius"], figures["motion"], random.uniform(-135, -45))
    flakes = reduced(flakes, picture)
    clearness = figures["clearness"]
    whitened = clearness * picture + (1 - clearness) * np.maximum(picture, picture * 1.5 + 0.5)
    return whitened + flakes + np.rot90(flakes, k=2)


def fog(picture, figures, scale, random):
    height, width = reference_shape(picture)
    side = max(256, 1 << (max(height, width) - 1).bit_length())
    plasma = published.plasma(side, figures["decay"], Units(random))
    cut = reduced(np.ascontiguousarray(plasma[:height, :width]), picture)
    lightest, thickness = picture.max(), figures["thickness"]
    return (picture + thickness * cut) * lightest / (lightest + thickness)


@functools.cache
def photographs():
    """The paper's photographs of frost, gray."""
    folder = pathlib.Path(importlib.util.find_spec("imagecorruptions").submodule_search_locations[0], "frost")
    return [np.asarray(Image.open(file).convert("L"), dtype=np.float32) / 255 for file in sorted(folder.glob("frost*"))]


def procedural_frost(picture, figures, scale, random):
    """With the paper's photographs: edgeval draws its own."""
    height, width = reference_shape(picture)
    frost = photographs()[random.integers(len(photographs()))]
    y, x = random.integers(frost.shape[0] - height + 1), random.integers(frost.shape[1] - width + 1)
    return figures["picture"] * picture + figures["frost"] * reduced(frost[y:y + height, x:x + width], picture)


def brightness(picture, figures, scale, random):
    return picture + figures["added"]


def contrast(picture, figures, scale, random):
    return (picture - picture.mean()) * figures["kept"] + picture.mean()


@functools.cache
def smoothing(length, deviation):
    """The matrix of a Gaussian that is mirrored at the edges and cut at three deviations: long ones cost as much as short ones."""
    return ndimage.gaussian_filter1d(np.eye(length), deviation, axis=0, mode="reflect", truncate=3).astype(np.float32)


def elastic(picture, figures, scale, random):
    height, width = picture.shape
    moves = random.uniform(-figures["corner"], figures["corner"], (3, 2)) * scale
    middle, square = np.array([width // 2, height // 2]), min(height, width) // 3
    corners = np.float32([middle + square, middle + [square, -square], middle - square])
    matrix = cv2.getAffineTransform(corners, np.float32(corners + moves))
    turned = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    tall, wide = reference_shape(picture)
    noise = 2 * random.random((2, tall, wide), dtype=np.float32) - 1
    smooth = smoothing(tall, figures["deviation"]) @ noise @ smoothing(wide, figures["deviation"]).T
    dx, dy = (reduced(axis, picture) * np.float32(figures["strength"] * scale) for axis in smooth)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(turned, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def pixelate(picture, figures, scale, random):
    height, width = picture.shape
    reference = min(1, 1 / scale)
    few = [max(1, int(length * reference * figures["kept"])) for length in (width, height)]
    small = Image.fromarray(to_bytes(picture)).resize(few, Image.BOX)
    return np.asarray(small.resize((width, height), Image.BOX)) / 255


def jpeg(picture, figures, scale, random):
    file = io.BytesIO()
    Image.fromarray(to_bytes(picture)).save(file, "JPEG", quality=figures["quality"])
    return np.asarray(Image.open(file)) / 255


def low_light(picture, figures, scale, random):
    photons = figures["photons"]
    seen = random.poisson(picture**GAMMA * photons) + figures["read_noise"] * random.standard_normal(picture.shape)
    return np.clip(seen / photons * figures["brightness"], 0, 1) ** (1 / GAMMA)


def over_exposure(picture, figures, scale, random):
    return picture * 2 ** (figures["stops"] / GAMMA)


def rolling_flicker(picture, figures, scale, random):
    turns = random.random() + figures["bands"] * np.arange(picture.shape[0]) / picture.shape[0]
    light = 1 - figures["depth"] * (0.5 - 0.5 * np.cos(2 * np.pi * turns))
    return picture * (light ** (1 / GAMMA))[:, np.newaxis]


def dirty_lens(picture, figures, scale, random):
    """Soft ellipses that let through less and scatter three quarters of the picture's mean."""
    height, width = reference_shape(picture)
    clear = np.ones((height, width), dtype=np.float32)
    for _ in range(round(figures["spots"] * max(height, width) / min(height, width))):
        x, y = random.uniform(0, width), random.uniform(0, height)
        radius = random.uniform(figures["smallest"], figures["largest"])
        reach, angle = radius * random.uniform(1, 2), random.uniform(0, math.pi)
        opacity = figures["opacity"] * random.uniform(0.5, 1)
        top, left = max(0, int(y - reach)), max(0, int(x - reach))
        dy = np.arange(top, min(height, int(y + reach + 1)), dtype=np.float32)[:, np.newaxis] - y
        dx = np.arange(left, min(width, int(x + reach + 1)), dtype=np.float32) - x
        along = (dx * math.cos(angle) + dy * math.sin(angle)) / reach
        across = (dy * math.cos(angle) - dx * math.sin(angle)) / radius
        inside = np.maximum(0, 1 - along**2 - across**2)
        clear[top:top + len(dy), left:left + len(dx)] *= 1 - opacity * inside**2 * (3 - 2 * inside)
    clear = reduced(clear, picture)
    return picture * clear + 0.75 * picture.mean() * (1 - clear)


KINDS = [gaussian_noise, shot_noise, impulse_noise, defocus_blur, glass_blur, motion_blur, zoom_blur, snow, procedural_frost, fog, brightness,
         contrast, elastic, pixelate, jpeg, low_light, over_exposure, rolling_flicker, dirty_lens]


def to_bytes(values):
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def corrupt(kind, picture, figures, random):
    """Bytes of a corrupted picture."""
    return to_bytes(kind(picture, figures, min(picture.shape) / REFERENCE, random))
