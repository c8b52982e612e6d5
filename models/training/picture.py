"""What happens to a digit between paper and the 28 x 28 pixels: seeded distortions.

Pictures are float32 [28, 28], 0 (black) to 255.
"""

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter, shift

from features import IMAGE_SIDE


def view(rng, digit):
    """A digit turned, moved, scaled, slanted, blurred, and lit by a camera's standards."""
    picture = warp(rng, digit.astype(np.float32))
    if rng.random() < 0.4:
        picture = gaussian_filter(picture, rng.uniform(0.2, 0.9))
    low, high = rng.uniform(0, 25) * (rng.random() < 0.5), rng.uniform(150, 255)
    picture = low + picture / 255 * (high - low)
    return to_8_bit(picture + rng.normal(0, rng.uniform(0, 12), picture.shape))


def warp(rng, picture):
    """Rotation to 15 degrees, scale 0.8 to 1.15, slant, stretch, shift to 2.5 pixels."""
    angle, slant = np.radians(rng.uniform(-15, 15)), rng.uniform(-0.2, 0.2)
    scale = np.array([1 / rng.uniform(0.8, 1.15), 1 / rng.uniform(0.8, 1.15)])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, 0], [slant, 1]]) * scale
    centre = (IMAGE_SIDE - 1) / 2
    offset = centre - matrix @ np.array([centre, centre]) + rng.uniform(-2.5, 2.5, 2)
    return affine_transform(picture, matrix, offset, order=1)


def camera(rng, picture):
    """A hard day for a camera: displaced, soft, moved while it was taken, in dim, uneven light."""
    picture = shift(picture, rng.uniform(-2, 2, 2), order=1, mode="nearest")
    if rng.random() < 0.5:
        step = rng.uniform(-1.2, 1.2, 2)
        picture = sum(shift(picture, step * part, order=1, mode="nearest") for part in (-1, -0.5, 0, 0.5, 1)) / 5
    picture = gaussian_filter(picture, rng.uniform(0.2, 1.0))
    picture = 255 * (picture / 255) ** np.exp(rng.uniform(-0.5, 0.5))
    lit = np.add.outer(np.linspace(-1, 1, IMAGE_SIDE) * rng.uniform(-1, 1), np.linspace(-1, 1, IMAGE_SIDE) * rng.uniform(-1, 1))
    picture = rng.uniform(0, 45) + picture * rng.uniform(0.45, 0.85) + lit * rng.uniform(0, 25)
    return to_8_bit(picture + rng.normal(0, rng.uniform(0, 8), picture.shape))


def spoil(rng, picture, strength):
    """Noise of `strength` (1 = as strong as the digit itself), at times with the contrast taken away."""
    contrast = rng.uniform(0.15, 1) if rng.random() < 0.3 else 1.0
    noisy = picture * contrast + rng.normal(0, strength * 79, picture.shape)
    if rng.random() < 0.2:
        noisy = np.where(rng.random(picture.shape) < min(0.9, strength / 2), rng.choice([0, 255], picture.shape), noisy)
    return to_8_bit(noisy)


def empty(rng):
    """A picture without a digit: black, one gray, a slope of light, or noise."""
    if rng.random() < 0.3:
        return np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)
    slope = np.add.outer(np.linspace(-1, 1, IMAGE_SIDE), np.linspace(-1, 1, IMAGE_SIDE) * rng.uniform(-1, 1))
    picture = rng.uniform(0, 255) + slope * rng.uniform(0, 60) * (rng.random() < 0.4)
    strength = rng.choice([rng.uniform(0, 15), rng.uniform(15, 150)])
    noise = rng.normal(0, strength, picture.shape)
    return to_8_bit(picture + (gaussian_filter(noise, 1.0) * 2 if rng.random() < 0.3 else noise))


def to_8_bit(picture):
    """Clipped to a camera's range and rounded."""
    return np.round(np.clip(picture, 0, 255)).astype(np.float32)
