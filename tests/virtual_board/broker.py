"""A private Mosquitto, and what is read back from it by mosquitto_sub."""

import json
import socket
import subprocess
import time
from dataclasses import dataclass

PATIENCE_S = 10
FORMAT = "%U\t%r\t%t\t%p"


@dataclass
class Message:
    """One message as a subscriber got it. `payload` is JSON where it can be read so, else text."""

    at_s: float
    retained: bool
    topic: str
    payload: object

    def is_about(self, kind):
        return self.topic.endswith(f"/{kind}")


def parse(line):
    at_s, retained, topic, payload = line.rstrip("\n").split("\t", 3)
    try:
        value = json.loads(payload)
    except ValueError:
        value = payload
    return Message(float(at_s), retained == "1", topic, value)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Broker:
    """Runs until closed; everything published goes to a file in `folder`. `more` is configuration for other listeners."""

    more = ""

    def __init__(self, folder):
        self.port = free_port()
        self.path = folder / "messages.tsv"
        configuration = folder / "mosquitto.conf"
        configuration.write_text(f"per_listener_settings true\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n{self.more}")
        self.log = open(folder / "mosquitto.log", "w", encoding="utf-8")
        self.server = self._start("mosquitto", "-c", str(configuration), stdout=self.log)
        self.messages = open(self.path, "w", encoding="utf-8")
        self.reader = None
        try:
            self._wait_until_it_answers()
            self.reader = self._start(*self._reading(), stdout=self.messages)
        except BaseException:
            self.close()
            raise

    def _start(self, *command, stdout):
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=self.log, start_new_session=True)

    def _reading(self):
        return ["mosquitto_sub", "-V", "5", "-h", "127.0.0.1", "-p", str(self.port), "-t", "edgeval/#", "-F", FORMAT]

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + PATIENCE_S
        while self.server.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the private Mosquitto doesn't answer; see {self.log.name}")

    def received(self):
        """What was read back so far."""
        return [parse(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def retained(self):
        """What a subscriber that comes now is given."""
        command = [*self._reading(), "--retained-only", "-W", "2"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return [parse(line) for line in result.stdout.splitlines()]

    def close(self):
        for child in (self.reader, self.server):
            if child is not None and child.poll() is None:
                child.terminate()
                child.wait(PATIENCE_S)
        self.messages.close()
        self.log.close()
