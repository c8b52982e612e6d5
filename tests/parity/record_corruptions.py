"""Records what ImageNet-C's corruptions make of a small picture: record_corruptions.py CHINA.png FOLDER

Written from the paper's definitions (Hendrycks & Dietterich 2019) on numpy, scipy, Pillow and OpenCV, with randomness from a generator
that the Rust test has too. Writes FOLDER/expected.png, the pictures one under the other, and FOLDER/expected.json, their names in order.
Runs once, by hand: pip install numpy scipy Pillow opencv-python-headless scikit-image. Where the package imagecorruptions can be
imported too, what it makes is compared, and a difference of more than one step of 255 is an error.
"""
import io
import json
import math
import pathlib
import sys

import cv2
import numpy as np
from PIL import Image
from scipy import ndimage
from skimage import color, filters

WIDTH, HEIGHT = 40, 32
SEVERITIES = range(1, 6)
DEFOCUS = [(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)]
GLASS_DEVIATION = [0.7, 0.9, 1, 1.1, 1.5]
MOTION = [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)]
ANGLES = [-45, -12.5, 0, 30, 45]
ZOOM = [(1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)]
SNOW = [(0.1, 0.3, 3, 0.5, 10, 4, 0.8), (0.2, 0.3, 2, 0.5, 12, 4, 0.7), (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65), (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55)]
SNOW_ANGLES = [-135, -100, -90, -61.5, -45]
FOG = [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)]
BRIGHTNESS = [0.1, 0.2, 0.3, 0.4, 0.5]
CONTRAST = [0.4, 0.3, 0.2, 0.1, 0.05]
ELASTIC = [(244 * 2, 244 * 0.7, 244 * 0.1), (244 * 2, 244 * 0.08, 244 * 0.2), (244 * 0.05, 244 * 0.01, 244 * 0.02),
           (244 * 0.07, 244 * 0.01, 244 * 0.02), (244 * 0.12, 244 * 0.01, 244 * 0.02)]
PIXELATE = [0.6, 0.5, 0.4, 0.3, 0.25]
JPEG = [25, 18, 15, 10, 7]
GAUSSIAN = [0.08, 0.12, 0.18, 0.26, 0.38]
SHOT = [60, 25, 12, 5, 3]
IMPULSE = [0.03, 0.06, 0.09, 0.17, 0.27]


class Generator:
    """A linear congruential generator: the same few lines in both languages."""

    def __init__(self, state):
        self.state = state

    def unit(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) * 2.0**-53

    def units(self, *shape):
        return np.array([self.unit() for _ in range(math.prod(shape))]).reshape(shape)


def to_bytes(values):
    return np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def disc(radius, deviation):
    reach, size = (8, 3) if radius <= 8 else (radius, 5)
    y, x = np.mgrid[-reach:reach + 1, -reach:reach + 1]
    inside = (x * x + y * y <= radius * radius).astype(np.float32)
    return cv2.GaussianBlur(inside / inside.sum(), (size, size), sigmaX=deviation)


def defocus(picture, severity):
    return cv2.filter2D(picture, -1, disc(*DEFOCUS[severity - 1]))


def glass_gaussian(picture, severity):
    return filters.gaussian(picture, GLASS_DEVIATION[severity - 1], channel_axis=-1)


def motion_blur(values, radius, deviation, angle):
    """ImageMagick's: taps from the pixel on along a line, weights of half a Gaussian, the last pixel repeated."""
    taps = np.arange(2 * radius + 1)
    weights = np.exp(-taps**2 / (2 * deviation**2))
    weights /= weights.sum()
    radians = math.radians(angle)
    y, x = np.mgrid[:values.shape[0], :values.shape[1]]
    blurred = np.zeros_like(values)
    for tap, weight in zip(taps, weights):
        down, right = math.ceil(tap * math.sin(radians) - 0.5), math.ceil(tap * math.cos(radians) - 0.5)
        blurred += weight * values[np.clip(y + down, 0, values.shape[0] - 1), np.clip(x + right, 0, values.shape[1] - 1)]
    return blurred


def motion(picture, severity):
    return motion_blur(picture, *MOTION[severity - 1], ANGLES[severity - 1])


def clipped_zoom(values, zoom):
    lengths = values.shape[:2]
    inner = [math.ceil(length / zoom) for length in lengths]
    top, left = ((length - part) // 2 for length, part in zip(lengths, inner))
    zoomed = ndimage.zoom(values[top:top + inner[0], left:left + inner[1]], (zoom, zoom) + (1,) * (values.ndim - 2), order=1)
    top, left = ((part - length) // 2 for part, length in zip(zoomed.shape, lengths))
    return zoomed[top:top + lengths[0], left:left + lengths[1]]


def zoom_blur(picture, severity):
    end, step = ZOOM[severity - 1]
    factors = np.arange(1, end, step)
    return (picture + sum(clipped_zoom(picture, factor) for factor in factors)) / (len(factors) + 1)


def snow(picture, severity):
    mean, deviation, zoom, threshold, radius, motion_deviation, clearness = SNOW[severity - 1]
    # Sums of twelve uniform values are near enough to normal ones.
    normal = Generator(severity).units(HEIGHT, WIDTH, 12).sum(axis=-1) - 6
    flakes = clipped_zoom(mean + deviation * normal, zoom)
    flakes[flakes < threshold] = 0
    flakes = motion_blur(np.clip(flakes, 0, 1), radius, motion_deviation, SNOW_ANGLES[severity - 1])
    gray = (picture @ [0.299, 0.587, 0.114])[..., np.newaxis]
    whitened = clearness * picture + (1 - clearness) * np.maximum(picture, gray * 1.5 + 0.5)
    return whitened + (flakes + np.rot90(flakes, k=2))[..., np.newaxis]


def plasma(side, decay, generator):
    """Squares, then diamonds, each time with half the step."""
    surface = np.zeros((side, side))
    step, wander = side, 100.0

    def settle(values):
        return values / 4 + wander * (2 * generator.units(*values.shape) - 1) * wander

    while step >= 2:
        half = step // 2
        corners = surface[::step, ::step]
        rows = corners + np.roll(corners, -1, axis=0)
        surface[half::step, half::step] = settle(rows + np.roll(rows, -1, axis=1))
        middles = surface[half::step, half::step]
        across = corners + np.roll(corners, -1, axis=1)
        surface[::step, half::step] = settle(middles + np.roll(middles, 1, axis=0) + across)
        down = corners + np.roll(corners, -1, axis=0)
        surface[half::step, ::step] = settle(middles + np.roll(middles, 1, axis=1) + down)
        step, wander = half, wander / decay
    surface -= surface.min()
    return surface / surface.max()


def fog(picture, severity):
    thickness, decay = FOG[severity - 1]
    cut = plasma(64, decay, Generator(severity))[:HEIGHT, :WIDTH, np.newaxis]
    return (picture + thickness * cut) * picture.max() / (picture.max() + thickness)


def brightness(picture, severity):
    hsv = color.rgb2hsv(picture)
    hsv[..., 2] = np.clip(hsv[..., 2] + BRIGHTNESS[severity - 1], 0, 1)
    return color.hsv2rgb(hsv)


def contrast(picture, severity):
    means = picture.mean(axis=(0, 1), keepdims=True)
    return (picture - means) * CONTRAST[severity - 1] + means


def elastic_affine(picture, severity):
    """Like OpenCV's warpAffine, whose own coordinates are in steps of a 32nd of a pixel."""
    corner = ELASTIC[severity - 1][2] * HEIGHT / 224
    moves = (2 * Generator(severity).units(3, 2) - 1) * corner
    middle, square = np.array([WIDTH // 2, HEIGHT // 2]), HEIGHT // 3
    corners = np.float32([middle + square, middle + [square, -square], middle - square])
    matrix = cv2.getAffineTransform(np.float32(corners), np.float32(corners + moves))
    inverse = cv2.invertAffineTransform(matrix)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    seen_x, seen_y = (row[0] * x + row[1] * y + row[2] for row in inverse)
    return np.stack([ndimage.map_coordinates(picture[..., channel], [seen_y, seen_x], order=1, mode="mirror") for channel in range(3)], axis=-1)


def elastic_displacement(picture, severity):
    strength, deviation, _ = ELASTIC[severity - 1]
    noise = 2 * Generator(severity).units(HEIGHT, WIDTH, 2) - 1
    # The reach as ImageNet-C has it.
    dx, dy = (ndimage.gaussian_filter(noise[..., axis], deviation, mode="reflect", truncate=3) * strength for axis in (0, 1))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([ndimage.map_coordinates(picture[..., channel], [y + dy, x + dx], order=1, mode="reflect") for channel in range(3)], axis=-1)


def pixelate(picture, severity):
    kept = PIXELATE[severity - 1]
    small = Image.fromarray(to_bytes(picture)).resize((int(WIDTH * kept), int(HEIGHT * kept)), Image.BOX)
    return np.asarray(small.resize((WIDTH, HEIGHT), Image.BOX)) / 255


def jpeg(picture, severity):
    file = io.BytesIO()
    Image.fromarray(to_bytes(picture)).save(file, "JPEG", quality=JPEG[severity - 1])
    return np.asarray(Image.open(file)) / 255


MADE = [defocus, glass_gaussian, motion, zoom_blur, snow, fog, brightness, contrast, elastic_affine, elastic_displacement, pixelate, jpeg]


def noise_statistics():
    """Mean and deviation of the bytes that a flat gray becomes."""
    random = np.random.default_rng(1)
    for level in (10, 128, 245):
        flat = np.full(1_000_000, level / 255)
        for severity in SEVERITIES:
            photons, share = SHOT[severity - 1], IMPULSE[severity - 1]
            hit, white = random.uniform(size=flat.size) < share, random.uniform(size=flat.size) < 0.5
            noisy = {"gaussian_noise": flat + random.normal(0, GAUSSIAN[severity - 1], flat.size),
                     "shot_noise": random.poisson(flat * photons) / photons,
                     "impulse_noise": np.where(hit, white, flat)}
            for kind, values in noisy.items():
                values = to_bytes(values)
                yield {"kind": kind, "severity": severity, "level": level, "mean": float(values.mean()), "deviation": float(values.std())}


def noisy_sound():
    """A sound, a noise, and their sums at several SNRs."""
    generator = Generator(7)
    sound, noise = generator.units(100) - 0.5, 2 * generator.units(100) - 1
    for snr_db in (20, 10, 5, 0, -5):
        factor = math.sqrt((sound**2).mean() / ((noise**2).mean() * 10 ** (snr_db / 10)))
        yield {"snr_db": snr_db, "sum": (sound + factor * noise).tolist()}


def compare_with_package(picture):
    """Of the package's corruptions, those without randomness that it can still run with the libraries of today. Its pixelate enlarges
    with NEAREST, which takes the other pixel where two are as near."""
    try:
        import imagecorruptions.corruptions as package
    except ImportError as error:
        print(f"imagecorruptions isn't compared: {error}")
        return
    for ours, theirs in ((defocus, "defocus_blur"), (zoom_blur, "zoom_blur"), (brightness, "brightness"), (contrast, "contrast"),
                         (jpeg, "jpeg_compression")):
        for severity in SEVERITIES:
            try:
                made = getattr(package, theirs)(Image.fromarray(to_bytes(picture)), severity)
            except Exception as error:
                print(f"{theirs} isn't compared: {error}")
                break
            made = np.clip(np.asarray(made, dtype=float), 0, 255)
            difference = np.abs(made - np.clip(ours(picture, severity), 0, 1) * 255).max()
            print(f"{theirs} {severity}: {difference:.3f} of 255 at most")
            if difference > 1:
                sys.exit(f"{theirs} differs from imagecorruptions")


def main(file, folder):
    opened = np.asarray(Image.open(file).convert("RGB"))[20:20 + HEIGHT, 40:40 + WIDTH]
    picture = opened / 255
    compare_with_package(picture)
    names, pictures = ["picture"], [opened]
    for make in MADE:
        for severity in SEVERITIES:
            names.append(f"{make.__name__} {severity}")
            pictures.append(to_bytes(make(picture, severity)))
    folder = pathlib.Path(folder)
    Image.fromarray(np.concatenate(pictures)).save(folder / "expected.png", optimize=True)
    expected = {"width": WIDTH, "height": HEIGHT, "names": names, "angles": ANGLES, "snow_angles": SNOW_ANGLES,
                "statistics": list(noise_statistics()), "sounds": list(noisy_sound())}
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
