#!/usr/bin/env python3
"""Cuts the power of the virtual board while its outbox is written, again and again, and boots it from the same disk.
What was accepted must have come, or be counted as lost: told from outside by the reports' numbers. Exit status 1 if not."""

import argparse
import os
import random
import shutil
import signal
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import run as board
import scenario
from broker import Broker

HERE = Path(__file__).resolve().parent
DISK_MIB = 64
SAMPLES = 2  # A pass over so few comes to a report many times a second.
BOOT_S, WRITE_S = 120, (0.2, 6.0)
MAIN = """mkdir -p /disk && mount -t ext4 /dev/vda /disk && mkdir -p /disk/state || exit 1
edgeval run --config /board/agent.toml >/dev/console 2>&1
"""


def write_payload(folder, port):
    folder.mkdir()
    shutil.copytree(board.MODEL, folder / "model")
    scenario.write_small_set(board.REFERENCE_SET, folder / "set", SAMPLES)
    (folder / "main.sh").write_text(MAIN)
    (folder / "agent.toml").write_text(string.Template((HERE / "power_cut.toml").read_text()).substitute(port=port))


def make_disk(path):
    with open(path, "wb") as disk:
        disk.truncate(DISK_MIB << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", str(path)], check=True)


class Machine:
    """Boots, and loses its power. What the guest hadn't written through to its disk is gone then."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        self.disk = folder / "disk"
        make_disk(self.disk)

    def power_on(self):
        drive = f"file={self.disk},format=raw,if=virtio,cache=writeback"
        command = [board.TOOLS / "boot", board.WORK / "kernel", self.folder / "initramfs", self.folder / "console.log",
                   self.folder / "events.log", "3600", "-drive", drive]
        self.process = subprocess.Popen([str(word) for word in command], start_new_session=True)

    def cut_power(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)


def numbers(broker):
    """Reports by number, with every id that came under it."""
    found = {}
    for message in broker.received():
        if "/report/" in message.topic and isinstance(message.payload, dict):
            header = message.payload["header"]
            found.setdefault(header["sequence"], set()).add(header["id"])
    return found


def newest_publisher(broker):
    """What the newest message that counts says of the publisher."""
    told = [each.payload for each in broker.received() if isinstance(each.payload, dict) and "publisher" in each.payload]
    return told[-1]["publisher"] if told else {}


def wait(seconds, condition, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds} s for {what}")
        time.sleep(0.1)


def cut_again_and_again(machine, broker, cuts, seed):
    moments = random.Random(seed)
    for cut in range(cuts):
        before = len(broker.path.read_bytes())
        machine.power_on()
        wait(BOOT_S, lambda: len(broker.path.read_bytes()) > before + 4096, "the board's reports")
        time.sleep(moments.uniform(*WRITE_S))
        machine.cut_power()
        print(f"cut {cut + 1} of {cuts}: {len(numbers(broker))} reports came so far", flush=True)


def settle(machine, broker):
    """Boots a last time and lets the outbox run empty: the numbers up to a report that then came have all had their time."""
    machine.power_on()
    before = len(numbers(broker))
    wait(BOOT_S, lambda: len(numbers(broker)) > before, "the last boot's reports")
    newest = max(numbers(broker))
    wait(BOOT_S, lambda: max(numbers(broker)) > newest + 50, "what waited to be delivered")
    machine.cut_power()
    return newest


def verdict(broker, newest):
    came, publisher = numbers(broker), newest_publisher(broker)
    begin, lost = publisher["lost_counted_from"], publisher["lost"]
    missing = [number for number in range(begin, newest + 1) if number not in came]
    twice = [number for number, ids in came.items() if len(ids) > 1]
    print(f"{newest} reports accepted, {newest - begin + 1 - len(missing)} came, {len(missing)} didn't, {lost} counted lost, "
          f"{len(twice)} numbers given out twice")
    return len(missing) <= lost and not twice and begin == 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", nargs="?", type=Path, default=board.ROOT / "target" / "debug" / "edgeval")
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    return parser.parse_args()


def main():
    options = arguments()
    board.check_tools()
    board.WORK.mkdir(parents=True, exist_ok=True)
    board.must(board.TOOLS / "fetch-kernel", board.WORK / "kernel", stdout=subprocess.DEVNULL)
    folder = Path(tempfile.mkdtemp(prefix="power-", dir=board.WORK))
    broker, machine, passed = Broker(folder), None, False
    try:
        machine = Machine(folder)
        write_payload(folder / "board", broker.port)
        board.must(board.TOOLS / "build-initramfs", board.WORK / "kernel", folder / "board", folder / "initramfs", options.program.resolve())
        cut_again_and_again(machine, broker, options.cuts, options.seed)
        passed = verdict(broker, settle(machine, broker))
    finally:
        if machine:
            machine.cut_power()
        broker.close()
        if passed:
            shutil.rmtree(folder)
        else:
            print(f"logs: {folder} (console.log, messages.tsv)")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
