"""Holds `edgeval evaluate --json` against scikit-learn on the same predictions: check_evaluate.py REPORT PREDICTIONS.

Exit status 1, naming each figure that differs by more than 1e-6.
"""
import json
import sys

import numpy as np
from reference import calibration_error
from sklearn import metrics

TOLERANCE = 1e-6


def read(report_path, predictions_path):
    with open(report_path, encoding="utf-8") as file:
        report = json.load(file)
    with open(predictions_path, encoding="utf-8") as file:
        return report, [json.loads(line) for line in file]


def expected(rows, labels):
    truth = [row["label"] for row in rows]
    predicted = [row["predicted"] for row in rows]
    figures = {"top1": metrics.accuracy_score(truth, predicted),
               "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
               "matthews_correlation": metrics.matthews_corrcoef(truth, predicted)}
    for average in ("macro", "micro", "weighted"):
        scores = metrics.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), scores):
            figures[f"{name}_{average}"] = value
    probabilities = [row["probabilities"] for row in rows]
    figures["top5"] = metrics.top_k_accuracy_score([labels.index(label) for label in truth], probabilities, k=5, labels=range(len(labels)))
    # Probabilities are 32-bit floats, written in as few digits as tell them apart.
    confidence = np.array([max(row["probabilities"]) for row in rows], dtype=np.float32)
    figures["ece"], figures["mce"] = calibration_error(confidence, np.equal(truth, predicted))
    return figures, metrics.confusion_matrix(truth, predicted, labels=labels).tolist(), truth, predicted


def compare(accuracy, rows):
    labels = [entry["label"] for entry in accuracy["per_class"]]
    figures, confusion, truth, predicted = expected(rows, labels)
    for row in rows:
        yield f"answer to {row['id']}", labels.index(row["predicted"]), int(np.argmax(row["probabilities"]))
    for name, value in figures.items():
        yield name, accuracy.get(name, {}).get("value", float("nan")), value
        yield f"samples of {name}", accuracy.get(name, {}).get("n", float("nan")), len(rows)
    columns = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=np.nan)
    for index, entry in enumerate(accuracy["per_class"]):
        for name, column in zip(("precision", "recall", "f1"), columns):
            ours = entry[name].get("value", float("nan"))
            yield f"{name} of {entry['label']}", ours, column[index]
        yield f"support of {entry['label']}", entry["support"], columns[3][index]
    if np.shape(accuracy["confusion"]) != np.shape(confusion):
        sys.exit(f"confusion: edgeval's has the shape {np.shape(accuracy['confusion'])}, scikit-learn's {np.shape(confusion)}")
    for truth_label, ours, theirs in zip(labels, accuracy["confusion"], confusion):
        for said, our, their in zip(labels, ours, theirs):
            yield f"confusion, {truth_label} taken for {said}", our, their


def main():
    report, rows = read(*sys.argv[1:3])
    if not rows:
        sys.exit(f"{sys.argv[2]} has no predictions: there is nothing to compare")
    compared = list(compare(report["accuracy"], rows))
    wrong = [(name, ours, theirs) for name, ours, theirs in compared
             if not np.isclose(ours, theirs, rtol=0, atol=TOLERANCE, equal_nan=True)]
    for name, ours, theirs in wrong:
        print(f"{name}: edgeval says {ours}, scikit-learn {theirs}")
    print(f"{report['model']['name']} {report['model']['precision']}: {len(rows)} samples, "
          f"{len(compared)} figures and answers compared, {len(wrong)} differ")
    sys.exit(bool(wrong))


main()
