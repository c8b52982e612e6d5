#!/usr/bin/env python3
"""Our integer execution against tract, ONNX Runtime and rten: same files, same inputs, one session, taking turns.

    bench.py [--quick] [--threads 1 2] [--only NAME …] [--out docs/int8-benchmark.md]

Outputs are compared before anything is timed; where ours differ too much from ONNX Runtime's there is no table.
"""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, field

import numpy as np

import report
from inputs import ROOT
from workers import EngineError, Worker

MODELS = ROOT / "target" / "int8-models"


@dataclass(frozen=True)
class Contestant:
    """An engine with the file it is given. `reference`: whose outputs its own are held against."""

    name: str
    engine: str
    file: str


OURS = Contestant("edgeval int8", "int8", "int8.onnx")
RUNTIME = Contestant("ONNX Runtime int8", "onnx-runtime", "int8.onnx")
# Whose outputs are right: ONNX Runtime, told to multiply exactly where the processor lacks VNNI.
EXACT = Contestant("ONNX Runtime int8, exact", "onnx-runtime-exact", "int8.onnx")
CONTESTANTS = [
    OURS, RUNTIME, EXACT, Contestant("ONNX Runtime fp32", "onnx-runtime", "fp32.onnx"),
    Contestant("tract fp32", "tract", "fp32.onnx"), Contestant("tract int8", "tract", "int8.onnx"),
    Contestant("rten int8", "rten", "int8.onnx"),
]


@dataclass
class Result:
    """What was found for one model and one number of threads. Times in seconds."""

    model: str
    threads: int
    medians: dict = field(default_factory=dict)
    ratios: list = field(default_factory=list)
    missing: dict = field(default_factory=dict)
    agreement: dict = field(default_factory=dict)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, one thread; no page is written")
    parser.add_argument("--threads", type=int, nargs="*", default=None)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--out", type=type(ROOT.parent), default=None, help="the page whose tables are replaced")
    arguments = parser.parse_args()
    names = arguments.only or report.names_of(MODELS, ("benchmark", "random"))
    threads = arguments.threads or ([1] if arguments.quick else [1, 2])
    rounds, budget_s = (5, 0.03) if arguments.quick else (15, 0.12)
    results = [measured(name, count, rounds, budget_s) for count in threads for name in names]
    costs = {name: measured_costs(name, 1 if arguments.quick else 5) for name in names}
    text = report.table(results, costs, MODELS, CONTESTANTS, rounds)
    print(text)
    wrong = [result for result in results if not right(result)]
    if wrong:
        sys.exit(f"No table: edgeval's outputs differ too much from ONNX Runtime's for {', '.join(sorted({one.model for one in wrong}))}")
    if arguments.out and not arguments.quick and not arguments.only:
        report.write(arguments.out, text)


def right(result):
    """Whether ours gave what ONNX Runtime gives."""
    return result.agreement.get(OURS.name, 0.0) >= 0.99


def measured(name, threads, rounds, budget_s):
    """One model: everyone's outputs compared, then everyone's time, taking turns."""
    result = Result(name, threads)
    feeds = report.feeds(MODELS / name, 8)
    with Worker(EXACT.engine) as judge:
        expected = {file: answers(judge, MODELS / name / file, 1, feeds) for file in ("int8.onnx", "fp32.onnx")}
    running = {}
    try:
        for contestant in CONTESTANTS:
            worker = running[contestant] = Worker(contestant.engine)
            try:
                given = answers(worker, MODELS / name / contestant.file, threads, feeds)
                result.agreement[contestant.name] = agreement(given, expected[contestant.file])
            except EngineError as error:
                result.missing[contestant.name] = str(error)
                running.pop(contestant).__exit__()
        if right(result):
            take_turns(result, running, rounds, budget_s)
    finally:
        for worker in running.values():
            worker.__exit__()
    print(f"{name}, {threads} threads: {report.summary(result)}", file=sys.stderr)
    return result


def answers(worker, path, threads, feeds):
    """The first output for each input."""
    worker.load(path, threads)
    return [next(iter(worker.answer(feed).values())) for feed in feeds]


def agreement(given, expected):
    """Share of values within a hundredth of the output's range of what is expected (a step of 8 bits is a 256th)."""
    near = [np.abs(one - other) <= 0.01 * max(np.ptp(other), 1e-6) for one, other in zip(given, expected)]
    return float(np.mean([values.mean() for values in near]))


def take_turns(result, running, rounds, budget_s):
    """Rounds in which each engine runs for about `budget_s`; the one to begin changes."""
    counts = {}
    for contestant, worker in running.items():
        typical = statistics.median(worker.run(5))
        counts[contestant] = max(3, min(500, int(budget_s / typical)))
    medians = {contestant: [] for contestant in running}
    order = list(running)
    for number in range(rounds):
        for contestant in order[number % len(order) :] + order[: number % len(order)]:
            # ONNX Runtime's and rayon's threads go on looking for work for a moment after a run.
            time.sleep(0.02)
            medians[contestant].append(statistics.median(running[contestant].run(counts[contestant])))
    result.medians = {contestant.name: statistics.median(times) for contestant, times in medians.items()}
    result.ratios = [ours / theirs for ours, theirs in zip(medians[OURS], medians[RUNTIME])]


def measured_costs(name, repeats):
    """For each engine, in a fresh process: seconds to load, and bytes that loading and ten runs added at the highest."""
    costs = {}
    feed = report.feeds(MODELS / name, 1)[0]
    for contestant in CONTESTANTS:
        try:
            samples = [cost(contestant, MODELS / name / contestant.file, feed) for _ in range(repeats)]
            costs[contestant.name] = tuple(statistics.median(column) for column in zip(*samples))
        except EngineError:
            continue
    return costs


def cost(contestant, path, feed):
    with Worker(contestant.engine) as worker:
        before, _ = worker.memory()
        seconds = worker.load(path)
        worker.feed(feed)
        worker.run(10)
        return seconds, worker.memory()[1] - before


if __name__ == "__main__":
    main()
