"""Samples as they are: accuracy, calibration, and how far embeddings are apart."""
import time

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from evaluator import MODALITIES
from intervals import figure, rates
from parity.reference import calibration_error

# As many windows are timed one after the other as edgeval does, and as many are averaged at most.
TIMED, AVERAGED = 200, 128


def timed(evaluator):
    """Answers by place of the first of the order, one after the other, and the seconds that each took from decoded input to answer."""
    answers, times = {}, []
    for place in evaluator.order[:TIMED]:
        for decode in (evaluator.picture, evaluator.sound):
            decode(place)
        started = time.perf_counter()
        answers[place] = evaluator.clean(place)
        times.append(time.perf_counter() - started)
    return answers, times


def latencies(times):
    """The 50th and 99th percentile in milliseconds."""
    return [float(1000 * np.percentile(times, share)) for share in (50, 99)]


def means(evaluator):
    """What the model is given on average, of the first of the order. They were timed: their tensors are there."""
    return {modality: np.mean([evaluator.tensor(place, modality) for place in evaluator.order[:AVERAGED]], axis=0) for modality in MODALITIES}


def gathered(truth, answers):
    """Right classes, probabilities, embeddings of length 1, and the distances between them: a row a sample."""
    probabilities, first, second = (np.stack(column) for column in zip(*answers))
    first, second = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (first, second))
    return np.array(truth), probabilities, first, second, 1 - first @ second.T


def clean_figures(truth, probabilities, first, second, distances):
    """Accuracy, calibration and distances of embeddings."""
    classes, said = probabilities.shape[1], probabilities.argmax(axis=1)
    belonging, others = distances.diagonal(), distances[truth[:, np.newaxis] != truth]
    nearer = roc_auc_score(np.repeat([1, 0], [len(belonging), len(others)]), -np.concatenate([belonging, others]))
    return {
        "top1": float(np.mean(said == truth)),
        "f1_macro": float(f1_score(truth, said, labels=range(classes), average="macro", zero_division=0)),
        "ece": calibration_error(probabilities.max(axis=1), said == truth)[0],
        "belonging_distance": float(belonging.mean()),
        "shuffled_distance": float(others.mean()),
        "auc": float(nearer),
        "alignment": float(np.mean(np.sum((first - second) ** 2, axis=1))),
        "uniformity_first": uniformity(first),
        "uniformity_second": uniformity(second),
        "modality_gap": float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))),
    }


def intervals(rows, weights):
    """The figures of which resamples are taken, with their intervals."""
    truth, probabilities, first, second, distances = rows
    said, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    bins = np.eye(15)[np.minimum((confidence * 15).astype(int), 14)]
    apart = truth[:, np.newaxis] != truth
    statistics = of_classes(truth, said, probabilities.shape[1], weights) | {
        "ece": np.abs((weights * (confidence - (said == truth))) @ bins).sum(axis=1),
        "brier": weights @ ((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(axis=1),
        "nll": weights @ -np.log(probabilities[np.arange(len(truth)), truth]),
        "belonging_distance": weights @ distances.diagonal(),
        "shuffled_distance": weights @ of_pairs(distances, apart),
        "auc": weights @ of_nearer(distances, apart),
        "alignment": weights @ ((first - second) ** 2).sum(axis=1),
        "uniformity_first": uniformities(first, weights),
        "uniformity_second": uniformities(second, weights),
        "modality_gap": np.linalg.norm(weights @ (first - second), axis=1),
    }
    return {"top1": rates(weights @ (said == truth), len(truth))} | {name: figure(values) for name, values in statistics.items()}


def of_classes(truth, said, classes, weights):
    """Means over classes, by rows of weights; a class that a resample doesn't have is left out."""
    confusion = (weights @ np.eye(classes**2)[truth * classes + said]).reshape(-1, classes, classes)
    right, of_class, as_class = confusion.diagonal(axis1=1, axis2=2), confusion.sum(axis=2), confusion.sum(axis=1)
    there = np.count_nonzero(of_class + as_class, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = {"precision_macro": right / as_class, "recall_macro": right / of_class, "f1_macro": 2 * right / (of_class + as_class)}
    return {name: np.nan_to_num(scores).sum(axis=1) / there for name, scores in each.items()}


def of_pairs(values, apart):
    """Each sample's term of a mean over pairs, with what it adds on either side: the mean of terms varies as the figure does (Hájek 1968)."""
    values, pairs = np.where(apart, values, 0).astype(np.float64), apart.sum()
    mean, sides = values.sum() / pairs, apart.sum(axis=0) + apart.sum(axis=1)
    return mean + len(values) * (values.sum(axis=0) + values.sum(axis=1) - mean * sides) / pairs


def of_nearer(distances, apart):
    """The same of the probability that a belonging pair is nearer than another, ties counting half."""
    belonging, others = np.sort(distances.diagonal()), np.sort(distances[apart])
    won = sum(np.searchsorted(belonging, distances, side) for side in ("left", "right")) / (2 * len(belonging))
    beaten = sum(np.searchsorted(others, distances.diagonal(), side) for side in ("left", "right")) / (2 * len(others))
    terms = of_pairs(won, apart)
    return terms - terms.mean() + 1 - beaten


def split_mix(seed):
    """SplitMix64's first number from a seed."""
    mixed = (seed + 0x9E3779B97F4A7C15) % 2**64
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % 2**64
    return mixed ^ mixed >> 31


def drawn(count):
    """The places of at most 200 samples: those that SplitMix64 gives the smallest numbers for."""
    return sorted(range(count), key=split_mix)[:200]


def uniformity(vectors):
    """Wang & Isola 2020, over all pairs of the samples that are drawn."""
    vectors = vectors[drawn(len(vectors))]
    squares = 2 - 2 * vectors @ vectors.T
    return float(np.log(np.mean(np.exp(-2 * squares[np.triu_indices(len(vectors), 1)]))))


def uniformities(vectors, weights):
    """The same by rows of weights; no sample is held against itself, however often it was drawn."""
    places = drawn(len(vectors))
    vectors, weights = vectors[places].astype(np.float64), weights[:, places]
    kernel = np.exp(-4 * (1 - vectors @ vectors.T))
    np.fill_diagonal(kernel, 0)
    return np.log(np.vecdot(weights @ kernel, weights) / (weights.sum(axis=1) ** 2 - np.vecdot(weights, weights)))
