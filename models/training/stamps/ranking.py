"""Recall and the shape of a space of embeddings, in numpy: what `edgeval evaluate` is held against."""

import numpy as np


def ranks(images, texts):
    """Ranks from 1 of what belongs together, picture to text and text to picture; ties count against us. Unit vectors [n, d]."""
    likeness = images @ texts.T
    own = np.diag(likeness)
    return (likeness >= own[:, None]).sum(axis=1), (likeness >= own[None]).sum(axis=0)


def recall(found, k):
    """Share of ranks up to k."""
    return float((found <= k).mean())


def wilson(found, k, z=1.959964):
    """Wilson's interval (95 %) of recall at k."""
    n, share = len(found), recall(found, k)
    middle, half = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [round(float((middle + sign * half) / (1 + z * z / n)), 4) for sign in (-1, 1)]


def alignment(images, texts):
    """Mean squared distance of what belongs together (Wang and Isola 2020)."""
    return float(((images - texts) ** 2).sum(axis=1).mean())


def uniformity(vectors):
    """Logarithm of the mean of exp(-2 d^2) over pairs (Wang and Isola 2020): lower is more even."""
    squared = 2 - 2 * vectors @ vectors.T
    upper = np.triu_indices(len(vectors), 1)
    return float(np.log(np.exp(-2 * squared[upper]).mean()))


def modality_gap(images, texts):
    """Distance between the two means (Liang et al. 2022)."""
    return float(np.linalg.norm(images.mean(axis=0) - texts.mean(axis=0)))


def separation(images, texts):
    """AUC of telling a belonging pair from another by its distance."""
    likeness = images @ texts.T
    others = likeness[~np.eye(len(likeness), dtype=bool)]
    own = np.diag(likeness)[:, None]
    return float((own > others).mean() + 0.5 * (own == others).mean())
