"""Certificates for servers on loopback."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1: who is shown it trusts it by its own file."""

    cert: Path
    key: Path

    def context(self, clients: Path | None = None) -> ssl.SSLContext:
        """Return what a server needs to serve with it.

        Args:
            clients: The certificate of the only clients that are let in; None = anybody.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if clients:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def self_signed(folder: Path) -> Certificate:
    """Make a certificate in *folder* with openssl, good for a day."""
    made = Certificate(folder / "tls.crt", folder / "tls.key")
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", str(made.key), "-out", str(made.cert),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return made
