"""What happens to a word between a mouth and the window: seeded distortions of one second of sound.

Every function takes a numpy Generator. Sounds are float32 at 8 kHz, full scale 1.
"""

import numpy as np
import soxr
from scipy.signal import fftconvolve

from features import SAMPLE_RATE_HZ, WINDOW_SAMPLES

CLEAN_SNR_DB = (12.0, 45.0)
NOISY_SNR_DB = (-15.0, 12.0)


def window(rng, word, snr_db, babble):
    """One second that holds `word` as a free-running microphone would give it. float32 [8000].

    snr_db: speech over noise, both as mean power over the window; babble: other words to murmur behind it.
    """
    word = change_speed(rng, word)
    sound = place(rng, word)
    if rng.random() < 0.5:
        sound = colour(rng, sound)
    if rng.random() < 0.35:
        sound = reverberate(rng, sound)
    sound *= 10 ** (rng.uniform(-32, -2) / 20) / max(np.abs(sound).max(), 1e-6)
    sound = sound + noise_at(rng, np.sqrt(np.mean(sound**2)) * 10 ** (-snr_db / 20), babble)
    return to_16_bit(sound)


def empty(rng, babble):
    """A second without a digit: silence, or noise from faint to loud. float32 [8000]."""
    if rng.random() < 0.3:
        return np.zeros(WINDOW_SAMPLES, np.float32)
    return to_16_bit(noise_at(rng, 10 ** (rng.uniform(-75, -12) / 20), babble))


def change_speed(rng, word):
    """Speed and pitch together, which also stands for longer and shorter vocal tracts."""
    factor = np.exp(rng.uniform(np.log(0.82), np.log(1.22)))
    return soxr.resample(word, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ, quality="LQ")


def trim(rng, word):
    """Cut off what is soft before and after, as recorders and speech detectors do: whole consonants at times."""
    frames = np.abs(word[: len(word) // 80 * 80]).reshape(-1, 80).max(1)          # peaks of 10 ms
    loud = np.flatnonzero(frames > frames.max() * 10 ** (rng.uniform(-40, -22) / 20)) * 80
    kept = word[loud[0]: loud[-1] + 80].copy()
    kept[:40] *= np.linspace(0, 1, 40)
    kept[-40:] *= np.linspace(1, 0, 40)
    return kept


def place(rng, word):
    """The word anywhere in the window, now and then cut a little, wrapped round or with a neighbour's part."""
    word = word[:WINDOW_SAMPLES]
    line = np.zeros(3 * WINDOW_SAMPLES, np.float32)
    cut = rng.uniform(0, 0.12) * len(word)
    start = round(WINDOW_SAMPLES + rng.uniform(-cut, WINDOW_SAMPLES - len(word) + cut))
    line[start: start + len(word)] += word
    if rng.random() < 0.25:
        distance = len(word) + round(rng.uniform(0.1, 0.5) * SAMPLE_RATE_HZ)
        for other in (start - distance, start + distance):
            if 0 <= other <= len(line) - len(word):
                line[other: other + len(word)] += word
    sound = line[WINDOW_SAMPLES: 2 * WINDOW_SAMPLES]
    return np.roll(sound, rng.integers(WINDOW_SAMPLES)) if rng.random() < 0.12 else sound


def colour(rng, sound):
    """A microphone's and a room's frequency response: a tilt, a few smooth bumps, sometimes a telephone's band."""
    frequency_hz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE_HZ)
    octave = np.log2(np.maximum(frequency_hz, 50) / 1000)
    gain_db = rng.uniform(-4, 4) * octave
    for _ in range(3):
        gain_db += rng.uniform(-7, 7) * np.exp(-(((octave - rng.uniform(-4, 2)) / rng.uniform(0.3, 1.2)) ** 2))
    if rng.random() < 0.3:
        low_hz, high_hz = rng.uniform(80, 350), rng.uniform(2400, 3900)
        gain_db -= 12 * np.maximum(0, np.log2(low_hz / np.maximum(frequency_hz, 20)))
        gain_db -= 30 * np.maximum(0, np.log2(np.maximum(frequency_hz, 20) / high_hz))
    return np.fft.irfft(np.fft.rfft(sound) * 10 ** (gain_db / 20), len(sound)).astype(np.float32)


def reverberate(rng, sound):
    """A decaying noise as impulse response, T60 0.1 to 0.6 s, after the direct sound."""
    decay_s = rng.uniform(0.1, 0.6)
    time_s = np.arange(int(decay_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tail = rng.normal(0, 1, len(time_s)) * np.exp(-6.9 * time_s / decay_s)
    tail *= 10 ** (rng.uniform(-18, 2) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] += 1
    return fftconvolve(sound, tail)[: len(sound)].astype(np.float32)


def noise_at(rng, level, babble, length=WINDOW_SAMPLES):
    """Noise of a random kind with the given root mean square."""
    kind = rng.choice(["coloured", "hum", "babble", "bursts"], p=[0.6, 0.1, 0.2, 0.1])
    noise = {"coloured": coloured, "hum": hum, "bursts": bursts}[kind](rng, length) if kind != "babble" else murmur(rng, babble, length)
    return noise * (level / max(np.sqrt(np.mean(noise**2)), 1e-9))


def coloured(rng, length=WINDOW_SAMPLES):
    """Noise whose power falls with frequency by 0 (white) to 2 (brown)."""
    spectrum = np.fft.rfft(rng.normal(0, 1, length))
    index = np.arange(len(spectrum))
    return np.fft.irfft(spectrum / np.maximum(index, 20) ** (rng.uniform(0, 2) / 2), length)


def hum(rng, length=WINDOW_SAMPLES):
    """Mains hum with harmonics, in a little white noise."""
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    base_hz = rng.choice([50, 60])
    tones = sum(rng.uniform(0, 1) / order * np.sin(2 * np.pi * (base_hz * order * time_s + rng.random())) for order in range(1, 12))
    return tones + rng.normal(0, 0.03, length)


def bursts(rng, length=WINDOW_SAMPLES):
    """Knocks and clicks: short decaying noises."""
    sound = rng.normal(0, 0.01, length)
    for _ in range(rng.integers(1, 6)):
        start, lasts = rng.integers(length), rng.integers(40, 1200)
        piece = rng.normal(0, 1, lasts) * np.exp(-np.arange(lasts) / lasts * 5)
        sound[start: start + lasts] += piece[: length - start]
    return sound


def murmur(rng, babble, length=WINDOW_SAMPLES):
    """Six random words over one another, backwards, so that none of them can be the answer."""
    sound = rng.normal(0, 1e-4, length)
    for _ in range(6):
        word = babble[rng.integers(len(babble))][:length][::-1]
        start = rng.integers(length - len(word) + 1)
        sound[start: start + len(word)] += word
    return sound


def to_16_bit(sound):
    """What a 16-bit converter makes of it: clipped and rounded."""
    return (np.round(np.clip(sound, -1, 1) * 32767) / 32768).astype(np.float32)
