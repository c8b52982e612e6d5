"""What is learnt: how EfficientNet's features and MiniLM's sentences come into one space. Closed forms, so nothing is drawn by chance.

A picture is first what ImageNet's classes say it is: the mean of the classes' names as MiniLM has them, weighted with the classifier's
probabilities (Norouzi et al. 2014, "ConSE"). Ridge regression from the features to what that leaves of the captions is added.
"""

from typing import NamedTuple

import numpy as np

DIMENSIONS = 256
FLOOR = 0.01    # of the greatest variance: whitening raises no direction further


class Settings(NamedTuple):
    """Ridge penalty, temperature of the classes' probabilities, and how far variances are evened out (0 not, 1 wholly)."""

    penalty: float
    temperature: float
    whitening: float


class Heads(NamedTuple):
    """Sentence s: (s / |s| - centre) @ space. Features f: f @ weight + bias + softmax(logits / temperature) @ names. Then unit length."""

    centre: np.ndarray       # [384]
    space: np.ndarray        # [384, DIMENSIONS]
    weight: np.ndarray       # [1280, DIMENSIONS]
    bias: np.ndarray         # [DIMENSIONS]
    names: np.ndarray        # [1000, DIMENSIONS]
    temperature: float


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def probabilities(logits, temperature):
    """Softmax over the last axis."""
    raised = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    return raised / raised.sum(axis=-1, keepdims=True)


def whitened_space(names, whitening):
    """The main directions of the classes' names, long ones shortened: [384, DIMENSIONS]."""
    directions, variances, _ = np.linalg.svd(np.cov((names - names.mean(axis=0)).T))
    stretched = (variances + FLOOR * variances[0]) ** (-whitening / 2)
    return (directions * stretched)[:, :DIMENSIONS].astype(names.dtype)


class Regressors(NamedTuple):
    """Features [n, views, 1280] as regression takes them: their mean, [n * views, 1280] without it, and that squared."""

    mean: np.ndarray
    centred: np.ndarray
    square: np.ndarray


def regressors(features):
    """Prepared once for all settings."""
    mean = features.mean(axis=(0, 1))
    centred = (features - mean).reshape(-1, features.shape[-1])
    return Regressors(mean, centred, centred.T @ centred)


def fit(prepared, logits, sentences, names, settings):
    """Prepared features, their logits [n, views, 1000], sentences [n, 384], classes' names [1000, 384]."""
    sentences, names = unit(sentences), unit(names)
    space, centre = whitened_space(names, settings.whitening), sentences.mean(axis=0)
    wanted = np.repeat((sentences - centre) @ space, logits.shape[1], axis=0)
    named = (names - names.mean(axis=0)) @ space
    told = probabilities(logits, settings.temperature).reshape(-1, len(names)) @ named
    share = (told * wanted).sum() / (told * told).sum()
    penalised = prepared.square + settings.penalty * np.eye(len(prepared.mean), dtype=prepared.square.dtype)
    weight = np.linalg.solve(penalised, prepared.centred.T @ (wanted - share * told))
    return Heads(centre, space, weight, -prepared.mean @ weight, share * named, settings.temperature)


def image_embeddings(heads, features, logits):
    """[n, 1280], [n, 1000] -> [n, DIMENSIONS] of unit length."""
    told = probabilities(logits, heads.temperature) @ heads.names
    return unit(features @ heads.weight + heads.bias + told)


def text_embeddings(heads, sentences):
    """[n, 384] -> [n, DIMENSIONS] of unit length."""
    return unit((unit(sentences) - heads.centre) @ heads.space)


def load(path):
    """The heads that train.py wrote."""
    with np.load(path) as archive:
        return Heads(**{name: archive[name] for name in Heads._fields})
