#!/usr/bin/env python3
"""Our integer execution against ONNX Runtime's: piece by piece, each fed ONNX Runtime's own inputs, and end to end.

    exactness.py [--only NAME …] [--kinds benchmark random variant] [--inputs 1]

Demanded: of each operator's values 99.9 % identical and none off by more than one step; of each model with real inputs
the same answer for 99.5 %. Exit status 1 otherwise. Sums of dynamically quantized products must be identical.
"""

import argparse
import pathlib
import sys
import tempfile
from collections import defaultdict

import numpy as np
import onnx

import report
from groups import BYTES, answers, every_value, exact_session, groups, without_constant_nodes
from inputs import ROOT
from workers import EngineError, Worker

MODELS = ROOT / "target" / "int8-models"


class Tally:
    """Values compared, values not identical, and the greatest distance."""

    def __init__(self):
        self.count = self.different = self.furthest = 0

    def add(self, given, expected):
        distance = np.abs(given.astype(np.int64) - expected.astype(np.int64))
        self.count += distance.size
        self.different += int((distance > 0).sum())
        self.furthest = max(self.furthest, int(distance.max(initial=0)))

    @property
    def identical(self):
        return 1 - self.different / max(self.count, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--kinds", nargs="*", default=["benchmark", "random", "variant"])
    parser.add_argument("--inputs", type=int, default=1, help="inputs that pieces are run on")
    parser.add_argument("--whole", type=int, default=200, help="inputs that models are run on end to end")
    arguments = parser.parse_args()
    failed = []
    with Worker("int8") as worker:
        for name in arguments.only or report.names_of(MODELS, arguments.kinds):
            failed += piecewise(worker, name, arguments.inputs)
            failed += end_to_end(worker, name, arguments.whole)
    print("\n".join(failed) or "All demands are met.")
    sys.exit(1 if failed else 0)


def piecewise(worker, name, count):
    """Every piece of one model; what isn't as demanded, in words."""
    model = without_constant_nodes(onnx.load(MODELS / name / "int8.onnx"))
    tallies, troubles = defaultdict(Tally), []
    for feed in report.feeds(MODELS / name, count):
        values = every_value(model, feed)
        for group in groups(model, values):
            try:
                compare(worker, group, values, tallies[group.name])
            except EngineError as error:
                troubles.append(f"{name}: {group.name} ({group.outputs[0]}) doesn't run: {error}")
    for operators, tally in sorted(tallies.items()):
        print(f"{name:24} {operators:40.40} {tally.count:10} values  {tally.identical * 100:9.5f} % identical  furthest {tally.furthest}")
        if tally.identical < 0.999 or tally.furthest > 1:
            troubles.append(f"{name}: {operators}: {tally.identical:.5f} identical, furthest {tally.furthest}")
    return troubles


def compare(worker, group, values, tally):
    """One piece in both engines."""
    feed = {entry: values[entry] for entry in group.inputs}
    expected = answers(group, values)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "piece.onnx")
        onnx.save(group.model, path)
        worker.load(path)
        given = worker.answer(feed)
    for output, wanted in zip(group.outputs, expected):
        if wanted.dtype in (*BYTES, np.int32):
            tally.add(given[output], wanted)


def end_to_end(worker, name, count):
    """The whole model: how often both give the same answer."""
    entry = report.index(MODELS)[name]
    feeds = report.feeds(MODELS / name, count)
    runtime = exact_session(onnx.load(MODELS / name / "int8.onnx"))
    try:
        worker.load(MODELS / name / "int8.onnx")
        pairs = [(next(iter(worker.answer(feed).values())), runtime.run(None, feed)[0]) for feed in feeds]
    except EngineError as error:
        return [f"{name} doesn't run: {error}"]
    same = np.concatenate([np.ravel(one.argmax(-1) == other.argmax(-1)) for one, other in pairs]).mean()
    equal = np.mean([np.mean(one == other) for one, other in pairs])
    print(f"{name:24} end to end, {len(pairs)} inputs: same answer {same * 100:.2f} %, outputs identical {equal * 100:.2f} %")
    return [f"{name}: the same answer for {same:.4f} only"] if same < 0.995 and entry["real_inputs"] else []


if __name__ == "__main__":
    main()
