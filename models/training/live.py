"""Either side alone, as a live device would get it: pictures through a simulated camera, sounds at any place and level.

    python live.py --bundle ../zoo/av-digits --set ../../calibration/sets/av-digits

The camera shows the digit in a frame of limited range, with blur and noise; its centre square is scaled down by Pillow.
"""

import argparse
import json
import pathlib
from typing import NamedTuple

import numpy as np
import soundfile
from PIL import Image, ImageFilter

from features import IMAGE_SIDE, LABELS, WINDOW_SAMPLES, log_mel, normalise
from reference import Runtime

SEED = 9


class Camera(NamedTuple):
    """Frame size; the digit's box and displacement as shares of the height; blur in pixels; light 0..1; noise in steps."""

    width: int
    height: int
    box: float
    displaced: float
    blur: float
    light: float
    noise: float


CAMERAS = {
    "640x360, soft": Camera(640, 360, 1.0, 0.03, 2, 1.0, 3), "1280x720, displaced and dim": Camera(1280, 720, 0.9, 0.08, 3, 0.5, 6),
    "640x360, small and blurred": Camera(640, 360, 0.7, 0.05, 5, 0.8, 4), "1280x720, near": Camera(1280, 720, 1.1, 0.05, 2, 1.0, 4),
}


def photograph(rng, path, camera):
    """The picture file seen by the camera, as gray uint8 [28, 28]."""
    side = round(camera.height * camera.box)
    frame = Image.new("L", (camera.width, camera.height))
    moved = rng.uniform(-camera.displaced, camera.displaced, 2) * camera.height
    corner = (np.array(frame.size) - side) / 2 + moved
    frame.paste(Image.open(path).resize((side, side), Image.Resampling.BILINEAR), tuple(int(value) for value in np.round(corner)))
    light = np.asarray(frame.filter(ImageFilter.GaussianBlur(camera.blur)), np.float32) * camera.light
    luma = np.clip(16 + light * 219 / 255 + rng.normal(0, camera.noise, light.shape), 0, 255).astype(np.uint8)
    left = (camera.width - camera.height) // 2
    square = Image.fromarray(luma).crop((left, 0, left + camera.height, camera.height))
    return np.asarray(square.resize((IMAGE_SIDE, IMAGE_SIDE), Image.Resampling.BILINEAR))


def late_or_early(rng, sound):
    """Moved by up to 0.3 s; what leaves the window is lost."""
    padded = np.pad(sound, WINDOW_SAMPLES)
    start = WINDOW_SAMPLES + rng.integers(-2400, 2401)
    return padded[start: start + WINDOW_SAMPLES]


MICROPHONES = {
    "as it is": lambda rng, sound: sound,
    "up to 0.3 s late or early": late_or_early,
    "cut anywhere from a loop": lambda rng, sound: np.roll(sound, rng.integers(WINDOW_SAMPLES)),
    "34 dB quieter, 16 bits": lambda rng, sound: (np.round(sound * 0.02 * 32768) / 32768).astype(np.float32),
}


def report(path, folder, lines):
    """Prints one graph's accuracy for each camera and microphone."""
    runtime, rng = Runtime(path), np.random.default_rng(SEED)
    labels, count = np.array([LABELS.index(line["label"]) for line in lines]), len(lines)
    silence, black = log_mel(np.zeros((1, WINDOW_SAMPLES))).repeat(count, 0), normalise(np.zeros((1, IMAGE_SIDE, IMAGE_SIDE))).repeat(count, 0)
    print(f"\n### {path.name}, {count} samples\n\n| | accuracy alone |\n|---|---|")
    for name, camera in CAMERAS.items():
        images = normalise(np.stack([photograph(rng, folder / line["image"], camera) for line in lines]))
        print(f"| camera {name} | {(runtime.answers(images, silence)['logits'].argmax(1) == labels).mean():.4f} |")
    for name, change in MICROPHONES.items():
        sounds = [soundfile.read(folder / line["audio"], dtype="float32")[0] for line in lines]
        answer = runtime.answers(black, log_mel(np.stack([change(rng, sound) for sound in sounds])))
        print(f"| sound {name} | {(answer['logits'].argmax(1) == labels).mean():.4f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bundle", "set"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    lines = [json.loads(line) for line in (arguments.set / "samples.jsonl").read_text().splitlines()]
    for precision in ("fp32", "int8"):
        report(arguments.bundle / f"model.{precision}.onnx", arguments.set, [line for line in lines if line["split"] == "test"])


if __name__ == "__main__":
    main()
