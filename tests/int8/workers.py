"""Engines in processes of their own, told what to do over pipes (worker/src/main.rs has the commands)."""

import pathlib
import subprocess
import tempfile

import onnxruntime

import tensors
from inputs import ROOT

PROGRAM = ROOT / "target" / "int8-bench" / "debug" / "int8-worker"


class EngineError(Exception):
    """What an engine couldn't do, in its own words."""


def library():
    """ONNX Runtime's shared library in its Python package."""
    (path,) = (pathlib.Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    return path


class Worker:
    """One engine. Use as a context: the process ends with it."""

    def __init__(self, engine):
        self.engine = engine
        command = [PROGRAM, "--engine", engine, "--library", library()]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.folder.cleanup()

    def ask(self, command):
        """The answer to one command."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise EngineError(f"{self.engine} has ended") from None
        line = self.process.stdout.readline()
        if not line:
            raise EngineError(f"{self.engine} died at `{command}`")
        state, _, rest = line.rstrip("\n").partition(" ")
        if state != "ok":
            raise EngineError(rest)
        return rest

    def load(self, path, threads=1):
        """Loads a model; how long that took, in seconds."""
        return int(self.ask(f"load {path} {threads}")) / 1e6

    def feed(self, arrays):
        file = pathlib.Path(self.folder.name, "inputs")
        tensors.write(file, arrays)
        self.ask(f"feed {file}")

    def run(self, count=1):
        """Seconds of each of `count` inferences."""
        return [int(time) / 1e9 for time in self.ask(f"run {count}").split()]

    def outputs(self):
        file = pathlib.Path(self.folder.name, "outputs")
        self.ask(f"save {file}")
        return tensors.read(file)

    def answer(self, arrays):
        """What the model gives for one input."""
        self.feed(arrays)
        self.run()
        return self.outputs()

    def memory(self):
        """Resident bytes: now, and at their highest."""
        return tuple(int(word) for word in self.ask("memory").split())
