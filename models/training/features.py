"""What the model is fed: the one statement of preprocessing, also written into model.toml."""

import librosa
import numpy as np
from PIL import Image

LABELS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

IMAGE_SIDE = 28
IMAGE_SCALE = 1 / 255
IMAGE_MEAN = 0.1307
IMAGE_STD = 0.3081

# 8 kHz: the human recordings (FSDD, Asterisk) are 8 kHz, so nothing above 4 kHz can be learnt from them.
SAMPLE_RATE_HZ = 8000
WINDOW_SAMPLES = 8000
FRAME_SAMPLES = 200
HOP_SAMPLES = 80
FFT = 256
BANDS = 40
LOW_HZ = 60.0
HIGH_HZ = 3800.0
FLOOR = 1e-7
FRAMES = 1 + (WINDOW_SAMPLES - FFT) // HOP_SAMPLES


def log_mel(windows, hop_samples=HOP_SAMPLES):
    """Natural log of librosa's mel power, frames first: [n, 8000] in [-1, 1] -> float32 [n, 97, 40]."""
    power = librosa.feature.melspectrogram(
        y=np.asarray(windows, np.float32), sr=SAMPLE_RATE_HZ, n_fft=FFT, win_length=FRAME_SAMPLES,
        hop_length=hop_samples, window="hann", center=False, power=2.0, n_mels=BANDS,
        fmin=LOW_HZ, fmax=HIGH_HZ, htk=False, norm="slaney",
    )
    return np.log(np.maximum(power, FLOOR)).swapaxes(-1, -2).astype(np.float32)


def normalise(gray):
    """Gray values in 0..255, [n, 28, 28] -> float32 [n, 1, 28, 28] as the graph takes them."""
    scaled = np.asarray(gray, np.float32) * np.float32(IMAGE_SCALE)
    return ((scaled - np.float32(IMAGE_MEAN)) / np.float32(IMAGE_STD))[:, None]


def load_picture(path):
    """A picture file as uint8 [28, 28]: Pillow's luma, the centre square, Pillow's antialiased bilinear."""
    gray = Image.open(path).convert("L")
    side = min(gray.size)
    left, top = (gray.width - side) // 2, (gray.height - side) // 2
    square = gray.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((IMAGE_SIDE, IMAGE_SIDE), Image.Resampling.BILINEAR))
