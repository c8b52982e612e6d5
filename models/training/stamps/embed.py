"""Runs the encoders that stay as they are, once: pictures and captions of the training split, and the names of ImageNet's classes.

    python embed.py --stamps FOLDER --out embeddings.npz
"""

import argparse
import pathlib

import numpy as np

import graph
import language
from borrowed import package_folder, session
from material import key, stamps
from pictures import as_input, disturbed, square

VIEWS = 8    # of each picture: as it is, and disturbed
SEED = 20261125


def class_names():
    """The names that each of ImageNet's 1000 classes has in WordNet, out of the package timm."""
    folder = package_folder("timm") / "data" / "_info"
    lines = (folder / "imagenet_synset_to_lemma.txt").read_text().splitlines()
    names = dict(line.split("\t", 1) for line in lines)
    return [[name.strip() for name in names[synset].split(",")] for synset in (folder / "imagenet_synsets.txt").read_text().split()]


class Sentences:
    """The text encoder."""

    def __init__(self):
        self.words, self.run = language.tokenizer(), session(graph.text_encoder()).run

    def of(self, text):
        """float32 [384]."""
        return self.run(None, language.as_input(self.words, text))[0][0]

    def of_class(self, names):
        """The mean of a class's names, each as a caption of its own."""
        several = [self.of(f"A {name}.") for name in names]
        return np.mean([one / np.linalg.norm(one) for one in several], axis=0)


def views(path, random):
    """VIEWS inputs of one picture."""
    whole = square(path)
    return [as_input(whole)] + [as_input(disturbed(whole, random)) for _ in range(VIEWS - 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stamps", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    random = np.random.default_rng(SEED)
    chosen = [stamp for stamp in stamps(arguments.stamps) if stamp.split == "train"]
    pictures, sentences = session(graph.image_encoder()), Sentences()
    seen = [[pictures.run(None, {"image": view}) for view in views(stamp.path, random)] for stamp in chosen]
    features, logits = (np.stack([np.concatenate([view[part] for view in stamp]) for stamp in seen]) for part in (0, 1))
    np.savez(
        arguments.out, features=features, logits=logits, sentences=np.stack([sentences.of(stamp.caption) for stamp in chosen]),
        names=np.stack([sentences.of_class(names) for names in class_names()]), captions=[key(stamp.caption) for stamp in chosen],
    )
    print(f"{arguments.out}: {len(chosen)} stamps, {VIEWS} views each")


if __name__ == "__main__":
    main()
