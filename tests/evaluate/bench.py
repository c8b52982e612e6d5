#!/usr/bin/env python3
"""`edgeval evaluate` against the same evaluation in Python (python_evaluation.py), on all cores that this process may use.

    bench.py [--out docs/evaluate-benchmark.md] [--program target/debug/edgeval]
    bench.py --only-agreement                what both find, at length; nothing is timed
    bench.py --quick                         two short rounds, no comparison of the sweep; no page is written

What both find is compared before anything is timed. Then they take turns.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

import agreement
import report

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODEL, SET = ROOT / "models" / "zoo" / "av-digits", ROOT / "calibration" / "sets" / "av-digits"
SCRATCH = ROOT / "target" / "evaluate"
# The exit status where all is found, but edgeval saw that others used the processor.
MEASURED_BUT_BUSY = 3


@dataclass(frozen=True)
class Run:
    """One run's samples and seconds: of the clock, of all processors together, and of the whole process from its start to its end."""

    samples: int
    seconds: float
    processor_seconds: float
    whole_seconds: float

    @property
    def rate(self):
        return self.samples / self.seconds


class Ours:
    """The program: timed from its start to its end."""

    def __init__(self, program):
        self.program = program

    def run(self, folder, *options):
        """What it reports, and the run."""
        # What an interrupted run left is of another set.
        (SCRATCH / "journal").unlink(missing_ok=True)
        command = [self.program, "evaluate", MODEL, "--set", folder, "--json", "--journal", SCRATCH / "journal", *options]
        with open(SCRATCH / "ours.json", "w+") as out:
            started = time.perf_counter()
            process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=subprocess.PIPE)
            said = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            process.stderr.close()
            if process.returncode not in (0, MEASURED_BUT_BUSY):
                sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}: {said.decode()[-2000:]}")
            out.seek(0)
            found = json.load(out)
        for reason in found["validity"]["reasons"]:
            print(f"edgeval says: {reason['text']}", file=sys.stderr)
        return found, Run(found["set"]["samples"], seconds, usage.ru_utime + usage.ru_stime, seconds)


def theirs(what, folder, *options):
    """What the Python evaluation finds, and its run: timed by itself, once all its processes are ready."""
    command = [sys.executable, HERE / "python_evaluation.py", what, folder, "--out", SCRATCH / "theirs.json", *options]
    started = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True)
    whole_seconds = time.perf_counter() - started
    found = json.loads((SCRATCH / "theirs.json").read_text())
    return found, Run(found["samples"], found["seconds"], found["processor_seconds"], whole_seconds)


def subset(count):
    """A Hugging Face folder of the test split's samples, evenly apart: the set is in the order of its labels, then its voices take turns."""
    lines = [line for line in (SET / "samples.jsonl").read_text().splitlines() if json.loads(line)["split"] == "test"]
    chosen = [lines[place] for place in np.linspace(0, len(lines), count, endpoint=False).astype(int)]
    folder = SCRATCH / f"set-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    for line in chosen:
        for file in (json.loads(line)["image"], json.loads(line)["audio"]):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SET / file, folder / file)
    (folder / "metadata.jsonl").write_text("\n".join(chosen) + "\n")
    return folder


def compare_clean(ours):
    """Ends the program where the clean passes differ; else the number of answers that agree."""
    file = SCRATCH / "predictions.jsonl"
    found, _ = ours.run(SET, "--quick", "--predictions", file)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    problems, same = agreement.compare_clean(found, rows, theirs("clean", SET, "--exact")[0])
    if problems:
        sys.exit("No table: the clean passes differ. " + "; ".join(problems))
    print(f"clean pass: {same} of {len(rows)} first answers agree, and all figures", file=sys.stderr)
    return same


def compare_sweep(ours):
    """Rows of both modalities. Each is swept with the other gone: a model that still has the other hardly errs, and would hide a difference."""
    rows = []
    for modality, gone in (("image", "audio"), ("audio", "image")):
        found, _ = ours.run(SET, "--examine", "0", "--without", gone)
        rows += agreement.compare_sweep(found, theirs("sweep", SET, "--exact", "--without", gone)[0], modality)
        print(f"sweep of {modality} alone compared", file=sys.stderr)
    return rows


def compare_modalities(ours):
    """Rows of what needs both modalities."""
    found, _ = ours.run(SET, "--examine", "0")
    rows = list(agreement.compare_modalities(found, theirs("sweep", SET, "--exact")[0]))
    print("sweep of both modalities compared", file=sys.stderr)
    return rows


def take_turns(name, one, other, rounds, budget_s, fewest):
    """Runs of each, in turns; the one to begin changes. As many rounds as fit the time."""
    runs, started = [], time.perf_counter()
    for number in range(rounds):
        took = time.perf_counter() - started
        if number >= fewest and took + took / number > budget_s:
            break
        pair = (one(), other()) if number % 2 == 0 else (other(), one())[::-1]
        runs.append(pair)
        print(f"{name}, round {number + 1}: edgeval {pair[0].rate:.1f} samples/s, Python {pair[1].rate:.1f}", file=sys.stderr)
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target" / "debug" / "edgeval", help="what is timed; target/dist/edgeval is what ships")
    parser.add_argument("--samples", type=int, default=100, help="samples of the timed sweeps")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only-agreement", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, help="the page whose tables are replaced")
    arguments = parser.parse_args()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    ours = Ours(arguments.program)
    same = compare_clean(ours)
    rows, together = ([], []) if arguments.quick else (compare_sweep(ours), compare_modalities(ours))
    wrong = [row[0] for row in rows + together if agreement.is_wrong(row)]
    tables = [report.agreement_table(same, rows, together)]
    if not arguments.only_agreement and not wrong:
        few, fewest = subset(20 if arguments.quick else arguments.samples), 2 if arguments.quick else 3
        one = subset(1)
        start = [ours.run(one, "--quick")[1].seconds for _ in range(3 * fewest)]
        clean = take_turns("clean pass", lambda: ours.run(SET, "--quick")[1], lambda: theirs("clean", SET)[1], 2 if arguments.quick else 21, 90, 2)
        sweep = take_turns("sweep", lambda: ours.run(few, "--examine", "0")[1], lambda: theirs("sweep", few)[1],
                           2 if arguments.quick else 9, 300, fewest)
        tables.insert(0, report.speed_table(clean, sweep, start))
    text = "\n\n".join(tables) + "\n"
    print(text)
    if wrong:
        sys.exit(f"Out of what different random draws allow: {', '.join(wrong)}")
    if arguments.out and not arguments.quick and not arguments.only_agreement:
        report.write(arguments.out, text)


if __name__ == "__main__":
    main()
