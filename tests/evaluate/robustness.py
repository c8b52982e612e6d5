"""What is left under corruption, in noise, and in the other arithmetic: of all samples, with intervals."""
import numpy as np
from scipy.stats import binomtest

from evaluator import NOISES, SEVERITIES
from intervals import figure, rates

# What must be left of the clean score, and what of it may be lost to rounding.
KEPT, ROUNDING = 0.9, 1e-9
FLOOR = np.finfo(np.float64).tiny


def robustness(right, tried, weights):
    """`right` says which samples are right as they are."""
    names = list(tried[0]["corrupted"])
    scores = np.array([[one["corrupted"][name] for name in names] for one in tried], dtype=np.float64)
    means, clean = (weights @ scores.reshape(len(tried), -1)).reshape(-1, len(names), 5), weights @ right
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = np.where(clean > 0, means.mean(axis=(1, 2)) / clean, np.nan)
    return {
        "clean": rates(clean, len(tried)),
        "mean_error": figure(1 - means.mean(axis=(1, 2))),
        "share_kept": figure(kept),
        "corruptions": dict(zip(names, rates(means, len(tried)))),
        "snr_90_db": {name: figure(snr_of_most(means[:, place], clean, np.array(SEVERITIES[name]["snr_db"])))
                      for place, name in enumerate(names) if "snr_db" in SEVERITIES[name]},
    }


def noise(right, alone, tried, weights):
    """By modality the area under the score against severity, by the clean score; and that less the same without the other modality. `alone` says
    which samples are right with that modality alone."""
    found = {}
    for modality, name in NOISES.items():
        both = np.column_stack([right, [one["corrupted"][name] for one in tried]])
        single = np.column_stack([alone[modality], [one["alone_in_noise"][modality] for one in tried]])
        areas = area(weights @ both), area(weights @ single)
        clean_alone, *scores_alone = single.mean(axis=0).tolist()
        found[modality] = {"relative": figure(areas[0]), "effective": figure(areas[0] - areas[1]), "clean_alone": clean_alone,
                           "alone": scores_alone}
    return found


def area(means):
    """By rows of scores at severities 0, which is clean, to 5."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(means[:, 0] > 0, np.trapezoid(means, axis=1) / means[:, 0], np.nan)


def snr_of_most(means, clean, snr_db):
    """Where, coming from little noise, scores first fall under nine tenths of the clean one, on a straight line; not defined outside of what was
    tried."""
    wanted, rows = KEPT * clean, np.arange(len(means))
    below = means < wanted[:, np.newaxis] - ROUNDING
    place = below.argmax(axis=1)
    more, less = means[rows, place - 1], means[rows, place]
    with np.errstate(invalid="ignore", divide="ignore"):
        way = np.minimum((wanted - less) / (more - less), 1)
    return np.where(place > 0, snr_db[place] + (snr_db[place - 1] - snr_db[place]) * way, np.nan)


def precision(samples, truth, int8, fp32, weights):
    """Both arithmetics' probabilities against each other."""
    fp32, int8 = fp32.astype(np.float64), int8.astype(np.float64)
    said, other = int8.argmax(axis=1), fp32.argmax(axis=1)
    right, other_right = said == truth, other == truth
    divergence = np.sum(fp32 * (np.log(np.maximum(fp32, FLOOR)) - np.log(np.maximum(int8, FLOOR))), axis=1)
    same, other_score = rates(weights @ np.column_stack([said == other, other_right]), len(truth))
    only = int(np.sum(right & ~other_right)), int(np.sum(other_right & ~right))
    return {"same": same, "other_score": other_score, "mcnemar_p": float(binomtest(min(only), sum(only)).pvalue) if sum(only) else 1.0,
            "kl_nats": figure(weights @ divergence), "worst_kl_nats": float(divergence.max()),
            "worst_sample": samples[int(divergence.argmax())]["id"]}
