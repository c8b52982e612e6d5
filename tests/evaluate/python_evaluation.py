#!/usr/bin/env python3
"""What `edgeval evaluate` does, in Python: ONNX Runtime int8 with one thread in one process a core, Pillow, librosa, numpy and scipy.

    python_evaluation.py clean SET [--exact] [--out FILE]
    python_evaluation.py sweep SET [--exact] [--out FILE] [--without image|audio]

Writes JSON: figures, and how long they took. Timed is what is done once all processes are ready: interpreters, imports, compilation and
the model's loading are not. Nothing is kept from an earlier run. Without a modality the sweep corrupts the other, and does nothing else.
"""
import argparse
import functools
import json
import multiprocessing
import os
import pathlib
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

import clean_pass
import intervals
import modalities
import robustness
from evaluator import MODALITIES, Evaluator, listed
from trials import trial

evaluator = barrier = None


def prepare(is_exact):
    """Everything of a process that isn't timed: its models are loaded and asked, all that runs has run once."""
    evaluator.open(is_exact)
    evaluator.clean(0)
    trial(evaluator, evaluator.nothing, 0, 1)
    evaluator.forget()


def meet(_):
    """Returns when all processes have come: how much of the processor this one has used."""
    barrier.wait()
    return time.process_time()


def clean(place):
    return evaluator.clean(place)


def sweep(means, place_and_right):
    return trial(evaluator, means, *place_and_right)


def clean_figures(answers, times, weights):
    """All figures of samples as they are."""
    rows = clean_pass.gathered(evaluator.truth, answers)
    return {"figures": clean_pass.clean_figures(*rows), "intervals": clean_pass.intervals(rows, weights), "latency_ms": clean_pass.latencies(times)}


def asked(pool):
    """Answers to all samples as they are, and the seconds of those that were timed, which aren't asked about again."""
    known, times = clean_pass.timed(evaluator)
    rest = evaluator.order[clean_pass.TIMED:]
    known |= zip(rest, pool.map(clean, rest, chunksize=16))
    return [known[place] for place in range(len(evaluator.samples))], times


def clean_run(pool, weights):
    """The clean pass."""
    answers, times = asked(pool)
    said = {sample["id"]: evaluator.labels[answer[0].argmax()] for sample, answer in zip(evaluator.samples, answers)}
    return clean_figures(answers, times, weights) | {"said": said, "probabilities": [answer[0].tolist() for answer in answers]}


def sweep_run(pool, weights):
    """The clean pass, then each sample in every way."""
    answers, times = asked(pool)
    probabilities = np.stack([answer[0] for answer in answers])
    right = (probabilities.argmax(axis=1) == evaluator.truth).astype(int)
    tried = pool.map(functools.partial(sweep, clean_pass.means(evaluator)), enumerate(right.tolist()), chunksize=1)
    found = clean_figures(answers, times, weights) | {"robustness": robustness.robustness(right, tried, weights)}
    return found if evaluator.without else found | of_modalities(probabilities, right, tried, weights)


def of_modalities(probabilities, right, tried, weights):
    """The figures that need both modalities."""
    truth = np.array(evaluator.truth)
    combined = np.stack([[*one["combinations"], whole] for one, whole in zip(tried, probabilities)])
    scores = (combined.argmax(axis=2) == truth[:, np.newaxis]).astype(np.float64)
    replaced = {modality: np.array([one["replaced"][modality] for one in tried]) for modality in MODALITIES}
    alone = {modality: scores[:, bit] for modality, bit in MODALITIES.items()}
    return {"noise": robustness.noise(right, alone, tried, weights),
            "missing": modalities.missing(scores, replaced, weights),
            "fairness": modalities.fairness(scores, replaced, weights),
            "consistency": modalities.agreement(combined, weights),
            "precision": robustness.precision(evaluator.samples, truth, probabilities, np.stack([one["fp32"] for one in tried]), weights)}


def main():
    global evaluator, barrier
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["clean", "sweep"])
    parser.add_argument("set", type=pathlib.Path)
    parser.add_argument("--without", choices=["image", "audio"])
    parser.add_argument("--exact", action="store_true", help="products of 8 bits never saturate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=argparse.FileType("w"), default=sys.stdout)
    arguments = parser.parse_args()
    samples = listed(arguments.set)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(arguments.jobs)
    evaluator = Evaluator(arguments.set, samples, arguments.seed, arguments.without)
    evaluator.compile()
    prepare(arguments.exact)
    with context.Pool(arguments.jobs, prepare, [arguments.exact]) as pool:
        before = sum(pool.map(meet, range(arguments.jobs), chunksize=1)) + time.process_time()
        started = time.perf_counter()
        run = clean_run if arguments.what == "clean" else sweep_run
        found = run(pool, intervals.weights(samples, arguments.seed))
        seconds = time.perf_counter() - started
        after = sum(pool.map(meet, range(arguments.jobs), chunksize=1)) + time.process_time()
    json.dump(found | {"samples": len(samples), "seconds": seconds, "processor_seconds": after - before}, arguments.out)


if __name__ == "__main__":
    main()
