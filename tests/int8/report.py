"""The benchmark's table, and what it needs to know of models and machine."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import re
import statistics
import subprocess

import numpy as np
import onnx

from inputs import ROOT

OURS, RUNTIME = "edgeval int8", "ONNX Runtime int8"


def names_of(folder, kinds):
    """Models of these kinds, in the order in which they were made."""
    return [name for name, entry in index(folder).items() if entry["kind"] in kinds]


def index(folder):
    """What make_models.py says of the models in a folder."""
    return json.loads((folder / "index.json").read_text())


def feeds(folder, count):
    """The first inputs of a model: a list of {name: array}."""
    with np.load(folder / "inputs.npz") as archive:
        rows = {}
        for key in archive.files:
            index, _, name = key.partition("/")
            if int(index) < count:
                rows.setdefault(int(index), {})[name] = archive[key]
    return [rows[index] for index in sorted(rows)]


def macs(path):
    """Multiply-accumulates of one inference, from the float graph's shapes."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True)
    graph = model.graph
    shapes = {value.name: [length.dim_value for length in value.type.tensor_type.shape.dim]
              for value in [*graph.value_info, *graph.input, *graph.output]}
    shapes |= {weights.name: list(weights.dims) for weights in graph.initializer}
    return sum(macs_of(node, shapes) for node in graph.node if node.op_type in ("Conv", "MatMul", "Gemm"))


def macs_of(node, shapes):
    output, first, second = shapes.get(node.output[0]), shapes.get(node.input[0]), shapes.get(node.input[1])
    if not output or not first:
        return 0
    if node.op_type == "Conv":
        return int(np.prod(output) * np.prod(second[1:])) if second else 0
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return int(np.prod(output) * first[0 if transposed else -1])


def summary(result):
    """One line about a result."""
    times = ", ".join(f"{name} {seconds * 1e3:.3f} ms" for name, seconds in result.medians.items())
    missing = "".join(f"; {name} can't: {reason[:120]}" for name, reason in result.missing.items())
    ratio = f"; ratio {statistics.median(result.ratios):.2f}" if result.ratios else ""
    return f"{times}{ratio}; agreement {result.agreement.get(OURS, 0):.4f}{missing}"


def table(results, costs, folder, contestants, rounds):
    """All tables, as Markdown."""
    names = [contestant.name for contestant in contestants]
    peak = peaks()
    parts = [heading(rounds, peak)]
    for threads in sorted({result.threads for result in results}):
        parts.append(times(f"Median time of one inference, {threads} thread{'s' * (threads > 1)}", names,
                           [result for result in results if result.threads == threads], folder, max(peak, default=None)))
    parts += [scaling(results), resources(costs, names), agreements(results, names), failures(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def peaks():
    """What one core multiplies and adds on registers alone: [(GMAC/s, instructions)]. Empty where there is no loop for the processor."""
    command = [os.environ.get("CARGO", "cargo"), "run", "-q", "-p", "edgeval-int8", "--no-default-features", "--example", "peak"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    found = (re.fullmatch(r"([0-9.]+) (.+)", line) for line in lines)
    return [(float(match[1]), match[2]) for match in found if match]


def heading(rounds, peak):
    """What was measured, where, and how much the processor could do."""
    most = "; ".join(f"{speed:.0f} GMAC/s ({instructions})" for speed, instructions in peak) or "not measured"
    packages = ", ".join(f"{name} {version}" for name, version in versions().items())
    return (
        f"Measured {datetime.date.today()} on {processor()}. {packages}. {rounds} rounds, the engines taking turns.\n\n"
        "Times in milliseconds. *Ratio* is edgeval int8 / ONNX Runtime int8: the median over the rounds, and their first and third quartile. "
        f"This core's integer peak, on registers alone (`models/int8/examples/peak.rs`): {most}."
    )


def versions():
    """What was compared."""
    lock = (ROOT / "tests" / "int8" / "worker" / "Cargo.lock").read_text()
    locked = dict(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock))
    return {
        "edgeval-int8": locked["edgeval-int8"], "tract": locked["tract-onnx"],
        "ONNX Runtime": importlib.metadata.version("onnxruntime"), "rten": locked["rten"],
    }


def processor():
    """The processor's name, its cores, and what it has for integers."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*: (.*)$", text, re.MULTILINE)
    known = ["avx2", "avx_vnni", "avx512_vnni", "asimddp", "i8mm"]
    has = [flag for flag in known if flags and flag in flags[1].split()]
    return f"{name[1] if name else 'an unnamed processor'}, {text.count('processor')} cores ({', '.join(has)})"


def quartiles(values):
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def times(title, names, results, folder, peak):
    """Everyone's times; our multiply-accumulates a second, and their share of what the cores could do."""
    rows = [f"### {title}", "", f"| model | {' | '.join(names)} | ratio | GMAC/s | of the peak |", "|---" * (len(names) + 4) + "|"]
    for result in results:
        cells = [f"{result.medians[name] * 1e3:.3f}" if name in result.medians else "–" for name in names]
        speed = macs(folder / result.model / "fp32.onnx") / result.medians[OURS] / 1e9 if OURS in result.medians else None
        share = f"{100 * speed / (peak[0] * result.threads):.0f} %" if speed and peak else "–"
        ratio = quartiles(result.ratios) if result.ratios else "–"
        rows.append(f"| {result.model} | {' | '.join(cells)} | {ratio} | {f'{speed:.1f}' if speed else '–'} | {share} |")
    return "\n".join([*rows, "", *means(names, results)])


def means(names, results):
    """Geometric means of how many times faster ours is, over the models that both run, drawn ones apart."""
    lines = []
    for title, drawn in (("the named models", False), ("the random architectures", True)):
        chosen = [result for result in results if result.model.startswith("random-") == drawn and OURS in result.medians]
        parts = [mean(name, chosen) for name in names if name != OURS]
        lines += [f"Geometric means over {title}, edgeval int8 / other: {'; '.join(part for part in parts if part)}.", ""] if chosen else []
    return lines


def mean(name, results):
    ratios = [result.medians[OURS] / result.medians[name] for result in results if name in result.medians]
    return f"{name} **{statistics.geometric_mean(ratios):.3f}** ({len(ratios)} models)" if ratios else None


def scaling(results):
    """How much faster two threads are."""
    single = {result.model: result.medians for result in results if result.threads == 1}
    rows = [
        f"| {result.model} | {single[result.model][OURS] / result.medians[OURS]:.2f} | {single[result.model][RUNTIME] / result.medians[RUNTIME]:.2f} |"
        for result in results
        if result.threads == 2 and all(name in medians for name in (OURS, RUNTIME) for medians in (result.medians, single.get(result.model, {})))
    ]
    if not rows:
        return None
    return "\n".join(["### Two threads against one", "", f"| model | {OURS} | {RUNTIME} |", "|---|---|---|", *rows])


def resources(costs, names):
    """Load time and memory, each in a process of its own."""
    rows = ["### To load, in milliseconds, and the memory that loading and ten inferences add at their peak, in MB; each in a process of its own", "",
            f"| model | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for model, entry in costs.items():
        cells = [f"{entry[name][0] * 1e3:.0f} ms, {entry[name][1] / 1e6:.1f} MB" if name in entry else "–" for name in names]
        rows.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(rows)


def agreements(results, names):
    """Who gave the right outputs."""
    rows = ["### Share of output values within 1 % of the range of what ONNX Runtime gives for the same file when it multiplies exactly", "",
            f"| model | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for result in results:
        if result.threads == results[0].threads:
            cells = [f"{result.agreement[name]:.3f}" if name in result.agreement else "–" for name in names]
            rows.append(f"| {result.model} | {' | '.join(cells)} |")
    return "\n".join(rows)


def failures(results):
    """What an engine couldn't load or run, and why."""
    reasons = {(name, result.model): reason for result in results for name, reason in result.missing.items()}
    return "\n".join(f"- {name} doesn't run {model}: {reason[:200]}" for (name, model), reason in reasons.items()) or None


def write(path, text):
    """Puts the tables between the page's marks, or at its end."""
    begin, end = "<!-- measured -->\n", "<!-- /measured -->\n"
    page = path.read_text() if path.exists() else f"# How fast are quantized models?\n\n{begin}{end}"
    before, _, rest = page.partition(begin)
    path.write_text(before + begin + text + end + rest.partition(end)[2])
