#!/usr/bin/env python3
"""Makes the quantized models of the benchmark and of the exactness tests, as people make them. Seeded.

    make_models.py [--out target/int8-models] [--seed 0] [--only NAME …]

Each model is a folder: fp32.onnx, int8.onnx, and inputs.npz (float32, one entry `INDEX/NAME` an input). What is there
already is kept. index.json says what each is fed, and whether that is real.
"""

import argparse
import json
import sys

import numpy as np
import onnx

from inputs import ROOT
from model_list import recipes

CALIBRATION_INPUTS = 32


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=ROOT / "target" / "int8-models", type=type(ROOT))
    parser.add_argument("--seed", default=0, type=int, help="first seed of the ten random architectures")
    parser.add_argument("--only", nargs="*", help="names of models")
    arguments = parser.parse_args()
    chosen = [recipe for recipe in recipes(arguments.seed) if not arguments.only or recipe.name in arguments.only]
    if not chosen:
        parser.error(f"no model is called {', '.join(arguments.only)}")
    for recipe in chosen:
        make(recipe, arguments.out / recipe.name)
    write_index(arguments.out, chosen)


def make(recipe, folder):
    """Makes one model's folder unless it is complete."""
    if (folder / "inputs.npz").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    feeds = recipe.inputs()
    fp32 = recipe.build(feeds)
    int8 = recipe.quantize(fp32, feeds[:CALIBRATION_INPUTS])
    onnx.save(fp32, folder / "fp32.onnx")
    onnx.save(int8, folder / "int8.onnx")
    tested = feeds[CALIBRATION_INPUTS:]
    arrays = {f"{index}/{key}": value for index, feed in enumerate(tested) for key, value in feed.items()}
    np.savez_compressed(folder / "inputs.npz", **arrays)
    print(f"{recipe.name}: {len(fp32.graph.node)} nodes, {len(int8.graph.node)} quantized, {len(tested)} inputs", file=sys.stderr)


def write_index(out, made):
    """What there is, beside what was there before."""
    path = out / "index.json"
    index = json.loads(path.read_text()) if path.exists() else {}
    index |= {recipe.name: {"kind": recipe.kind, "inputs": recipe.described, "real_inputs": recipe.real} for recipe in made}
    path.write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    main()
