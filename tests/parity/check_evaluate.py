"""Holds `edgeval evaluate --json` against scikit-learn on the same predictions: check_evaluate.py REPORT PREDICTIONS.

Exit status 1, naming each figure that differs by more than 1e-6.
"""
import json
import sys

import numpy as np
from sklearn import metrics

TOLERANCE = 1e-6


def read(report_path, predictions_path):
    with open(report_path, encoding="utf-8") as file:
        report = json.load(file)
    with open(predictions_path, encoding="utf-8") as file:
        return report, [json.loads(line) for line in file]


def calibration_error(confidence, right, bins=15):
    """Guo et al. 2017."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(np.mean(index == b) * abs(right[index == b].mean() - confidence[index == b].mean())
               for b in range(bins) if (index == b).any())


def expected(rows, labels):
    truth = [row["label"] for row in rows]
    predicted = [row["predicted"] for row in rows]
    figures = {"top1": metrics.accuracy_score(truth, predicted),
               "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
               "matthews_correlation": metrics.matthews_corrcoef(truth, predicted)}
    for average in ("macro", "micro", "weighted"):
        scores = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), scores):
            figures[f"{name}_{average}"] = value
    confidence = np.array([max(row["probabilities"]) for row in rows])
    figures["ece"] = calibration_error(confidence, np.equal(truth, predicted).astype(float))
    return figures, metrics.confusion_matrix(truth, predicted, labels=labels).tolist(), truth, predicted


def compare(accuracy, rows):
    labels = [entry["label"] for entry in accuracy["per_class"]]
    figures, confusion, truth, predicted = expected(rows, labels)
    for name, value in figures.items():
        yield name, accuracy[name]["value"], value
    columns = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=np.nan)
    for index, entry in enumerate(accuracy["per_class"]):
        for name, column in zip(("precision", "recall", "f1"), columns):
            ours = entry[name].get("value", float("nan"))
            yield f"{name} of {entry['label']}", ours, column[index]
    for ours, theirs in zip(np.ravel(accuracy["confusion"]), np.ravel(confusion)):
        yield "confusion", ours, theirs


def main():
    report, rows = read(*sys.argv[1:3])
    wrong = [(name, ours, theirs) for name, ours, theirs in compare(report["accuracy"], rows)
             if not np.isclose(ours, theirs, rtol=0, atol=TOLERANCE, equal_nan=True)]
    for name, ours, theirs in wrong:
        print(f"{name}: edgeval says {ours}, scikit-learn {theirs}")
    print(f"{report['model']['name']} {report['model']['precision']}: {len(rows)} samples, "
          f"{len(list(compare(report['accuracy'], rows)))} figures compared, {len(wrong)} differ")
    sys.exit(bool(wrong))


main()
