"""Writes the fp32 graph and the tokenizer.

    python export.py heads.npz target/stamps/model
"""

import argparse
import pathlib

import onnx

import graph
import language
from heads import load


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heads", help="of train.py")
    parser.add_argument("bundle", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.bundle.mkdir(parents=True, exist_ok=True)
    onnx.save(graph.whole(load(arguments.heads)), arguments.bundle / "model.fp32.onnx")
    language.tokenizer().save(str(arguments.bundle / "tokenizer.json"))


if __name__ == "__main__":
    main()
