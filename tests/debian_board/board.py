"""The Debian board under QEMU, and the folder that it shares with the host."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / "cross" / "debian-board"
IMAGE = ROOT / "target" / "debian-board" / "image"


class Late(Exception):
    """Something didn't come in time."""


def until(seconds, condition, what):
    """Waits until the condition holds, and returns what it gave."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    raise Late(f"waited {seconds} s for {what}")


class Board:
    """Runs until its power is cut or it powers itself off. Its disk is an overlay that keeps what was written."""

    def __init__(self, folder, cpu):
        self.folder, self.cpu, self.process = folder, cpu, None
        self.share = folder / "share"
        self.share.mkdir()
        self.disk = folder / "disk.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(IMAGE / "disk.ext4"), str(self.disk)], check=True)

    def power_on(self):
        environment = os.environ | {"BOARD_CPU": self.cpu}
        with open(self.folder / "qemu.log", "a", encoding="utf-8") as log:
            command = [TOOLS / "qemu", IMAGE, self.disk, self.share, "-serial", f"file:{self.folder / 'console.log'}"]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def cut_power(self):
        """Ends the emulator at once: what the guest hadn't written through is gone."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)

    def wait_until_off(self, seconds):
        self.process.wait(seconds)

    def go(self, step):
        (self.share / f"go-{step}").touch()

    def events(self, kind):
        """What the guest told so far of this kind; a line that isn't whole yet comes the next time."""
        path, found = self.share / "events", []
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event["kind"] == kind:
                found.append(event)
        return found

    def told(self, kind, seconds):
        return until(seconds, lambda: self.events(kind), f"the board to tell `{kind}`")[-1]
