#!/usr/bin/env python3
"""What the packaged agent takes on an arm64 board: size, memory on the Debian board, and its start in instructions.
Prints a table in Markdown; with --write it also goes between the markers `arm64` of that file."""

import argparse
import datetime
import os
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from board import ROOT, Board

import secure_broker  # which leads to the virtual board's tools
import scenario

MODEL = ROOT / "models" / "zoo" / "av-digits"
REFERENCE_SET = ROOT / "calibration" / "sets" / "av-digits"
PLUGIN = ROOT / "cross" / "count-instructions" / "plugin.c"
LIBRARIES = ROOT / "target" / "cross" / "debian-arm64" / "root" / "usr" / "lib" / "aarch64-linux-gnu"
BROKER = '[broker]\nurl = "mqtt://10.0.2.2:{port}"\nallow_plaintext = true\n'
WORKING = """[model]
path = "/usr/share/edgeval/models/av-digits"
[capture]
source = "replay"
hop_ms = 1000
[capture.replay]
set = "/usr/share/edgeval/sets/av-digits"
passes = 0
"""
DEADLINE_S = 600


def memory_on_the_board(folder, package, port):
    """Samples by state, `idle` and `working`."""
    board = Board(folder, "cortex-a76")
    shutil.copy(package, board.share / "edgeval.deb")
    shutil.copy(Path(__file__).parent / "footprint.sh", board.share / "main.sh")
    (board.share / "idle.toml").write_text(BROKER.format(port=port))
    (board.share / "working.toml").write_text(BROKER.format(port=port) + WORKING)
    board.power_on()
    try:
        board.told("end", DEADLINE_S)
        return {state: board.events(state) for state in ("idle", "working")}
    finally:
        board.cut_power()


def unpack(package, folder):
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return folder / "usr" / "bin" / "edgeval"


def instructions(program, folder, *words):
    """What the emulated processor executes from the process's start to its end, all threads."""
    plugin, log = folder / "plugin.so", folder / "plugin.log"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", plugin, PLUGIN], check=True)
    environment = os.environ | {"EDGEVAL_DEVICE__STATE_DIRECTORY": str(folder / "state"), "EDGEVAL_DEVICE__NAME": "emulated"}
    command = ["qemu-aarch64", "-cpu", "cortex-a76", "-L", "/usr/aarch64-linux-gnu", "-E", f"LD_LIBRARY_PATH={LIBRARIES}",
               "-plugin", plugin, "-d", "plugin", "-D", log, program, *words]
    subprocess.run([str(word) for word in command], env=environment, check=True, capture_output=True, timeout=DEADLINE_S)
    return int(re.search(r"^instructions: (\d+)", log.read_text(), re.M).group(1))


def percentiles(samples, key):
    """p95 and the highest, in MB."""
    values = sorted(sample[key] * 1024 / 1e6 for sample in samples)
    return f"{statistics.quantiles(values, n=20)[-1]:.1f} MB, {values[-1]:.1f} MB"


def table(package, program, memory, counts):
    rows = [("package", f"{package.stat().st_size / 1e6:.1f} MB", "–"),
            ("stripped binary", f"{program.stat().st_size / 1e6:.1f} MB", "10 MB"),
            ("resident, idle (RSS p95, highest)", percentiles(memory["idle"], "rss_kb"), "8 MiB (8.4 MB)"),
            ("of that its own, not of files", percentiles(memory["idle"], "anonymous_kb"), "–"),
            ("proportional, idle (PSS)", percentiles(memory["idle"], "pss_kb"), "–"),
            ("proportional, av-digits int8 (PSS)", percentiles(memory["working"], "pss_kb"), "12 MB + the model's 0.35 MB"),
            ("of that its own, not of files", percentiles(memory["working"], "anonymous_kb"), "–"),
            ("`edgeval --version`", f"{counts['version'] / 1e6:.1f} million instructions", "–"),
            ("start, load the model, one window, its reports, stop", f"{counts['life'] / 1e6:.0f} million instructions", "–")]
    head = f"Measured {datetime.date.today()} on the Debian board (emulated Cortex-A76): 20 s after the start, 40 samples a second apart.\n\n"
    return head + "| what | measured | to reach |\n|---|---|---|\n" + "".join(f"| {a} | {b} | {c} |\n" for a, b, c in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    work = ROOT / "target" / "debian-board"
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder = Path(name)
        folder.chmod(0o755)
        broker = secure_broker.Broker(folder)
        try:
            program = unpack(options.package, folder / "package")
            scenario.write_small_set(REFERENCE_SET, folder / "set", 1)
            run = ("run", "--broker", f"mqtt://127.0.0.1:{broker.port}", "--model", MODEL, "--replay", folder / "set", "--speed", "fastest")
            counts = {"version": instructions(program, folder, "--version"),
                      "life": instructions(program, folder, *run)}
            text = table(options.package, program, memory_on_the_board(folder, options.package, broker.port), counts)
        finally:
            broker.close()
    print(text)
    if options.write:
        page = options.write.read_text()
        options.write.write_text(re.sub(r"(<!-- arm64 -->\n).*(<!-- /arm64 -->)", lambda m: m[1] + text + m[2], page, flags=re.S))


if __name__ == "__main__":
    main()
