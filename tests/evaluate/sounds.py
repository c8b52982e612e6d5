"""Corruptions of sounds as docs/corruptions.md defines them, on numpy, scipy and librosa. Sounds are float32 from −1 to 1."""
import functools

import librosa
import numpy as np
from scipy import signal


def power(sound):
    return np.mean(np.square(sound, dtype=np.float64))


def at_snr(sound, noise, snr_db):
    noise_power = power(noise)
    return sound + noise * np.sqrt(power(sound) / (noise_power * 10 ** (snr_db / 10))) if noise_power > 0 else sound


def white_noise(sound, rate, figures, random, voices):
    return at_snr(sound, random.standard_normal(len(sound), dtype=np.float32), figures["snr_db"])


def pink_noise(sound, rate, figures, random, voices):
    spectrum = np.fft.rfft(random.standard_normal(len(sound)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return at_snr(sound, np.fft.irfft(spectrum, len(sound)), figures["snr_db"])


def hum(sound, rate, figures, random, voices):
    mains = random.choice([50, 60])
    harmonics = np.arange(1, 9)
    harmonics = harmonics[mains * harmonics < rate / 2]
    turns = mains * harmonics[:, np.newaxis] * np.arange(len(sound)) / rate + random.random((len(harmonics), 1))
    return at_snr(sound, (1 / harmonics) @ np.sin(2 * np.pi * turns), figures["snr_db"])


def babble(sound, rate, figures, random, voices):
    """Other samples' sounds at equal power, each from a random place on."""
    talk = sum(np.resize(np.roll(voice, -random.integers(len(voice))), len(sound)) / np.sqrt(power(voice)) for voice in voices)
    return at_snr(sound, talk, figures["snr_db"])


def reverberation(sound, rate, figures, random, voices):
    """Noise that decays by 60 dB in `decay_s` after the direct sound (Polack 1988); the power stays."""
    count = min(int(min(figures["decay_s"], 4) * rate), len(sound))
    response = random.standard_normal(count) * 10 ** (-3 * np.arange(count) / (figures["decay_s"] * rate))
    response[0] = 0
    response *= np.sqrt(10 ** (-figures["direct_db"] / 10) / np.sum(response**2))
    response[0] = 1
    heard = signal.fftconvolve(sound, response)[:len(sound)]
    return heard * np.sqrt(power(sound) / power(heard))


def clipping(sound, rate, figures, random, voices):
    levels = np.abs(sound)
    place = min(int((1 - figures["share"]) * len(sound)), len(sound) - 1)
    level = np.partition(levels, place)[place]
    return np.clip(sound, -level, level)


def gain(sound, rate, figures, random, voices):
    return np.rint(sound * 10 ** (figures["gain_db"] / 20) * 32768) / 32768


@functools.cache
def band_filter(rate, low_hz, high_hz):
    """A sinc of 20 ms under Blackman's window. Limits past half the rate let all through."""
    limits = [low_hz, high_hz] if high_hz < rate / 2 else [low_hz]
    return signal.firwin(2 * int(0.01 * rate) + 1, limits, window="blackman", pass_zero=False, scale=False, fs=rate)


def band_limit(sound, rate, figures, random, voices):
    return signal.fftconvolve(sound, band_filter(rate, figures["low_hz"], figures["high_hz"]), mode="same")


def packet_loss(sound, rate, figures, random, voices):
    """Packets are lost in gaps: a chain of two states (Gilbert 1960)."""
    packet = int(figures["packet_ms"] / 1000 * rate)
    left = sound.copy()
    leave = 1 / figures["length"]
    enter = leave * figures["share"] / (1 - figures["share"])
    in_gap = random.random() < figures["share"]
    for start, draw in zip(range(0, len(sound), packet), random.random(-(-len(sound) // packet))):
        if in_gap:
            left[start:start + packet] = 0
        in_gap = draw >= leave if in_gap else draw < enter
    return left


def resampling_drift(sound, rate, figures, random, voices):
    speed = 1 + figures["share"] * random.choice([-1, 1])
    return librosa.util.fix_length(librosa.resample(sound, orig_sr=rate * speed, target_sr=rate, res_type="soxr_hq"), size=len(sound))


KINDS = [white_noise, pink_noise, hum, babble, reverberation, clipping, gain, band_limit, packet_loss, resampling_drift]


def corrupt(kind, sound, rate, figures, random, voices):
    """A corrupted sound of the same length and type."""
    return np.clip(kind(sound, rate, figures, random, voices), -1, 1).astype(np.float32)
