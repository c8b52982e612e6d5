#!/usr/bin/env python3
"""The virtual board: a Debian kernel under QEMU with a camera and a sound card, in which `edgeval run` captures what is
shown and played to it, and publishes to a Mosquitto outside. One line a check; exit status 1 if any fails."""

import argparse
import json
import os
import shutil
import signal
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import checks
import scenario
from broker import Broker

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOLS = ROOT / "cross" / "virtual-board"
WORK = ROOT / "target" / "virtual-board"
MODEL = ROOT / "models" / "zoo" / "av-digits"
REFERENCE_SET = ROOT / "calibration" / "sets" / "av-digits"
BOOT_DEADLINE_S = 420
TOOLS_NEEDED = ("cargo", "qemu-system-x86_64", "busybox", "cpio", "modprobe", "strip", "v4l2-ctl", "mosquitto", "mosquitto_sub")


def arguments():
    listed = "Checks:\n" + "\n".join(f"  {key}  {check.__doc__}" for key, check in checks.ALL.items())
    parser = argparse.ArgumentParser(description=__doc__, epilog=listed, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", type=Path, default=ROOT / "target" / "debug" / "edgeval", help="the agent")
    parser.add_argument("--only", metavar="a,b", default=",".join(checks.ALL), help="these checks alone")
    parser.add_argument("--keep", action="store_true", help="keep the logs, also when all is well")
    options = parser.parse_args()
    options.checks = set(options.only.split(","))
    if unknown := options.checks - set(checks.ALL):
        parser.error(f"there is no check {', '.join(sorted(unknown))}; the checks are {', '.join(checks.ALL)}")
    if not options.program.is_file():
        parser.error(f"{options.program} doesn't exist; build it with `cargo build`")
    return options


def check_tools():
    """Ends with what is missing, by name. Debian keeps some of it where only root's PATH leads."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if missing := [tool for tool in TOOLS_NEEDED if shutil.which(tool) is None]:
        sys.exit(f"the virtual board needs {', '.join(missing)}; `.ci/install-packages build board` installs what Debian has")


def run(*command, **options):
    """Runs a command; its children end with it, whatever happens."""
    child = subprocess.Popen([str(word) for word in command], start_new_session=True, **options)
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait(10)


def must(*command, **options):
    if run(*command, **options) != 0:
        sys.exit(f"{Path(command[0]).name} failed; see above")


def build_player():
    environment = os.environ | {"CARGO_TARGET_DIR": str(WORK / "player")}
    must("cargo", "build", "--quiet", "--locked", "--manifest-path", HERE / "player" / "Cargo.toml", env=environment)
    return WORK / "player" / "debug" / "player"


def boot(folder, program, player):
    """Boots the board once, until it powers off. Returns what it told."""
    initramfs = folder / "initramfs"
    must(TOOLS / "build-initramfs", WORK / "kernel", folder / "board", initramfs, program.resolve(), player, "v4l2-ctl")
    ended = run(TOOLS / "boot", WORK / "kernel", initramfs, folder / "console.log", folder / "events.log", BOOT_DEADLINE_S)
    initramfs.unlink()
    if ended != 0:
        print(f"The board didn't come to its end (status {ended}; 124 is the deadline of {BOOT_DEADLINE_S} s).")
    return read_events(folder / "events.log")


def read_events(path):
    """What the guest told, line by line; a line that isn't whole was cut by the board's end."""
    events = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        try:
            events.append(json.loads(line))
        except ValueError:
            print(f"not understood: {line!r}")
    return events


def observe(options, folder):
    """Everything that the board did, as seen from outside, and told by its players."""
    must(TOOLS / "fetch-kernel", WORK / "kernel", stdout=subprocess.DEVNULL)
    player = build_player()
    plan = scenario.build(scenario.read_samples(REFERENCE_SET), options.checks)
    broker = Broker(folder)
    try:
        configuration = string.Template((HERE / "agent.toml").read_text()).substitute(port=broker.port)
        scenario.write(plan, folder / "board", REFERENCE_SET, MODEL, configuration)
        events = boot(folder, options.program, player)
        return checks.Observed(plan, events, broker.received(), broker.retained())
    finally:
        broker.close()


def report(observed, wanted):
    """Prints a line a check; returns whether all passed."""
    passed = True
    for key in sorted(wanted):
        try:
            verdict = checks.ALL[key](observed)
        except checks.Missing as missing:
            verdict = checks.Verdict(False, f"not measured: {missing}")
        passed &= verdict.passed
        print(f"{'pass' if verdict.passed else 'FAIL'}  {key}  {checks.ALL[key].__doc__}: {verdict.figure}", flush=True)
    return passed


def main():
    options = arguments()
    if os.uname().machine != "x86_64":
        print(f"virtual board: not run; it needs an x86-64 machine, and this one is {os.uname().machine}")
        return 0
    check_tools()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    WORK.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=WORK))
    started, failed = time.monotonic(), True
    try:
        failed = not report(observe(options, folder), options.checks)
        print(f"virtual board: {time.monotonic() - started:.0f} s")
    except KeyboardInterrupt:
        failed = False
        return 130
    finally:
        if options.keep or failed:
            print(f"logs: {folder} (console.log, events.log, messages.tsv)")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
