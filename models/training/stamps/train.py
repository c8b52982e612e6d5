"""Chooses the settings by cross-validation within the training split, and fits the heads on all of it.

    python train.py embeddings.npz heads.npz

Each part holds out about 60 captions, as the test split does: what is printed says what to expect there, and is the best of a grid.
"""

import argparse
import itertools
import json

import numpy as np

from heads import Settings, fit, image_embeddings, regressors, text_embeddings
from ranking import ranks, recall, wilson

POOL = 60
SEED = 1
PENALTIES, TEMPERATURES, WHITENINGS = (2000.0, 4000.0), (1.5, 2.0), (0.0, 0.5)


def parts(captions):
    """(rows fitted on, rows of one stamp each held-out caption), over parts of about POOL captions."""
    unique, first, caption_of = np.unique(captions, return_index=True, return_inverse=True)
    count = round(len(unique) / POOL)
    part = np.random.default_rng(SEED).permutation(len(unique)) % count
    return [(np.flatnonzero(part[caption_of] != number), first[part == number]) for number in range(count)]


def validated(data, grid):
    """{settings: ranks of every held-out pair within its part, picture to text and text to picture}."""
    found = {settings: [] for settings in grid}
    for fitted, held_out in parts(data["captions"]):
        prepared = regressors(data["features"][fitted])
        for settings in grid:
            heads = fit(prepared, data["logits"][fitted], data["sentences"][fitted], data["names"], settings)
            images = image_embeddings(heads, data["features"][held_out, 0], data["logits"][held_out, 0])
            found[settings].append(ranks(images, text_embeddings(heads, data["sentences"][held_out])))
    return {settings: [np.concatenate(side) for side in zip(*several)] for settings, several in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("embeddings", help="of embed.py")
    parser.add_argument("heads", help="the file to write")
    arguments = parser.parse_args()
    with np.load(arguments.embeddings) as archive:
        data = {name: archive[name] for name in archive.files}
    grid = [Settings(*values) for values in itertools.product(PENALTIES, TEMPERATURES, WHITENINGS)]
    found = validated(data, grid)
    best = max(grid, key=lambda settings: sum(recall(side, 5) for side in found[settings]))
    for name, side in zip(("image_to_text", "text_to_image"), found[best]):
        told = {f"recall_at_{k}": round(recall(side, k), 4) for k in (1, 5, 10)}
        print(json.dumps({"cross_validation": name, "pairs": len(side), **told, "recall_at_5_interval": wilson(side, 5)}))
    print(json.dumps({"chosen": best._asdict(), "settings": len(grid), "fitted_on": len(data["captions"])}))
    heads = fit(regressors(data["features"]), data["logits"], data["sentences"], data["names"], best)
    np.savez(arguments.heads, **{name: np.asarray(value, np.float32) for name, value in heads._asdict().items()})


if __name__ == "__main__":
    main()
