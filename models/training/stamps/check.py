"""What ONNX Runtime and numpy find on the test split, as JSON: `edgeval evaluate` has to find the same.

    python check.py --bundle target/stamps/model --set target/stamps/set [--stamps FOLDER]

With --stamps the captions of other languages are looked for as well, untrained and through a tokenizer of English.
"""

import argparse
import json
import pathlib

import numpy as np

import language
from material import one_per_caption, stamps
from pairs import Model, feeds, read_split
from ranking import alignment, modality_gap, ranks, recall, separation, uniformity, wilson

LANGUAGES = ("fr", "es", "ca", "ro", "ru", "bg", "de", "it")


def direction(found):
    """Recall with Wilson's intervals, which take pairs as independent, and the median rank."""
    told = {f"recall_at_{k}": round(recall(found, k), 4) for k in (1, 5, 10)}
    intervals = {f"recall_at_{k}_interval": wilson(found, k) for k in (1, 5, 10)}
    return told | intervals | {"median_rank": float(np.median(found))}


def figures(images, texts):
    """Everything that is told of one pool."""
    forward, backward = ranks(images, texts)
    space = {
        "alignment": alignment(images, texts), "uniformity_image": uniformity(images), "uniformity_text": uniformity(texts),
        "modality_gap": modality_gap(images, texts), "separation_auc": separation(images, texts),
        "mean_distance": float((1 - (images * texts).sum(axis=1)).mean()),
    }
    told = {name: round(value, 4) for name, value in space.items()}
    return {"pool": len(images), "image_to_text": direction(forward), "text_to_image": direction(backward)} | told


def by_slice(pairs, found, name):
    """recall@5 of each group, in the whole pool."""
    groups = {}
    for pair, rank in zip(pairs, found):
        groups.setdefault(pair.slice[name], []).append(rank)
    return {
        group: {"n": len(those), "recall_at_5": round(recall(np.array(those), 5), 4), "interval": wilson(np.array(those), 5)}
        for group, those in sorted(groups.items())
    }


def translated(folder, pairs):
    """{language: captions of the pairs} where every pair has one."""
    told = {stamp.caption: stamp.translations for stamp in one_per_caption(stamps(folder)) if stamp.split == "test"}
    return {
        code: {place: told[pair.text][code] for place, pair in enumerate(pairs) if code in told[pair.text]}
        for code in LANGUAGES
    }


def other_language(model, images, captions):
    """Figures of the pairs that have a caption in a language, among themselves."""
    words, places = language.tokenizer(), list(captions)
    black = np.zeros((1, 3, 224, 224), np.float32)
    _, texts = model.embeddings([{"image": black, **language.as_input(words, captions[place])} for place in places])
    forward, backward = ranks(images[places], texts)
    return {"pool": len(places), "image_to_text": direction(forward), "text_to_image": direction(backward)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=pathlib.Path, required=True)
    parser.add_argument("--set", type=pathlib.Path, required=True)
    parser.add_argument("--stamps", type=pathlib.Path)
    arguments = parser.parse_args()
    pairs = read_split(arguments.set, "test")
    fed, found, sides = feeds(pairs), {}, {}
    for precision in ("fp32", "int8"):
        model = Model(arguments.bundle / f"model.{precision}.onnx")
        sides[precision] = images, texts = model.embeddings(fed)
        found[precision] = figures(images, texts)
        found[precision]["image_to_text_by"] = {name: by_slice(pairs, ranks(images, texts)[0], name) for name in ("category", "kind")}
        if arguments.stamps and precision == "fp32":
            spoken = translated(arguments.stamps, pairs)
            found["other_languages_fp32"] = {code: other_language(model, images, texts) for code, texts in spoken.items()}
    alike = [float((a * b).sum(axis=1).mean()) for a, b in zip(sides["fp32"], sides["int8"])]
    found["cosine_of_int8_to_fp32"] = dict(zip(("image", "text"), (round(value, 5) for value in alike)))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
