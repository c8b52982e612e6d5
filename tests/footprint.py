#!/usr/bin/env python3
"""What the agent itself costs: size, start, memory, processor, and everything in a window but inference.

Usage: tests/footprint.py PROGRAM [--seconds N] [--warm-up N] [--starts N] [--write FILE]
Prints a table in Markdown; with --write it also goes between the markers of that file.
"""
import argparse
import contextlib
import datetime
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL = os.path.join(ROOT, "models/zoo/av-digits")
SET = os.path.join(ROOT, "calibration/sets/av-digits")
GROUP, DEVICE = "footprint", "board"


@contextlib.contextmanager
def broker(folder):
    """A private Mosquitto on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = os.path.join(folder, "mosquitto.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen(["mosquitto", "-c", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: can_connect(port), "the broker")
        yield port
    finally:
        process.terminate()
        process.wait()


def can_connect(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {seconds} s for {what} in vain")
        time.sleep(0.02)


@contextlib.contextmanager
def agent(program, port, folder, *flags):
    """A running agent; yields (process, wall time of its start)."""
    environment = {
        **os.environ,
        "EDGEVAL_DEVICE__NAME": DEVICE,
        "EDGEVAL_DEVICE__GROUP": GROUP,
        "EDGEVAL_DEVICE__STATE_DIRECTORY": os.path.join(folder, "state"),
        "EDGEVAL_REPORT__LIVE_INTERVAL_MS": "1000",
    }
    config = os.path.join(folder, "agent.toml")
    open(config, "w", encoding="utf-8").close()
    started = time.time()
    command = [program, "run", "--config", config, "--broker", f"mqtt://127.0.0.1:{port}", *flags]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process, started
    finally:
        process.terminate()
        process.wait(timeout=10)


class Subscriber:
    """What the broker passes on, read by mosquitto_sub: a list of (wall time, topic, payload)."""

    def __init__(self, port, topic):
        self.process = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", topic, "-F", "%U\t%t\t%p"],
            stdout=subprocess.PIPE, text=True)

    def next(self):
        stamp, topic, payload = self.process.stdout.readline().rstrip("\n").split("\t", 2)
        return float(stamp), topic, payload

    def close(self):
        self.process.terminate()
        self.process.wait()


def memory_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        text = file.read()
    return tuple(int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M).group(1)) for key in ("Pss", "Rss"))


def percentile(values, share):
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def sample_memory(pid, arguments):
    time.sleep(arguments.warm_up)
    samples = []
    for _ in range(arguments.seconds):
        samples.append(memory_kb(pid))
        time.sleep(1)
    pss, rss = zip(*samples)
    return {"pss_p95_kb": percentile(pss, 95), "pss_p99_kb": percentile(pss, 99),
            "rss_p95_kb": percentile(rss, 95), "rss_p99_kb": percentile(rss, 99)}


def measure_starts(arguments, port, folder):
    seconds = []
    for _ in range(arguments.starts):
        subscriber = Subscriber(port, f"edgeval/1/{GROUP}/{DEVICE}/report/#")
        time.sleep(0.2)  # the subscription; a message that came before it would hang the script, not shorten a figure
        with agent(arguments.program, port, folder, "--model", MODEL, "--replay", SET, "--speed", "1") as (_, started):
            seconds.append(subscriber.next()[0] - started)
        subscriber.close()
    return seconds


def measure_idle(arguments, port, folder):
    with agent(arguments.program, port, folder) as (process, _):
        return sample_memory(process.pid, arguments)


def measure_working(arguments, port, folder):
    """The int8 model at one window and one live message a second."""
    subscriber = Subscriber(port, f"edgeval/1/{GROUP}/{DEVICE}/live")
    flags = ("--model", MODEL, "--replay", SET, "--speed", "1", "--passes", "0")
    with agent(arguments.program, port, folder, *flags) as (process, _):
        memory = sample_memory(process.pid, arguments)
        messages = [json.loads(subscriber.next()[2]) for _ in range(arguments.warm_up + arguments.seconds - 2)]
    subscriber.close()
    messages = [message for message in messages[arguments.warm_up:] if message["windows"]]
    above = [message["cpu"]["above_inference_percent"]["value"] for message in messages]
    shares = [other_than_inference(message) for message in messages]
    return memory, above, shares


def other_than_inference(message):
    """Preparation and finish of a window as a share of its inference, in percent."""
    stages = {name: figure.get("value", {}).get("p50", 0) for name, figure in message["stages_us"].items()}
    others = stages["preprocess"] + stages["postprocess"] + stages["capture"]
    return 100 * others / max(1, stages["inference"])


def spread(values, unit, digits=2):
    median = statistics.median(values)
    return f"{median:.{digits}f} {unit} ({min(values):.{digits}f} to {max(values):.{digits}f}, {len(values)} times)"


def table(arguments):
    size = os.path.getsize(arguments.program)
    with tempfile.TemporaryDirectory() as folder, broker(folder) as port:
        starts = measure_starts(arguments, port, folder)
        idle = measure_idle(arguments, port, folder)
        working, above, shares = measure_working(arguments, port, folder)
    model_kb = os.path.getsize(os.path.join(MODEL, "model.int8.onnx")) / 1000
    kb = lambda value: f"{value * 1.024 / 1000:.1f} MB"
    rows = [
        ("stripped binary", f"{size / 1e6:.1f} MB", "10 MB (arm64)"),
        ("start to first published report", spread(starts, "s"), "0.5 s on a desktop core"),
        ("resident, idle (RSS p95, p99)", f"{kb(idle['rss_p95_kb'])}, {kb(idle['rss_p99_kb'])}", "8 MiB (8.4 MB)"),
        ("proportional, idle (PSS p95, p99)", f"{kb(idle['pss_p95_kb'])}, {kb(idle['pss_p99_kb'])}", "–"),
        ("resident, int8 model (RSS p95, p99)", f"{kb(working['rss_p95_kb'])}, {kb(working['rss_p99_kb'])}", "–"),
        ("proportional, int8 model (PSS p95, p99)", f"{kb(working['pss_p95_kb'])}, {kb(working['pss_p99_kb'])}",
         f"12 MB + the model's {model_kb / 1000:.2f} MB"),
        ("processor above inference, one report a second", spread(above, "% of a core"), "under 1 %"),
        ("everything in a window but inference", spread(shares, "% of inference", 0), "5 %"),
    ]
    return rows


def processor_name():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", file.read(), re.M)
    return found.group(1) if found else platform.machine()


def markdown(rows, arguments):
    lines = [f"Measured {datetime.date.today()} on {processor_name()}, {os.cpu_count()} cores, {platform.machine()}: "
             f"{arguments.warm_up} s warm-up, {arguments.seconds} samples a second apart.", "",
             "| what | measured | to reach |", "|---|---|---|"]
    return "\n".join(lines + [f"| {name} | {value} | {goal} |" for name, value, goal in rows])


def write_between_markers(path, text):
    with open(path, encoding="utf-8") as file:
        page = file.read()
    page = re.sub(r"(<!-- measured -->\n).*?(<!-- /measured -->)", lambda m: f"{m[1]}{text}\n{m[2]}", page, flags=re.S)
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seconds", type=int, default=60, help="samples of each kind, a second apart")
    parser.add_argument("--warm-up", type=int, default=10, help="seconds before the first sample")
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--write", metavar="FILE")
    arguments = parser.parse_args()
    text = markdown(table(arguments), arguments)
    print(text)
    if arguments.write:
        write_between_markers(arguments.write, text)


if __name__ == "__main__":
    main()
