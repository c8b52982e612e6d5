"""Records what Pillow and librosa make of real pictures and sounds, for tests/preprocessing.rs.

    ./make.sh

Photographs: scikit-learn's sample pictures (CC-BY 2.0, see ATTRIBUTION.md), cut to small pieces. Digits and speech:
copies from the reference set av-digits. index.json states every input as model.toml would.
"""

import argparse
import json
import pathlib
import shutil

import librosa
import numpy as np
import soundfile
from PIL import Image
from sklearn.datasets import load_sample_image

HERE = pathlib.Path(__file__).parent
FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Decoders round differently: a JPEG's pixels may differ by this much.
JPEG_TOLERANCE = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    for pattern in ("expected-*", "digit-*", "speech-*"):
        for old in HERE.glob(pattern):
            old.unlink()
    cut_photographs()
    index = {"pictures": pictures(arguments.set), "sounds": sounds(arguments.set)}
    (HERE / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def cut_photographs():
    """Pieces with odd sides, so that no scale is a whole number."""
    china, flower = (Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg"))
    china.crop((260, 130, 391, 217)).save(HERE / "china.png", optimize=True)
    flower.crop((250, 60, 327, 173)).save(HERE / "flower.png", optimize=True)
    china.crop((120, 90, 376, 282)).save(HERE / "china.jpg", quality=85)


def pictures(folder):
    """Every fit, filter and channel order, shrunk and enlarged."""
    cases = [
        ("china.png", image_input(28, 28, "gray", "crop", "bilinear")),
        ("china.png", image_input(50, 33, "rgb", "stretch", "bicubic")),
        ("china.png", image_input(64, 64, "rgb", "letterbox", "bilinear", pad=114)),
        ("china.png", image_input(40, 40, "bgr", "stretch", "nearest")),
        ("china.png", image_input(150, 101, "gray", "stretch", "bicubic")),
        ("flower.png", image_input(28, 28, "gray", "crop", "bicubic")),
        ("flower.png", image_input(96, 48, "gray", "letterbox", "nearest")),
        ("flower.png", image_input(77, 40, "rgb", "crop", "bilinear")),
        ("flower.png", image_input(31, 113, "bgr", "stretch", "bilinear")),
        ("china.jpg", image_input(64, 48, "rgb", "stretch", "bilinear")),
        ("china.jpg", image_input(28, 28, "gray", "crop", "bilinear")),
    ]
    digits = sorted((folder / "images").glob("*.png"))[::97]
    for digit in digits:
        name = copy(digit, "digit")
        cases += [(name, image_input(28, 28, "gray", "crop", "bilinear")), (name, image_input(19, 41, "rgb", "stretch", "bicubic"))]
    return [record_picture(number, name, stated) for number, (name, stated) in enumerate(cases)]


def copy(file, kind):
    """A file of the set, kept here, so that these figures stay true when the set is made anew."""
    name = f"{kind}-{file.name}"
    shutil.copy(file, HERE / name)
    return name


def image_input(width, height, channels, fit, filter_name, pad=0):
    return {"name": "image", "width": width, "height": height, "channels": channels, "fit": fit, "filter": filter_name, "pad": pad}


def record_picture(number, name, stated):
    fitted = fit(Image.open(HERE / name), stated)
    expected = f"expected-{number:02}.png"
    Image.fromarray(fitted).save(HERE / expected, optimize=True)
    return {"picture": name, "input": stated, "expected": expected, "tolerance": JPEG_TOLERANCE if name.endswith(".jpg") else 0}


def fit(picture, stated):
    """uint8 [height, width] or [height, width, 3], with Pillow's own conversion, crop, resize and paste."""
    picture = picture.convert("L" if stated["channels"] == "gray" else "RGB")
    size, resampling = (stated["width"], stated["height"]), FILTERS[stated["filter"]]
    if stated["fit"] == "stretch":
        picture = picture.resize(size, resampling)
    elif stated["fit"] == "crop":
        picture = crop(picture, size).resize(size, resampling)
    else:
        picture = letterbox(picture, size, resampling, stated["pad"])
    fitted = np.asarray(picture)
    return fitted[:, :, ::-1].copy() if stated["channels"] == "bgr" else fitted


def crop(picture, size):
    width = min(picture.width, half_up(picture.height * size[0], size[1]))
    height = min(picture.height, half_up(picture.width * size[1], size[0]))
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def letterbox(picture, size, resampling, pad):
    width = min(size[0], half_up(picture.width * size[1], picture.height))
    height = min(size[1], half_up(picture.height * size[0], picture.width))
    box = Image.new(picture.mode, size, (pad,) * len(picture.getbands()))
    box.paste(picture.resize((width, height), resampling), ((size[0] - width) // 2, (size[1] - height) // 2))
    return box


def half_up(numerator, denominator):
    return (numerator + denominator // 2) // denominator


def sounds(folder):
    """The front ends of av-digits, of torchaudio's defaults (htk, none), of Whisper's kind, and one in decibels."""
    fronts = [
        dict(window="hann", window_samples=200, hop_samples=80, fft=256, bands=40, low_hz=60.0, high_hz=3800.0, mel_scale="slaney",
             mel_norm="slaney", power=2.0, center=False, log="ln", floor=1e-7, axes="frames_bands"),
        dict(window="hamming", window_ms=25.0, hop_ms=10.0, fft=400, bands=32, low_hz=0.0, high_hz=4000.0, mel_scale="htk",
             mel_norm="none", power=1.0, center=True, pad_mode="constant", log="log10", floor=1e-5, axes="bands_frames"),
        dict(window="hann", window_samples=400, hop_samples=160, fft=512, bands=23, low_hz=20.0, high_hz=4000.0, mel_scale="slaney",
             mel_norm="none", power=2.0, center=True, pad_mode="reflect", log="db", floor=1e-10, axes="bands_frames"),
        dict(window="hann", window_ms=32.0, hop_ms=20.0, fft=256, bands=20, low_hz=50.0, high_hz=3500.0, mel_scale="htk",
             mel_norm="slaney", power=1.0, center=False, log="ln", floor=1e-6, axes="frames_bands"),
    ]
    clips = sorted((folder / "audio").glob("*.flac"))[5::160]
    cases = [(clip, front) for clip in clips[:1] for front in fronts] + [(clip, fronts[0]) for clip in clips[1:3]]
    return [record_sound(number, clip, front) for number, (clip, front) in enumerate(cases)]


def record_sound(number, clip, front):
    samples, rate = soundfile.read(clip, dtype="float32")
    expected = f"expected-{number:02}.f32"
    log_mel(samples, rate, front).astype("<f4").tofile(HERE / expected)
    stated = {"name": "audio", "sample_rate_hz": rate, "window_ms": len(samples) * 1000 // rate, "features": {"kind": "log_mel", **front}}
    return {"sound": copy(clip, "speech"), "input": stated, "expected": expected}


def log_mel(samples, rate, front):
    def in_samples(name):
        return front.get(f"{name}_samples") or round(front[f"{name}_ms"] * rate / 1000)

    mel = librosa.feature.melspectrogram(
        y=samples, sr=rate, n_fft=front["fft"], win_length=in_samples("window"), hop_length=in_samples("hop"), window=front["window"],
        center=front["center"], pad_mode=front.get("pad_mode", "constant"), power=front["power"], n_mels=front["bands"],
        fmin=front["low_hz"], fmax=front["high_hz"], htk=front["mel_scale"] == "htk", norm="slaney" if front["mel_norm"] == "slaney" else None)
    logarithm = {"ln": np.log, "log10": np.log10, "db": lambda value: 10 * np.log10(value)}[front["log"]]
    features = logarithm(np.maximum(mel, front["floor"]))
    return features.T if front["axes"] == "frames_bands" else features


if __name__ == "__main__":
    main()
