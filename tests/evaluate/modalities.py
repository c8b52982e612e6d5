"""What modalities contribute: without one, with others' in its place, and whether each alone says the same."""
import math

import numpy as np

from evaluator import MODALITIES
from intervals import figure, rates


def contributions(means):
    """Shapley's values of modalities, from mean scores by rows of weights and, across, combinations by their bits."""
    count = means.shape[1].bit_length() - 1
    values = np.zeros((len(means), count))
    for bits in range(means.shape[1]):
        before = bits.bit_count()
        share = math.factorial(before) * math.factorial(count - before - 1) / math.factorial(count) if before < count else 0
        for place in range(count):
            if not bits >> place & 1:
                values[:, place] += share * (means[:, bits | 1 << place] - means[:, bits])
    return values


def fairness(scores, replaced, weights):
    """Of each modality what it contributes, what it is worth alone, and what is lost with others' in its place. `scores` have a column a combination,
    `replaced` by modality the mean's and then one each other's."""
    count, means = len(scores), weights @ scores
    values = contributions(means)
    with np.errstate(invalid="ignore"):
        shares = values / np.abs(values).sum(axis=1, keepdims=True)
    found = {"imbalance": figure(shares.max(axis=1) - shares.min(axis=1))}
    alone = dict(zip(MODALITIES, rates(means[:, list(MODALITIES.values())], count)))
    for place, modality in enumerate(MODALITIES):
        lost = means[:, -1] - (weights @ replaced[modality][:, 1:]).mean(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            by_score = np.where(means[:, -1] > 0, lost / means[:, -1], np.nan)
        found[modality] = {"shapley": figure(values[:, place]), "share": figure(shares[:, place]), "alone": alone[modality],
                           "perceptual": figure(lost), "perceptual_normalised": figure(by_score)}
    return found


def missing(scores, replaced, weights):
    """Scores with nothing, the mean, and others' in a modality's place."""
    found = {}
    for modality, bit in MODALITIES.items():
        without = scores.shape[1] - 1 - bit
        nothing, mean = rates(weights @ np.column_stack([scores[:, without], replaced[modality][:, 0]]), len(scores))
        found[modality] = {"nothing": nothing, "mean": mean, "frozen": figure((weights @ replaced[modality][:, 1:]).mean(axis=1))}
    return found


def agreement(combined, weights):
    """How often both modalities alone pick the same class, and how far their probabilities are apart: Jensen and Shannon's divergence in bits."""
    one, other = (combined[:, bit].astype(np.float64) for bit in MODALITIES.values())
    middle = (one + other) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        bits = sum(np.nan_to_num(side * np.log2(side / middle)).sum(axis=1) for side in (one, other)) / 2
    same = one.argmax(axis=1) == other.argmax(axis=1)
    return {"agreement": rates(weights @ same, len(same)), "divergence_bits": figure(weights @ bits)}
