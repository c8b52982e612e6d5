"""Seeded random and edge cases of generated text with the reference implementations' answers.

sacrebleu gives BLEU and chrF, rouge-score ROUGE-L, jiwer word and character error rates. CIDEr-D is recorded apart
(record_cider.py). make_cases.py takes these in; as a program this file writes them alone:
cases_generation.py >agent/measure/tests/data/generation.json
"""
import json
from itertools import zip_longest

import jiwer
import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

SEED = 20240918
WORDS = ("a the two dog dogs cat runs run sits on in of mat street red 3 3,000 1.5 2019-20 it's don't T-shirt U.S. e.g. (small) "
         "\"big\" 50% $5 Ärger straße 犬が走る naïve İstanbul ΟΔΟΣ Å mother-in-law well- -ish a/b x&y &quot;so&quot; &amp;lt; … “oh” 🙂").split(" ")
MARKS = ["", "", "", "", ".", ",", "!", " .", "...", ";", ":", "?", " -", "--", ",,"]
GAPS = [" "] * 12 + ["  ", "\t", "\n", "\u00a0", "\u3000", " \n", "\u001c"]
SOUP = list("ab1 2.,-'\"&;<>()!?$%/~`^_{}[]@#*+=|\\:\n\té犬٣\u00a0\u001f\u200b") + ["&amp;", "&lt;", "<skipped>", "-\n", "&quot;"]
# Hypothesis and references.
EDGES = [
    ("", ["a dog runs on the street"]),
    (" \n", ["a dog", "two dogs run"]),
    ("dog", ["dog"]),
    ("dog", ["cat"]),
    ("dog", ["a dog runs on the street", "dogs"]),
    ("a dog runs", ["a dog runs"]),
    ("a dog runs on the street", ["a dog runs on the street"]),
    ("A Dog runs, on the street!", ["a dog runs on the street"]),
    ("nothing is shared here now", ["completely other words follow there"]),
    ("zzz qqq", ["犬が走る abc"]),
    ("the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"]),
    ("a b c d", ["a b", "a b c d e f"]),
    ("犬が走る x", ["犬が走っている x", "猫が走る x"]),
    ("3,000.5 km, 1.5.2 -3 2019-20", ["3,000.5 km , 1.5.2 - 3 2019 -20"]),
    ("  spaces \t at  the   ends ", ["spaces at the ends"]),
    ("one\ttab and\none line", ["one tab and one line"]),
    ("e\u0301cole", ["\u00e9cole"]),
    ("word " * 60, ["word " * 50 + "other " * 10]),
]


def random_of(kind):
    """Its own for each kind, so that a new kind doesn't move the others' cases."""
    return np.random.default_rng([SEED, *kind.encode()])


def sentence(random, fewest=1, most=15):
    chosen = random.choice(WORDS, random.integers(fewest, most + 1))
    return "".join(word + random.choice(MARKS) + random.choice(GAPS) for word in chosen)


def altered(random, text):
    """The same text with words dropped, doubled, swapped for others."""
    words = []
    for word in text.split(" "):
        words += {0: [], 1: [word, word], 2: [str(random.choice(WORDS))]}.get(int(random.integers(0, 9)), [word])
    return " ".join(words)


def sample(random, most_references):
    references = [sentence(random) for _ in range(random.integers(1, most_references + 1))]
    near = random.uniform() < 0.8
    return (altered(random, str(random.choice(references))) if near else sentence(random, 0)), references


def corpora(kind, edges=EDGES):
    """Lists of samples: at random with one and with several references, and every edge case alone and all together."""
    random = random_of(kind)
    for size, most_references in ((1, 1), (5, 1), (40, 1), (40, 4), (7, 2)):
        yield [sample(random, most_references) for _ in range(size)]
    yield from ([edge] for edge in edges)
    yield edges


def streams(references):
    """References as sacrebleu takes them: the first of every sample, the second of every sample, None where there is none."""
    return [list(stream) for stream in zip_longest(*references)]


def resampled(random, size):
    return [int(index) for index in random.integers(0, size, size)]


def bleu_cases():
    random, bleu = random_of("resampled bleu"), BLEU()
    for corpus in corpora("bleu"):
        hypotheses, references = zip(*corpus)
        statistics = np.array(bleu._extract_corpus_statistics(list(hypotheses), streams(references)))
        drawn = resampled(random, len(corpus))
        longest = max(len(Tokenizer13a()(text.rstrip()).split()) for text in (*hypotheses, *sum(references, [])))
        yield {"hypotheses": hypotheses, "references": references, "statistics": statistics.tolist(), "drawn": drawn,
               # Where nothing has 4 tokens sacrebleu says 0, and we that there is no figure.
               "score": bleu.corpus_score(hypotheses, streams(references)).score if longest >= 4 else None,
               "drawn_score": bleu._compute_score_from_stats(statistics[drawn].sum(axis=0).tolist()).score}


def tokens_cases():
    """Any symbols beside any others."""
    random, tokenize = random_of("tokens"), Tokenizer13a()
    for size in range(1, 200):
        text = "".join(random.choice(SOUP, size % 40 + 3))
        yield {"text": text, "tokens": tokenize(text.rstrip()).split()}


def chrf_cases():
    random, chrf = random_of("resampled chrf"), CHRF()
    for corpus in corpora("chrf"):
        hypotheses, references = zip(*corpus)
        statistics = np.array(chrf._extract_corpus_statistics(list(hypotheses), streams(references)))
        drawn = resampled(random, len(corpus))
        yield {"hypotheses": hypotheses, "references": references, "drawn": drawn,
               "score": chrf.corpus_score(hypotheses, streams(references)).score,
               "sentences": [chrf.sentence_score(*pair).score for pair in corpus],
               "drawn_score": chrf._compute_score_from_stats(statistics[drawn].sum(axis=0).tolist()).score}


def rouge_cases():
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    for corpus in corpora("rouge_l"):
        for hypothesis, references in corpus:
            each = [scorer.score(reference, reference)["rougeL"].fmeasure for reference in references]
            # rouge-score gives 0 to a reference without tokens, we no figure.
            score = scorer.score_multi(references, hypothesis)["rougeL"].fmeasure if all(each) else None
            yield {"hypothesis": hypothesis, "references": references, "score": score}


def error_cases():
    """jiwer takes one reference: ours of several is the one with the lowest rate."""
    silence = [("", [""]), ("said into silence", [""]), ("", ["", "a"])]
    for corpus in corpora("errors", EDGES + silence):
        case = {"hypotheses": [hypothesis for hypothesis, _ in corpus], "references": [references for _, references in corpus]}
        for name, process in (("word", jiwer.process_words), ("character", jiwer.process_characters)):
            chosen = [min(references, key=lambda text: rate(*errors(process(text, hypothesis))))
                      for hypothesis, references in corpus]
            total = process(chosen, case["hypotheses"])
            length = errors(total)[1]
            # Without a reference's word or character jiwer gives the number of insertions, we no rate.
            case[name] = None if length == 0 else total.wer if name == "word" else total.cer
            case[f"{name}_counts"] = [errors(process(text, hypothesis)) for text, (hypothesis, _) in zip(chosen, corpus)]
        yield case


def errors(output):
    """How many errors, and how long the reference is."""
    return [output.substitutions + output.deletions + output.insertions, output.hits + output.substitutions + output.deletions]


def rate(count, length):
    return 0.0 if count == 0 else count / length if length else float("inf")


def exact_cases():
    random = random_of("exact_match")
    for hypothesis, references in [*EDGES, *(sample(random, 3) for _ in range(30))]:
        cased = hypothesis.upper() if random.uniform() < 0.5 else f"\u00a0{hypothesis}\n"
        plain = [text.strip().lower() for text in (cased, *references)]
        yield {"hypothesis": cased, "references": references, "match": plain[0] in plain[1:]}


def cases():
    return {"bleu": list(bleu_cases()), "tokens_13a": list(tokens_cases()), "chrf": list(chrf_cases()),
            "rouge_l": list(rouge_cases()), "errors": list(error_cases()), "exact_match": list(exact_cases())}


if __name__ == "__main__":
    print(json.dumps(cases()))
