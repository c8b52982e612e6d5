"""The benchmark's tables, as Markdown."""
import datetime
import importlib.metadata
import os
import pathlib
import re
import statistics

import numpy as np

import agreement

GOALS = {"clean pass": 3, "robustness sweep": 5}
PACKAGES = ["onnxruntime", "pillow", "librosa", "numpy", "scipy", "opencv-python-headless", "numba"]


def heading():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    packages = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES)
    return (f"Measured {datetime.date.today()} on {name[1] if name else 'an unnamed processor'}, "
            f"{len(os.sched_getaffinity(0))} cores. {packages}.")


def quartiles(values):
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def speed_table(clean, sweep, start):
    """Samples a second of pairs of runs, edgeval's first."""
    rows = ["| what | samples | rounds | edgeval, samples/s | Python, samples/s | ratio | processor, ms a sample: edgeval | Python | ratio | goal |",
            "|---" * 10 + "|"]
    for name, runs in (("clean pass", clean), ("robustness sweep", sweep)):
        ours, theirs = zip(*runs)
        cost = [[1000 * run.processor_seconds / run.samples for run in side] for side in (ours, theirs)]
        ratio = [one.rate / other.rate for one, other in runs]
        cheaper = [other / one for one, other in zip(*cost)]
        cells = [name, ours[0].samples, len(runs), *(f"{statistics.median(run.rate for run in side):.1f}" for side in (ours, theirs)),
                 f"**{quartiles(ratio)}**", *(f"{statistics.median(side):.2f}" for side in cost), quartiles(cheaper),
                 f"{GOALS[name]}, {'met' if statistics.median(ratio) >= GOALS[name] else 'missed'}"]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([
        heading(), "", *rows, "",
        "*Ratio*: how many times more samples a second edgeval does; the median over the rounds, and their first and third quartile. The ratio of processor "
        "time holds on a busy machine too.", "",
        f"edgeval's time is from its start to its end; with one sample alone it takes {statistics.median(start):.2f} s. Python's begins when all its "
        "processes have imported, compiled and loaded what they need. From loaded to end, with one sample's time taken off edgeval's, the ratio is "
        f"{loaded(clean, start)} for the clean pass and {loaded(sweep, start)} for the sweep; from start to end, which is what a person waits for, "
        f"{whole(clean)} and {whole(sweep)}."])


def loaded(runs, start):
    """The ratio of both times from loaded to the end: of edgeval's what it takes for one sample alone is taken off."""
    return quartiles([other.seconds / (one.seconds - statistics.median(start)) for one, other in runs])


def whole(runs):
    """The ratio of both processes' times from their start to their end."""
    return quartiles([other.whole_seconds / one.whole_seconds for one, other in runs])


def agreement_table(same, rows, together):
    """What both found: clean, of each modality with the other gone, and of both together."""
    text = f"### Do both find the same?\n\nClean pass: {same} first answers of {same} agree, and so do the accuracy and all figures."
    if not rows:
        return text
    return "\n".join([
        text, "", "Accuracy in % at severities 1 to 5, each modality with the other gone. *Apart*: the largest difference in points for its bound. Where draws are "
        "random the bound is that of two shares at 99.9 %, of a frozen stream with as many samples as there are freezes; where there are none it is 1 point.", "",
        "| corruption | edgeval | Python | apart (bound) |", "|---|---|---|---|", *lines(rows), "",
        "What needs both modalities. Both programs let the same samples stand in, so that noise alone is drawn anew: areas have the bound of sums of such "
        "shares.", "",
        "| figure | edgeval | Python | apart (bound) |", "|---|---|---|---|",
        *(f"| {name}{' ✗' if agreement.is_wrong(row) else ''} | {plain(ours)} | {plain(theirs)} | {plain(apart)} ({plain(allowed)}) |"
          for row in together for name, [ours], [theirs], apart, allowed in [row])])


def plain(value):
    """Without what rounding left."""
    return f"{round(value, 9):.4g}"


def lines(rows):
    """A line of a table for each row."""
    return [f"| {name}{' ✗' if agreement.is_wrong(row) else ''} | {percent(ours)} | {percent(theirs)} | {note(name, apart, allowed)} |"
            for row in rows for name, ours, theirs, apart, allowed in [row]]


def percent(shares):
    return " ".join(f"{100 * share:.1f}" for share in shares)


def note(name, apart, allowed):
    if name in agreement.OTHERWISE_DEFINED:
        return f"{100 * apart:.1f} (drawn here, photographs there)"
    return f"{100 * apart:.1f} ({100 * allowed:.1f})"


def write(path, text):
    """Puts the tables between the page's marks."""
    begin, end = "<!-- measured -->\n", "<!-- /measured -->\n"
    page = path.read_text()
    before, _, rest = page.partition(begin)
    path.write_text(before + begin + text + end + rest.partition(end)[2])
