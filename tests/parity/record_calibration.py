"""Records torchmetrics' calibration errors: record_calibration.py >agent/measure/tests/data/calibration_error.json

torchmetrics needs torch, too heavy for every test run, so this runs once, by hand, in an environment of its own with `pip install
torch torchmetrics`. It also fails when the definition that the other checks use (reference.py) differs from torchmetrics.
"""
import json
import sys

import numpy as np
import torch
import torchmetrics
from reference import BINS, calibration_error
from torchmetrics.functional.classification import binary_calibration_error

RANDOM = np.random.default_rng(15)
TOLERANCE = 1e-9


def cases():
    for size in (1, 2, 20, 500):
        confidence = RANDOM.uniform(0, 1, size).round(6)
        yield f"{size} at random", confidence, RANDOM.uniform(size=size) < confidence
    for name, right in (("right", True), ("wrong", False)):
        yield f"all {name}", RANDOM.uniform(0.3, 1, 50).round(4), np.full(50, right)
        yield f"all sure and {name}", np.ones(10), np.full(10, right)
    yield "sure and right, nearly sure and wrong", np.array([1.0, 1.0, 1.0, 0.95, 0.96]), np.array([1, 1, 1, 0, 0], dtype=bool)
    yield "ties", np.repeat([0.25, 0.7, 0.9], 20), RANDOM.uniform(size=60) < 0.6
    yield "borders", np.arange(BINS + 1) / BINS, np.arange(BINS + 1) % 3 == 0
    yield "none sure", np.zeros(5), np.array([0, 1, 0, 0, 0], dtype=bool)


def recorded(name, confidence, right):
    tensors = torch.tensor(confidence, dtype=torch.float64), torch.tensor(right, dtype=torch.int64)
    expected, maximum = (binary_calibration_error(*tensors, n_bins=BINS, norm=norm).item() for norm in ("l1", "max"))
    if not np.allclose((expected, maximum), calibration_error(confidence, right), rtol=0, atol=TOLERANCE):
        sys.exit(f"{name}: torchmetrics says {expected}, {maximum}; reference.py {calibration_error(confidence, right)}")
    return {"name": name, "confidences": confidence.tolist(), "right": right.tolist(), "expected": expected, "maximum": maximum}


json.dump({"source": f"torchmetrics {torchmetrics.__version__}", "cases": [recorded(*case) for case in cases()]}, sys.stdout)
print()
