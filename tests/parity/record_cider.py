"""Records pycocoevalcap's CIDEr-D: record_cider.py >agent/measure/tests/data/cider.json

pycocoevalcap brings Stanford's Java programs along, too heavy for every test run, so this runs once, by hand, in an environment of its
own with `pip install pycocoevalcap==1.2`. Its scorer is fed words in our tokenization (agent/measure/src/generation/cider.rs),
written here a second time: no Java is needed.
"""
import json
import re
import sys
from importlib.metadata import version

import numpy as np
from pycocoevalcap.cider.cider_scorer import CiderScorer

RANDOM = np.random.default_rng(20240919)
WORDS = "a a a the the two dog Dogs cat runs sits on in mat street red 3,000 it's don't T-shirt 50% Ärger 犬が走る".split(" ")
MARKS = ["", "", "", "", ".", ",", "!", " -", "...", "?\"", ")", "…", " “"]
ENDS = re.escape(".,?!:;'\"`-()[]{}‘’“”–—…")


def tokenized(text):
    bare = (re.sub(f"^[{ENDS}]+|[{ENDS}]+$", "", word) for word in text.lower().split())
    return " ".join(word for word in bare if word)


def sentence(most):
    return " ".join(word + RANDOM.choice(MARKS) for word in RANDOM.choice(WORDS, RANDOM.integers(1, most + 1)))


def corpus(size, references, most_words):
    texts = [[sentence(most_words) for _ in range(RANDOM.integers(1, references + 1))] for _ in range(size)]
    # About half of a reference, then something else: some n-grams match.
    return [(" ".join(choices[-1].split()[:RANDOM.integers(0, 9)]) + " " + sentence(4), choices) for choices in texts]


def corpora():
    yield "one reference", corpus(30, 1, 12)
    yield "several references", corpus(30, 5, 12)
    yield "long and short", corpus(12, 3, 60)
    yield "two samples", corpus(2, 2, 8)
    yield "one word", [(word, [word]) for word in ("two", "dogs", "run", "two")]
    yield "the same texts", [(choices[0], choices) for _, choices in corpus(20, 1, 12)]
    yield "nothing in common", [("x y z w", choices) for _, choices in corpus(6, 2, 8)]
    yield "empty hypotheses", [(text, choices) for text, (_, choices) in zip(("", " ", "?!", "a dog"), corpus(4, 2, 8))]
    yield "in every sample", [("a dog", ["a dog", "a dog sits"]), ("a dog runs", ["a dog"]), ("a cat", ["a dog", "the cat"])]


def recorded(name, samples):
    scorer = CiderScorer(n=4, sigma=6.0)
    for hypothesis, references in samples:
        if not all(map(tokenized, references)):
            sys.exit(f"{name}: a reference is empty, which has no figure")
        scorer += (tokenized(hypothesis), [tokenized(text) for text in references])
    mean, scores = scorer.compute_score()
    hypotheses, references = zip(*samples)
    return {"name": name, "hypotheses": hypotheses, "references": references, "scores": scores.tolist(), "mean": float(mean)}


json.dump({"source": f"pycocoevalcap {version('pycocoevalcap')}", "cases": [recorded(*case) for case in corpora()]}, sys.stdout)
print()
