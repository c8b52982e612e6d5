"""A private Mosquitto that boards reach over TLS with a password, and what it was sent."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "virtual_board"))
from broker import Broker, free_port  # noqa: E402

HOST_IN_GUEST = "10.0.2.2"
ACCOUNT, PASSWORD = "board", "only for this test"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


def make_certificates(folder):
    """An authority of the test's own (ca.pem), and a broker's certificate under it (broker.pem, broker.key)."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-subj", "/CN=test authority", "-days", 30, "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    openssl("req", *key, "-subj", "/CN=broker", "-keyout", folder / "broker.key", "-out", folder / "broker.csr")
    (folder / "broker.ext").write_text(f"subjectAltName=IP:{HOST_IN_GUEST}\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", folder / "broker.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-days", 30,
            "-extfile", folder / "broker.ext", "-out", folder / "broker.pem")
    (folder / "broker.key").chmod(0o644)  # Mosquitto gives root up before it reads.


class SecureBroker(Broker):
    """Boards come in by TLS at `secure_port`; the test itself listens in plain text on the loopback."""

    def __init__(self, folder):
        make_certificates(folder)
        self.secure_port = free_port()
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, ACCOUNT, PASSWORD], check=True, timeout=60)
        passwords.chmod(0o644)
        self.more = "\n".join((
            f"listener {self.secure_port} 127.0.0.1", "allow_anonymous false", f"password_file {passwords}",
            f"certfile {folder / 'broker.pem'}", f"keyfile {folder / 'broker.key'}", ""))
        super().__init__(folder)
