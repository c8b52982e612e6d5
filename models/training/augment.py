"""Distortions of log-mel batches that are drawn anew at every step, in JAX, so that no sound is met twice.

Log-mels are float32 [n, 97, 40], natural log of power. The pools hold what has to be done to samples (pitch, rooms,
cuts); here is what can be done to a spectrum: vocal tracts, pace, microphones, levels and a noise behind.
"""

import jax
import jax.numpy as jnp
import librosa
import numpy as np

from features import BANDS, FLOOR, HIGH_HZ, LOW_HZ

CENTRES_HZ = librosa.mel_frequencies(n_mels=BANDS + 2, fmin=LOW_HZ, fmax=HIGH_HZ, htk=False)[1:-1].astype(np.float32)
TRACT_RANGE = 1.16         # longest and shortest vocal tract, as a factor on frequency
PACE_RANGE = 1.25          # slowest and fastest speech, as a factor on time
BEHIND_SNR = (1.0, 8.0)    # loudest frame over the noise put behind it, in nepers of power (4 to 35 dB)


def augment(key, log_mel, noise, clear):
    """Batch, as many sounds without a digit to put behind, and which rows are clear enough for that (bool [n])."""
    keys = jax.random.split(key, 5)
    sound = resample(log_mel, pace(keys[0], *log_mel.shape[:2]), axis=1)
    sound = resample(sound, tract(keys[1], len(log_mel)), axis=2)
    silent = sound < jnp.log(FLOOR) + 0.05                # digital silence stays so through any microphone
    sound = jnp.where(silent, sound, sound + microphone(keys[2], len(log_mel)))
    sound = jnp.where((clear & (jax.random.uniform(keys[3], clear.shape) < 0.5))[:, None, None], behind(keys[3], sound, noise), sound)
    return mask(keys[4], jnp.maximum(sound, jnp.log(FLOOR)))


def resample(sound, position, axis):
    """Linear interpolation of one axis at `position` [n, length], kept inside."""
    length = sound.shape[axis]
    position = jnp.clip(position, 0, length - 1)
    weights = jnp.maximum(0, 1 - jnp.abs(position[..., None] - jnp.arange(length)))     # [n, to, from]
    return jnp.einsum("nij,njb->nib" if axis == 1 else "nij,ntj->nti", weights, sound)


def log_uniform(key, count, limit):
    """[n, 1] between 1/limit and limit."""
    return jnp.exp(jax.random.uniform(key, (count, 1), minval=-jnp.log(limit), maxval=jnp.log(limit)))


def pace(key, count, length):
    """Frame positions of faster, slower and uneven speech, around a random moment of `length` frames."""
    keys = jax.random.split(key, 5)
    frames = jnp.arange(length)[None]
    middle = jax.random.uniform(keys[0], (count, 1), minval=0.2, maxval=0.8) * length
    shift = jax.random.uniform(keys[1], (count, 1), minval=-5, maxval=5)
    swing = jax.random.uniform(keys[2], (count, 1), maxval=2.5)
    turns = jax.random.uniform(keys[3], (count, 1), minval=1, maxval=3) * frames / length + jax.random.uniform(keys[3], (count, 1))
    return middle + (frames - middle) * log_uniform(keys[4], count, PACE_RANGE) + shift + swing * jnp.sin(2 * jnp.pi * turns)


def tract(key, count):
    """Band positions of a longer or shorter vocal tract."""
    wanted_hz = CENTRES_HZ[None] * log_uniform(key, count, TRACT_RANGE)
    return jax.vmap(lambda hz: jnp.interp(hz, CENTRES_HZ, jnp.arange(BANDS, dtype=jnp.float32)))(wanted_hz)


def microphone(key, count):
    """A smooth frequency response and a gain, in nepers of power."""
    keys = jax.random.split(key, 3)
    order = jnp.arange(1, 5)
    phase = jax.random.uniform(keys[0], (count, 4, 1))
    waves = jnp.cos(2 * jnp.pi * (order[None, :, None] * jnp.arange(BANDS) / (2 * BANDS) + phase))
    response = (jax.random.normal(keys[1], (count, 4, 1)) * (0.8 / jnp.sqrt(order))[None, :, None] * waves).sum(1)
    return response[:, None, :] + jax.random.uniform(keys[2], (count, 1, 1), minval=-3, maxval=0.5)


def behind(key, sound, noise):
    """The powers of sound and noise added, at a random ratio of their loudest frames."""
    loudest = lambda x: x.mean(2, keepdims=True).max(1, keepdims=True)
    ratio = jax.random.uniform(key, (len(sound), 1, 1), minval=BEHIND_SNR[0], maxval=BEHIND_SNR[1])
    return jnp.logaddexp(sound, noise - loudest(noise) + loudest(sound) - ratio)


def mask(key, sound):
    """SpecAugment: in half of the sounds a few bands and frames take the sound's mean."""
    keys = jax.random.split(key, 5)
    def stripe(start_key, width_key, length, widest):
        start = jax.random.uniform(start_key, (len(sound), 1), maxval=length)
        width = jax.random.uniform(width_key, (len(sound), 1), maxval=widest)
        return (jnp.arange(length)[None] >= start) & (jnp.arange(length)[None] < start + width)
    hidden = stripe(keys[0], keys[1], BANDS, 8)[:, None, :] | stripe(keys[2], keys[3], sound.shape[1], 10)[:, :, None]
    chosen = jax.random.uniform(keys[4], (len(sound), 1, 1)) < 0.5
    return jnp.where(hidden & chosen, sound.mean((1, 2), keepdims=True), sound)
