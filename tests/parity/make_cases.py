"""Seeded random and edge cases with the reference implementations' answers, as JSON on standard output.

numpy gives percentiles, scikit-learn classification figures, scipy divergences, bootstrap intervals and binomial tails, statsmodels
Wilson's intervals and McNemar's test. torchmetrics' ECE and MCE are recorded apart (record_calibration.py), as it needs torch;
those of the cases here follow the same definition.
"""
import json
import warnings

import cases_generation
import cases_judgement
import numpy as np
from reference import calibration_error
from scipy.spatial.distance import jensenshannon
from scipy.stats import binom, bootstrap
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

warnings.filterwarnings("ignore")
RANDOM = np.random.default_rng(20240917)
SHARES = [0.0, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]


def percentile_cases():
    for size in (1, 2, 3, 10, 64, 999, 1000):
        values = np.sort(RANDOM.gamma(2.0, 100.0, size).round(RANDOM.integers(0, 4)))
        # quantile(0.999), not percentile(99.9): 100 times a share and back is not the share in floats.
        answers = [float(np.quantile(values, share, method="inverted_cdf")) for share in SHARES]
        yield {"values": values.tolist(), "shares": SHARES, "percentiles": answers}


def probabilities(classes, samples, sharpness):
    logits = RANDOM.normal(size=(samples, classes)) * sharpness
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def classification_case(truth, rows):
    classes = rows.shape[1]
    labels = list(range(classes))
    predicted = rows.argmax(axis=1)
    confidence = rows.max(axis=1)
    case = {"classes": classes, "truth": truth.tolist(), "predicted": predicted.tolist(), "rows": rows.tolist()}
    case["confusion"] = metrics.confusion_matrix(truth, predicted, labels=labels).tolist()
    for average in ("macro", "micro", "weighted"):
        case[average] = metrics.precision_recall_fscore_support(
            truth, predicted, average=average, zero_division=0)[:3]
    per_class = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=np.nan)
    case["per_class"] = [[None if np.isnan(v) else float(v) for v in column] for column in per_class[:3]]
    case["accuracy"] = metrics.accuracy_score(truth, predicted)
    case["balanced_accuracy"] = metrics.balanced_accuracy_score(truth, predicted)
    case["matthews_correlation"] = metrics.matthews_corrcoef(truth, predicted)
    case["negative_log_likelihood"] = metrics.log_loss(truth, rows, labels=labels)
    # For two classes scikit-learn takes one column.
    scores = rows[:, 1] if classes == 2 else rows
    case["brier"] = metrics.brier_score_loss(truth, scores, labels=labels, scale_by_half=False)
    case["top_k"] = [metrics.top_k_accuracy_score(truth, scores, k=k, labels=labels) for k in range(1, classes + 1)]
    case["ece"], case["mce"] = calibration_error(confidence, predicted == truth)
    return case


def classification_cases():
    for classes, samples, sharpness in ((2, 50, 1), (3, 200, 3), (10, 400, 2), (10, 7, 5), (5, 1, 1)):
        yield classification_case(RANDOM.integers(0, classes, samples), probabilities(classes, samples, sharpness))
    rows = probabilities(4, 60, 2)
    yield classification_case(rows.argmax(axis=1), rows)                    # all right
    yield classification_case((rows.argmax(axis=1) + 1) % 4, rows)          # all wrong
    yield classification_case(np.zeros(60, dtype=int), rows)                # one class alone
    yield classification_case(RANDOM.integers(0, 4, 60), rows.round(1))     # ties, borders of bins
    yield classification_case(RANDOM.integers(0, 4, 60), probabilities(4, 60, 40))  # confidences of exactly 1
    yield classification_case(np.zeros(3, dtype=int), np.eye(3)[[0, 0, 0]])         # one class, sure and right


def auc_cases():
    for low, high in ((20, 30), (1, 1), (100, 7)):
        a, b = RANDOM.normal(0, 1, low).round(1), RANDOM.normal(0.7, 1, high).round(1)  # rounded: ties
        answer = metrics.roc_auc_score([0] * low + [1] * high, np.concatenate([a, b]))
        yield {"low": a.tolist(), "high": b.tolist(), "auc": float(answer)}


def divergence_cases():
    for classes in (2, 10):
        p, q = RANDOM.dirichlet(np.ones(classes), 2)
        yield {"p": p.tolist(), "q": q.tolist(), "bits": float(jensenshannon(p, q, base=2) ** 2)}
    yield {"p": [1.0, 0.0], "q": [0.0, 1.0], "bits": 1.0}


def wilson_cases():
    for right, n in ((0, 10), (10, 10), (8, 10), (399, 400), (1, 3), (5000, 9999)):
        low, high = proportion_confint(right, n, alpha=0.05, method="wilson")
        yield {"right": right, "n": n, "low": float(low), "high": float(high)}


def interval_cases():
    """scipy's percentile bootstrap of values resampled elsewhere."""
    for size in (1, 2, 40, 999, 1000):
        values = RANDOM.normal(0.9, 0.02, size).round(3)
        resampled = bootstrap((values,), np.mean, n_resamples=1, rng=RANDOM) if size > 1 else None
        if resampled is None:
            low, high = values[0], values[0]
        else:
            resampled.bootstrap_distribution = values
            interval = bootstrap((values,), np.mean, n_resamples=0, method="percentile", bootstrap_result=resampled)
            low, high = interval.confidence_interval
        yield {"values": values.tolist(), "low": float(low), "high": float(high)}


def mcnemar_cases():
    for first, second in ((0, 0), (1, 9), (5, 5), (30, 12), (700, 640)):
        p = 1.0 if first + second == 0 else mcnemar([[0, first], [second, 0]], exact=True).pvalue
        yield {"first_only": first, "second_only": second, "p": float(min(1.0, p))}


def early_stopping_cases():
    for percentile in (0.5, 0.9, 0.97, 0.99):
        for t in (0, 1, 2, 10, 57):
            n = t + 1
            while binom.cdf(t, n, 1 - percentile) > 0.01:
                n += 1
            yield {"percentile": percentile, "t": t, "n": n}


print(json.dumps({
    "percentile": list(percentile_cases()),
    "classification": list(classification_cases()),
    "auc": list(auc_cases()),
    "divergence": list(divergence_cases()),
    "wilson": list(wilson_cases()),
    "interval": list(interval_cases()),
    "mcnemar": list(mcnemar_cases()),
    "early_stopping": list(early_stopping_cases()),
    **cases_generation.cases(),
    **cases_judgement.all_cases(),
}))
