#!/usr/bin/env python3
"""Records small quantized pieces with what ONNX Runtime gives for them, for tests that run without it.

    record_vectors.py [--out models/int8/tests/vectors]

Of every kind of piece (operators, types, form of convolution) in the random and variant models the smallest is taken.
Each is NAME.onnx and NAME.tensors: its inputs, and its outputs as `expected:NAME` (see worker/src/tensor.rs).
"""

import argparse
from collections import defaultdict

import numpy as np
import onnx
from onnx import helper

import report
import tensors
from exactness import MODELS
from groups import BORDER, BYTES, answers, every_value, groups, without_constant_nodes
from inputs import ROOT

LARGEST_PIECE_BYTES = 9_000
ALL_BYTES = 285_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=type(ROOT), default=ROOT / "models" / "int8" / "tests" / "vectors")
    arguments = parser.parse_args()
    smallest = {}
    for name in report.names_of(MODELS, ("random", "variant")):
        for key, piece in pieces(name):
            if key not in smallest or piece[0] < smallest[key][0]:
                smallest[key] = piece
    chosen = within_budget(smallest)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for old in [*arguments.out.glob("*.onnx"), *arguments.out.glob("*.tensors")]:
        old.unlink()
    for number, (_, name, model, recorded) in enumerate(chosen):
        label = f"{number:03}-{name.replace(' ', '-')}"[:60]
        (arguments.out / f"{label}.onnx").write_bytes(model)
        tensors.write(arguments.out / f"{label}.tensors", recorded)
    print(f"{len(chosen)} of {len(smallest)} kinds of pieces, {sum(piece[0] for piece in chosen)} bytes")


def within_budget(smallest):
    """One piece of each family first, then a second, and so on, as long as there is room."""
    families = defaultdict(list)
    for (family, _), piece in sorted(smallest.items(), key=lambda entry: entry[1][0]):
        families[family].append(piece)
    turns = sorted((turn, piece[0], place) for place, family in enumerate(families.values()) for turn, piece in enumerate(family))
    chosen, total = [], 0
    for turn, size, place in turns:
        if total + size <= ALL_BYTES:
            chosen.append(list(families.values())[place][turn])
            total += size
    return chosen


def pieces(name):
    """Kind and (size, name, model, tensors) of each piece of a model."""
    model = without_constant_nodes(onnx.load(MODELS / name / "int8.onnx"))
    values = every_value(model, report.feeds(MODELS / name, 1)[0])
    for group in groups(model, values):
        feed = {entry: values[entry] for entry in group.inputs}
        size = group.model.ByteSize() + sum(array.nbytes for array in feed.values())
        if size <= LARGEST_PIECE_BYTES:
            given = answers(group, values)
            if any(array.dtype in (*BYTES, np.int32) for array in given):
                recorded = feed | {f"expected:{output}": array for output, array in zip(group.outputs, given)}
                size += sum(array.nbytes for array in given)
                yield kind(group, values), (size, group.name, group.model.SerializeToString(), recorded)


def kind(group, values):
    """What makes a piece like another: its family (operators and their settings), its types and ranks."""
    settings = []
    for node in group.model.graph.node:
        wanted = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        strides, dilations, pads = (set(wanted.get(key, [])) for key in ("strides", "dilations", "pads"))
        groups_count = min(int(wanted.get("group", 1)), 5)
        if node.op_type in BORDER:
            continue
        settings.append((node.op_type, max(strides, default=1), max(dilations, default=1), len(pads), groups_count,
                         wanted.get("mode"), wanted.get("axis"), wanted.get("count_include_pad")))
    types = [(weights.data_type, len(weights.dims)) for weights in group.model.graph.initializer]
    shapes = [(values[entry].dtype.name, values[entry].ndim) for entry in group.inputs]
    return str(settings), str((types, shapes))


if __name__ == "__main__":
    main()
