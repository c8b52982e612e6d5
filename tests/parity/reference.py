"""Definitions that no light library has."""
import numpy as np

BINS = 15


def calibration_error(confidence, right):
    """Expected and maximum calibration error as torchmetrics defines them (`l1`, `max`): a confidence on a border belongs to the bin
    above it, so that exactly 1 has a bin of its own. record_calibration.py holds this against torchmetrics itself.
    """
    confidence, right = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    index = np.digitize(confidence, np.linspace(0, 1, BINS + 1)) - 1
    bins = [index == number for number in np.unique(index)]
    gaps = [abs(right[chosen].mean() - confidence[chosen].mean()) for chosen in bins]
    return float(sum(chosen.mean() * gap for chosen, gap in zip(bins, gaps))), float(max(gaps))
