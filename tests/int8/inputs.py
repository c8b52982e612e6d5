"""What the models are fed: pictures, lines of text and speech that are real where real ones are at hand."""

import functools
import importlib.util
import pathlib
import sys

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = ROOT / "calibration" / "sets" / "av-digits"
sys.path.insert(0, str(ROOT / "models" / "training"))

# Photographs in the package scikit-image (its README.txt names their sources).
PHOTOGRAPHS = [
    "astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png", "motorcycle_right.png",
    "rocket.jpg", "retina.jpg", "ihc.png",
]


def package_folder(name):
    """Where an installed package lies; it is not imported (it may want others)."""
    spec = importlib.util.find_spec(name)
    return pathlib.Path(spec.origin).parent


@functools.cache
def photographs():
    folder = package_folder("skimage") / "data"
    return [Image.open(folder / name).convert("RGB") for name in PHOTOGRAPHS]


def photograph_crops(count, side, seed):
    """Real photographs, cropped and mirrored at random: uint8 [count, side, side, 3]."""
    random = np.random.default_rng(seed)
    crops = []
    for index in range(count):
        picture = photographs()[index % len(PHOTOGRAPHS)]
        size = int(min(picture.size) * random.uniform(0.3, 1.0))
        left, top = (int(random.integers(0, full - size + 1)) for full in picture.size)
        crop = picture.resize((side, side), Image.Resampling.BILINEAR, (left, top, left + size, top + size))
        crops.append(np.asarray(crop)[:, :: random.choice([-1, 1])])
    return np.stack(crops)


def pictures(count, side=224, channels=3, seed=0):
    """Photographs as networks take them: float32, count arrays of [1, channels, side, side]."""
    crops = (photograph_crops(count, side, seed).astype(np.float32) - 127) / 128
    crops = crops.transpose(0, 3, 1, 2)
    crops = crops.mean(axis=1, keepdims=True) if channels == 1 else crops
    return [np.ascontiguousarray(crop[None]) for crop in crops]


def text_lines(count, width=320, seed=0):
    """Real printed lines (scikit-image's scanned page), cut out of it: count arrays of [1, 3, 48, width] in -1..1."""
    random = np.random.default_rng(seed)
    page = Image.open(package_folder("skimage") / "data" / "page.png").convert("L")
    lines = []
    for _ in range(count):
        height = int(random.integers(18, 30))
        cut = min(int(height * width / 48), page.width)
        left, top = int(random.integers(0, page.width - cut + 1)), int(random.integers(0, page.height - height))
        line = page.resize((width, 48), Image.Resampling.BILINEAR, (left, top, left + cut, top + height))
        gray = np.asarray(line, np.float32) / 127.5 - 1
        lines.append(np.repeat(gray[None, None], 3, axis=1))
    return lines


@functools.cache
def digits():
    """The reference set's samples (handwriting and speech, real and synthetic voices)."""
    from reference import read_set

    return read_set(DIGITS)


def digit_pairs(count, split="test"):
    """Inputs of av-digits: a picture and a sound each."""
    chosen = [sample for sample in digits() if sample.split == split][:count]
    return [{"image": sample.image[None], "audio": sample.audio[None]} for sample in chosen]


def keywords(count):
    """Speech of the reference set as ten cepstra in 49 frames, as MLPerf Tiny does: [1, 1, 49, 10]."""
    import json

    import librosa
    import soundfile

    names = [json.loads(line)["audio"] for line in (DIGITS / "samples.jsonl").read_text().splitlines()]
    # Every other one: the set names each recording about twice, and lies in the order of its voices.
    chosen = [names[index * len(names) // count] for index in range(count)]
    return [cepstra(librosa, *soundfile.read(DIGITS / name, dtype="float32")) for name in chosen]


def cepstra(librosa, sound, rate_hz):
    window = np.zeros(rate_hz, np.float32)
    window[: min(len(sound), rate_hz)] = sound[:rate_hz]
    values = librosa.feature.mfcc(
        y=window, sr=rate_hz, n_mfcc=10, n_fft=512, win_length=int(0.04 * rate_hz), hop_length=int(0.02 * rate_hz),
        n_mels=40, center=False, fmin=20, fmax=rate_hz / 2,
    )
    frames = np.zeros((49, 10), np.float32)
    frames[: min(49, values.shape[1])] = values.T[:49] / 50
    return frames[None, None]


def embeddings(count, tokens, width, seed):
    """Synthetic: seeded sentences of a small vocabulary whose words keep their vectors: [1, tokens, width]."""
    random = np.random.default_rng(seed)
    vocabulary = np.random.default_rng(1234).standard_normal((500, width)).astype(np.float32)
    rows = random.zipf(1.3, (count, tokens)) % len(vocabulary)
    return [vocabulary[row][None] for row in rows]


def structured(shape, count, seed):
    """Synthetic: smooth random fields with edges, of any shape (1, C, …)."""
    random = np.random.default_rng(seed)
    return [one_field(shape, random) for _ in range(count)]


def one_field(shape, random):
    axes = np.meshgrid(*[np.linspace(0, 1, size, dtype=np.float32) for size in shape[2:]], indexing="ij")
    channels = []
    for _ in range(shape[1]):
        waves = [np.sin(sum(random.uniform(1, 12) * axis for axis in axes) + random.uniform(0, 6)) for _ in range(3)]
        edge = np.sign(sum(random.normal() * (axis - random.uniform()) for axis in axes))
        channels.append(sum(random.normal() * wave for wave in waves) * 0.5 + 0.7 * edge)
    noise = random.normal(0, 0.05, shape)
    return (np.stack(channels)[None] + noise).astype(np.float32)
