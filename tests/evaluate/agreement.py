"""Whether edgeval and the Python evaluation found the same."""
import math

import pictures
import sounds

# Of the whole set on both sides; the figures of embeddings are held against a rounding of int8.
FIGURES = {"top1": 0, "f1_macro": 1e-9, "ece": 1e-3, "belonging_distance": 1e-3, "shuffled_distance": 1e-3, "auc": 1e-3, "alignment": 1e-3,
           "uniformity_first": 1e-3, "uniformity_second": 1e-3, "modality_gap": 1e-3}
# Two-sided 99.9 % of the normal distribution.
DEVIATIONS = 3.29
# Without randomness answers differ where pixels are rounded the other way.
ROUNDING = 0.01
# Both arithmetics are that near to each other: a point would hide all.
SMALLEST = 1e-5
DETERMINED = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg", "over_exposure", "clipping", "gain", "band_limit"}
# Photographs there, drawn here: no bound can be stated.
OTHERWISE_DEFINED = {"procedural_frost"}
# A gap's frames err together.
GAPS = {"frozen_frames": (2, 3, 5, 8, 12)}
NAMES = {"image": [kind.__name__ for kind in pictures.KINDS] + ["dropped_frames", "frozen_frames"],
         "audio": [kind.__name__ for kind in sounds.KINDS]}


def compare_clean(report, rows, theirs):
    """What differs of the clean pass, in words; and how often the first answers agree."""
    answers = {row["id"]: row["predicted"] for row in rows}
    same = sum(answers.get(sample) == said for sample, said in theirs["said"].items())
    problems = [] if same == len(rows) == theirs["samples"] else [f"{same} of {theirs['samples']} first answers agree"]
    for name, tolerance in FIGURES.items():
        ours = (report["accuracy"].get(name) or report["consistency"].get(name))["value"]
        if abs(ours - theirs["figures"][name]) > tolerance:
            problems.append(f"{name}: edgeval has {ours}, Python {theirs['figures'][name]}")
    return problems, same


def bound(name, severity, ours, theirs, samples):
    """How far two accuracies may be apart."""
    if name in DETERMINED:
        return ROUNDING
    # Laplace's estimate, so that a share of 1 isn't taken for certain.
    share = ((ours + theirs) * samples + 2) / (2 * samples + 4)
    together = GAPS.get(name, (1,) * 5)[severity]
    return DEVIATIONS * math.sqrt(2 * share * (1 - share) * together / samples) + 1 / samples


def corruption_scores(report):
    """edgeval's accuracies by corruption."""
    return {one["name"]: [score["value"] for score in one["scores"]] for one in report["robustness"]["corruptions"]}


def compare_sweep(report, theirs, modality):
    """Rows (name, accuracies of ours, of theirs, how far apart, the bound there) for a modality's corruptions: of the severity nearest to its bound or
    farthest beyond it."""
    ours, samples = corruption_scores(report), theirs["samples"]
    scores = {name: [value for value, _, _ in figures] for name, figures in theirs["robustness"]["corruptions"].items()}
    for name in NAMES[modality]:
        pairs = list(zip(ours[name], scores[name]))
        bounds = [bound(name, severity, *pair, samples) for severity, pair in enumerate(pairs)]
        apart = [abs(one - other) for one, other in pairs]
        worst = max(range(5), key=lambda severity: apart[severity] / bounds[severity])
        yield name, ours[name], scores[name], apart[worst], bounds[worst]


def compare_modalities(report, theirs):
    """Rows as those of `compare_sweep`, of one figure each, that needs both modalities. Nothing but noise is drawn anew: both programs let the same
    samples stand in."""
    robustness, fairness = report["robustness"], report["fairness"]
    for one in robustness["missing"]:
        for name in ("nothing", "mean", "frozen"):
            yield determined(f"{one['modality']} missing: {name}", one[name], theirs["missing"][one["modality"]][name])
    for one in fairness["modalities"]:
        for name in ("alone", "shapley", "share", "perceptual", "perceptual_normalised"):
            yield determined(f"{one['modality']}: {name}", one[name], theirs["fairness"][one["modality"]][name])
    yield determined("imbalance", fairness["imbalance"], theirs["fairness"]["imbalance"])
    for name in ("agreement", "divergence_bits"):
        yield determined(name, report["consistency"][name], theirs["consistency"][name])
    for name in ("same", "other_score"):
        yield determined(f"fp32: {name}", robustness["precision"][name], theirs["precision"][name])
    yield determined("fp32: kl_nats", robustness["precision"]["kl_nats"], theirs["precision"]["kl_nats"], SMALLEST)
    for one in robustness["noise"]:
        yield from noisy(one, corruption_scores(report)[one["corruption"]], theirs)


def determined(name, ours, theirs, allowed=ROUNDING):
    """A row of a figure without randomness."""
    return name, [ours["value"]], theirs[:1], abs(ours["value"] - theirs[0]), allowed


def noisy(ours, scores, theirs):
    """Rows of the areas under one modality's score. They are sums over severities, whose draws are independent of each other."""
    modality, samples = ours["modality"], theirs["samples"]
    found = theirs["noise"][modality]
    others = [value for value, _, _ in theirs["robustness"]["corruptions"][ours["corruption"]]]

    def area(pairs):
        bounds = [bound(ours["corruption"], severity, *pair, samples) for severity, pair in enumerate(pairs)]
        return math.hypot(*bounds[:-1], bounds[-1] / 2)

    # What edgeval finds at each severity without the other modality isn't in its report.
    alone = area([(score, score) for score in found["alone"]]) / found["clean_alone"]
    relative = area(zip(scores, others)) / theirs["robustness"]["clean"][0]
    for name, allowed in (("relative", relative), ("effective", relative + alone)):
        yield (f"{modality} in noise: {name}", [ours[name]["value"]], found[name][:1], abs(ours[name]["value"] - found[name][0]), allowed)


def is_wrong(row):
    """Whether a row is out of its bound."""
    name, _, _, apart, allowed = row
    return name not in OTHERWISE_DEFINED and apart > allowed + 1e-9
