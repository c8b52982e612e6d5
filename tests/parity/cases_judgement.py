"""Cases of consistency, robustness, quantization, drift, fairness, interpretability, diversity and the scorecard.

The answers are written straight from the definitions in the papers, with numpy and scipy, and share no structure with the Rust code: ranks by
sorting, areas by scipy's trapezoids, Shapley values by going through all orders, distances by scipy's cdist and pdist. `None` stands
for a figure that must be absent.

cases_judgement.py >agent/measure/tests/data/judgement.json records them; make_cases.py makes them anew for every parity run.
"""
import itertools
import json
import math

import numpy as np
from scipy import integrate, stats
from scipy.spatial.distance import cdist, pdist
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

RANDOM = np.random.default_rng(2_718_281)


def unit(rows, columns):
    values = RANDOM.normal(size=(rows, columns))
    # The program's embeddings are 32-bit floats: the reference sees the same numbers.
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32).astype(float)


def ranks(distances, belongs):
    answer = []
    for row, own in zip(distances, belongs):
        # Sorted by distance, what doesn't belong first among equals: the place of the first that does.
        answer.append(int(np.argmax(own[np.lexsort((own, row))])) + 1)
    return answer


def retrieval_case(distances, belongs):
    case = {"distances": distances.tolist(), "belongs": belongs.tolist()}
    for name, (matrix, own) in {"forward": (distances, belongs), "backward": (distances.T, belongs.T)}.items():
        found = np.array(ranks(matrix, own))
        case[name] = {"ranks": found.tolist(), "recall": [float(np.mean(found <= k)) for k in (1, 5, 10)],
                      "median": float(np.median(found))}
    return case


def retrieval_cases():
    for size in (1, 2, 12, 40):
        yield retrieval_case(RANDOM.uniform(0, 2, (size, size)), np.eye(size, dtype=bool))
    yield retrieval_case(RANDOM.uniform(0, 2, (30, 30)).round(1), np.eye(30, dtype=bool))    # ties
    yield retrieval_case(np.ones((9, 9)), np.eye(9, dtype=bool))                             # all the same
    labels, others = np.arange(20) % 4, np.arange(33) % 4                                    # several belong, not square
    yield retrieval_case(RANDOM.uniform(0, 2, (20, 33)).round(2), labels[:, None] == others)


def embedding_cases():
    for rows, others, columns in ((2, 2, 3), (25, 25, 16), (40, 17, 64)):
        first, second = unit(rows, columns), unit(others, columns)
        yield {"first": first.tolist(), "second": second.tolist(),
               "distances": (1 - np.einsum("ik,jk->ij", first, second)).tolist(),
               "alignment": float(np.mean(np.linalg.norm(first - second, axis=1) ** 2)) if rows == others else None,
               "uniformity": float(np.log(np.mean(np.exp(-2 * pdist(first, "sqeuclidean"))))),
               "gap": float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)))}
    same = np.repeat(unit(1, 8), 5, axis=0)
    yield {"first": same.tolist(), "second": same.tolist(), "distances": np.zeros((5, 5)).tolist(), "alignment": 0.0,
           "uniformity": 0.0, "gap": 0.0}


def area(points):
    x, y = np.array(sorted(points)).T
    return float(integrate.trapezoid(y, x))


def skew_case(points):
    scores = dict(points)
    kept = [shift for shift in sorted({abs(shift) for shift in scores})
            if all(score >= 0.95 * scores[0.0] - 1e-12 for other, score in scores.items() if abs(other) <= shift)]
    mean = area(points) / (max(scores) - min(scores))
    return {"points": points, "mean": mean, "share": mean / scores[0.0], "widest_ms": max(kept)}


def skew_cases():
    shifts = [0.0] + [sign * shift for shift in (40.0, 80.0, 160.0, 320.0, 640.0) for sign in (-1, 1)]
    for fall in (0.0, 2e-4, 1e-3, 1.0):
        yield skew_case([(shift, float(max(0.0, 0.9 - fall * abs(shift) + RANDOM.uniform(-0.02, 0.02)))) for shift in shifts])
    yield skew_case([(shift, 0.95 if shift else 1.0) for shift in shifts])       # exactly what is kept
    yield skew_case([(0.0, 0.5), (40.0, 0.6)])                                   # better when shifted


def ratio(above, below):
    return None if below <= 1e-12 else float(above / below)


def corruption_case(errors, clean, reference, reference_clean):
    errors, reference = np.asarray(errors, dtype=float), np.asarray(reference, dtype=float)
    plain = [ratio(e.sum(), r.sum()) for e, r in zip(errors, reference)]
    over = [ratio((e - clean).sum(), (r - reference_clean).sum()) for e, r in zip(errors, reference)]
    return {"errors": errors.tolist(), "clean": clean, "reference": reference.tolist(), "reference_clean": reference_clean,
            "mean_error": float(errors.mean(axis=1).mean()), "ce": plain, "relative_ce": over,
            "kept": None if clean >= 1 else float((1 - errors).mean() / (1 - clean)),
            "mce": None if None in plain else float(np.mean(plain)),
            "relative_mce": None if None in over else float(np.mean(over))}


def corruption_cases():
    for corruptions, severities in ((1, 1), (15, 5), (4, 3)):
        clean, reference = RANDOM.uniform(0.02, 0.2, 2)
        yield corruption_case(RANDOM.uniform(clean, 1, (corruptions, severities)), float(clean),
                              RANDOM.uniform(reference + 0.01, 1, (corruptions, severities)), float(reference))
    yield corruption_case([[0.0, 0.0]], 0.0, [[0.5, 0.5]], 0.1)                      # nothing goes wrong
    yield corruption_case([[0.5, 0.5], [1, 1]], 1.0, [[0.0, 0.0], [0.1, 0.2]], 0.1)  # the reference doesn't err
    yield corruption_case([[0.5, 0.25]], 0.1, [[0.3, 0.3]], 0.3)                     # corruption does nothing to it


def robustness_cases():
    for count in (2, 5, 11):
        levels = np.sort(RANDOM.uniform(0, 1, count))
        levels[0] = 0
        model, baseline = (np.sort(RANDOM.uniform(0.1, 1, count))[::-1] for _ in range(2))
        areas = [area(list(zip(levels, scores))) for scores in (model, baseline)]
        yield {"model": list(zip(levels, model)), "baseline": list(zip(levels, baseline)), "area": areas[0],
               "area_by_clean": areas[0] / float(model[0]),
               "effective": areas[0] / float(model[0]) - areas[1] / float(baseline[0])}


def snr_case(points, clean):
    snr, scores = np.array(sorted(points)).T
    fallen = np.flatnonzero(scores < 0.9 * clean)
    answer = None
    if len(fallen) and fallen[-1] + 1 < len(snr):
        below = fallen[-1]
        # np.interp between the two neighbours, the score as its rising argument.
        answer = float(np.interp(0.9 * clean, scores[below:below + 2], snr[below:below + 2]))
    return {"points": points, "clean": clean, "snr_db": answer}


def snr_cases():
    for _ in range(4):
        snr = RANDOM.permutation(np.arange(-10.0, 41.0, 5.0))
        yield snr_case([(float(db), float(1 / (1 + np.exp(-db / 5)) + RANDOM.uniform(-0.05, 0.05))) for db in snr], 0.97)
    yield snr_case([(0.0, 0.95), (20.0, 1.0)], 1.0)
    yield snr_case([(0.0, 0.5), (20.0, 0.8)], 1.0)
    yield snr_case([(0.0, 0.25), (10.0, 0.9), (20.0, 1.0)], 1.0)


def quantization_cases():
    for samples, classes, noise in ((1, 2, 0.0), (50, 10, 0.3), (20, 3, 2.0)):
        logits = RANDOM.normal(size=(samples, classes)) * 2
        p, q = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (logits, logits + RANDOM.normal(size=logits.shape) * noise))
        q = (q * 256).round() / 256 if noise else q      # as an 8-bit output: exact zeros
        shares = np.maximum(q / q.sum(axis=1, keepdims=True), np.finfo(float).eps)
        divergence = np.array([float(np.sum(a * np.log(a / b))) for a, b in zip(p, shares)])
        same = int(np.sum(p.argmax(axis=1) == q.argmax(axis=1)))
        low, high = proportion_confint(same, samples, alpha=0.05, method="wilson")
        yield {"fp32": p.tolist(), "int8": q.tolist(), "top1": [same / samples, float(low), float(high)],
               "mean": float(divergence.mean()), "worst": float(divergence.max()), "worst_sample": int(divergence.argmax())}


def divergence_cases():
    for classes in (2, 7):
        p, q = RANDOM.dirichlet(np.ones(classes), 2)
        yield {"p": p.tolist(), "q": q.tolist(), "nats": float(stats.entropy(p, q))}
    yield {"p": [2.0, 2.0, 0.0], "q": [1.0, 2.0, 1.0], "nats": float(stats.entropy([2, 2, 0], [1, 2, 1]))}


def stability_case(baseline, live, bins):
    borders = np.unique(np.quantile(baseline, np.arange(1, bins) / bins))
    edges = np.concatenate([[-np.inf], borders, [np.inf]])
    # numpy's bins hold their lower border, the last one both.
    expected, actual = (np.histogram(values, edges)[0].astype(float) for values in (baseline, live))
    used = (expected + actual) > 0
    b, a = np.maximum(expected[used], 0.5) / len(baseline), np.maximum(actual[used], 0.5) / len(live)
    return {"baseline": np.asarray(baseline).tolist(), "live": np.asarray(live).tolist(), "bins": bins, "borders": borders.tolist(),
            "counts": expected.astype(int).tolist(), "psi": float(np.sum((a - b) * np.log(a / b)))}


def stability_cases():
    for size, live, shift in ((1000, 1000, 0.0), (200, 60, 1.0), (37, 12, 0.3), (1, 1, 0.0)):
        yield stability_case(RANDOM.beta(8, 2, size), RANDOM.beta(8 - 5 * shift, 2, live), 10)
    yield stability_case(RANDOM.uniform(size=500).round(1), RANDOM.uniform(size=80).round(1), 10)     # ties, values on borders
    yield stability_case(np.ones(40), np.full(30, 0.7), 10)
    yield stability_case(np.ones(40), np.ones(3), 10)
    yield stability_case(RANDOM.normal(size=90), RANDOM.normal(size=90), 4)


def energy(first, second):
    return float(2 * cdist(first, second).mean() - cdist(first, first).mean() - cdist(second, second).mean())


def energy_case(first, second, block, deals):
    case = {"first": first.tolist(), "second": second.tolist(), "energy": energy(first, second), "block": block}
    if first.shape[1] == 1:
        assert math.isclose(case["energy"], stats.energy_distance(first[:, 0], second[:, 0]) ** 2, abs_tol=1e-9)
    whole = [rows[len(rows) % block:].reshape(-1, block, rows.shape[1]) for rows in (first, second)]
    pool, count = np.concatenate(whole), len(whole[0])
    chosen = [RANDOM.permutation(len(pool))[:count] for _ in range(deals)]

    def of(deal):
        rest = np.setdiff1d(np.arange(len(pool)), deal)
        return energy(np.concatenate(pool[deal]), np.concatenate(pool[rest]))

    true = of(np.arange(count))
    at_least = sum(of(deal) >= true - 1e-12 for deal in chosen)
    return case | {"deals": [deal.tolist() for deal in chosen], "whole": true, "p": (1 + at_least) / (1 + deals)}


def energy_cases():
    for rows, others, columns, block, shift in ((30, 24, 5, 3, 0.0), (20, 41, 1, 4, 0.5), (40, 40, 16, 5, 0.4), (9, 60, 2, 1, 2.0)):
        first, second = RANDOM.normal(size=(rows, columns)), RANDOM.normal(size=(others, columns)) + shift
        yield energy_case(*(values.astype(np.float32).astype(float) for values in (first, second)), block, 60)
    steps = np.cumsum(RANDOM.normal(size=(80, 3)), axis=0).astype(np.float32).astype(float)       # neighbours are alike
    yield energy_case(steps[:40], steps[40:], 8, 60)
    few = RANDOM.integers(0, 2, (24, 1)).astype(float)                                            # many deals are as far apart
    yield energy_case(few[:12], few[12:], 2, 60)


def shapley(values, modalities):
    orders = list(itertools.permutations(range(modalities)))
    answer = np.zeros(modalities)
    for order in orders:
        there = 0
        for modality in order:
            answer[modality] += values[there | 1 << modality] - values[there]
            there |= 1 << modality
    return answer / len(orders)


def shapley_cases():
    tables = [RANDOM.uniform(0, 1, 2 ** count) for count in (1, 2, 3, 4, 4)]
    tables += [np.array([0.1, 0.1, 0.9, 0.9]), np.array([0.5] * 8), np.array([0.0, 0.6, 0.2, 0.5])]  # a dummy, nothing, harm
    for values in tables:
        contributions = shapley(values, int(math.log2(len(values))))
        sum_ = np.abs(contributions).sum()
        shares = None if sum_ == 0 else contributions / sum_
        known = shares is not None and len(shares) > 1
        yield {"values": values.tolist(), "contributions": contributions.tolist(),
               "shares": None if shares is None else shares.tolist(), "imbalance": float(np.ptp(shares)) if known else None}


def perceptual_cases():
    for score, permuted in ((0.9, RANDOM.uniform(0.2, 0.8, 5)), (0.5, RANDOM.uniform(0.4, 0.7, 9)), (0.5, np.full(5, 0.5))):
        yield {"score": score, "permuted": permuted.tolist(), "absolute": float(score - permuted.mean()),
               "normalised": float((score - permuted.mean()) / score)}


def map_cases():
    for rows, columns, digits in ((1, 1, 2), (7, 7, 9), (6, 9, 1), (4, 5, 0)):
        values = RANDOM.normal(size=(rows, columns)).round(digits)
        peak = np.unravel_index(values.argmax(), values.shape)
        boxes = np.sort(RANDOM.uniform(0, 1, (2, 2, 2)), axis=2)     # each with its two horizontal and two vertical edges
        x, y = (peak[1] + 0.5) / columns, (peak[0] + 0.5) / rows
        yield {"map": values.ravel().tolist(), "columns": columns, "order": np.argsort(-values.ravel(), kind="stable").tolist(),
               "boxes": boxes.tolist(), "hit": bool(any(h[0] <= x <= h[1] and v[0] <= y <= v[1] for h, v in boxes))}


def share_area_cases():
    for count in (2, 11, 50):
        shares = np.sort(np.concatenate([[0, 1], RANDOM.uniform(0.01, 0.99, count - 2)]))
        probabilities = RANDOM.uniform(0, 1, count)
        yield {"points": list(zip(shares, probabilities)), "area": float(metrics.auc(shares, probabilities))}
    even = RANDOM.uniform(0, 1, 21)
    # As RISE's own code has it for even steps.
    yield {"points": list(zip(np.arange(21) / 20, even)), "area": float((even.sum() - even[0] / 2 - even[-1] / 2) / 20)}


def interpretability_cases():
    for gain in (0.4, 0.0, -0.3):
        chance = RANDOM.normal(0.02, 0.1, 50)
        values = chance + gain + RANDOM.normal(0, 0.1, 50)
        yield {"map": values.tolist(), "random": chance.tolist(),
               "figure": float(max(0.0, (values.mean() - chance.mean()) / (1 - chance.mean())))}


def wilson(right, n):
    return [right / n, *(float(end) for end in proportion_confint(right, n, alpha=0.05, method="wilson"))]


def diversity_cases():
    for count in (2, 6, 12):
        n = RANDOM.integers(20, 90, count)
        n[0] = 30                                                    # just enough
        right = RANDOM.binomial(n, 0.8)
        covered = n >= 30
        value, low, high = np.array([wilson(int(r), int(m)) for r, m in zip(right[covered], n[covered])]).T
        coverage = covered.mean()
        ends = [value.min() / value.mean(), low.min() / high.mean(), min(1.0, high.min() / low.mean())]
        yield {"cells": list(zip(right.tolist(), n.tolist())), "covered": int(covered.sum()), "evenness": [float(end) for end in ends],
               "figure": [float(coverage * end) for end in ends], "n": int(n[covered].sum())}


def gap_cases():
    for count in (2, 5, 9):
        n = RANDOM.integers(20, 90, count)
        n[:2] = 30
        right = RANDOM.binomial(n, RANDOM.uniform(0.3, 0.95, count))
        groups = [(wilson(int(r), int(m)), place) for place, (r, m) in enumerate(zip(right, n)) if m >= 30]
        worst, best = min(groups, key=lambda g: (g[0][0], g[1])), min(groups, key=lambda g: (-g[0][0], g[1]))
        yield {"groups": list(zip(right.tolist(), n.tolist())), "worst": worst[1], "best": best[1],
               "ratio": [worst[0][0] / best[0][0], worst[0][1] / best[0][2], min(1.0, worst[0][2] / best[0][1])],
               "unranked": int(np.sum(n < 30))}


def scorecard_cases():
    for _ in range(3):
        value = RANDOM.uniform(0.1, 0.9, 8)
        low, high, weights = value * RANDOM.uniform(0.5, 1, 8), value + (1 - value) * RANDOM.uniform(0, 1, 8), RANDOM.uniform(0, 3, 8)
        yield {"rows": list(zip(value, low, high)), "weights": weights.tolist(),
               "total": [float(np.average(values, weights=weights)) for values in (value, low, high)]}


def efficiency_cases():
    for count in (1, 2, 3):
        budget, value = RANDOM.uniform(1, 100, count), RANDOM.uniform(1, 100, count)
        low, high = value * RANDOM.uniform(0.5, 1, count), value * RANDOM.uniform(1, 2, count)
        kept = [float(stats.gmean(np.minimum(1, budget / measured))) for measured in (value, high, low)]
        yield {"parts": list(zip(budget, value, low, high)), "efficiency": kept}


CASES = {
    "retrieval": retrieval_cases, "embeddings": embedding_cases, "skew": skew_cases, "corruption": corruption_cases,
    "robustness": robustness_cases, "snr": snr_cases, "quantization": quantization_cases, "divergence": divergence_cases,
    "stability": stability_cases, "energy": energy_cases, "shapley": shapley_cases, "perceptual": perceptual_cases,
    "map": map_cases, "share_area": share_area_cases, "interpretability": interpretability_cases, "diversity": diversity_cases,
    "gap": gap_cases, "scorecard": scorecard_cases, "efficiency": efficiency_cases,
}


def all_cases():
    return {"judgement": {name: list(make()) for name, make in CASES.items()}}


if __name__ == "__main__":
    print(json.dumps(all_cases()))
