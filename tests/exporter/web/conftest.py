"""A web configuration as an operator writes it, and the certificates that it names."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest

from tests.support.tls import Certificate, self_signed

PASSWORD = "pass: wörd"  # noqa: S105 - of a test
HASH = bcrypt.hashpw(PASSWORD.encode(), b"$2b$04$abcdefghijklmnopqrstuu").decode()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with `web.yml`, `tls.crt` and `tls.key`."""

    path: Path

    @property
    def config(self) -> Path:
        """The file of --web.config.file."""
        return self.path / "web.yml"

    @property
    def cert(self) -> Path:
        """The server's certificate."""
        return self.path / "tls.crt"

    def write(self, text: str) -> Path:
        """Write the configuration."""
        self.config.write_text(text)
        return self.config

    def put(self, certificate: Certificate) -> None:
        """Put another certificate and its key in place."""
        shutil.copy(certificate.key, self.path / "tls.key")
        shutil.copy(certificate.cert, self.path / "tls.crt")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Certificate, Certificate]:
    """Two certificates for 127.0.0.1 that have nothing in common."""
    first, second = (self_signed(tmp_path_factory.mktemp("tls")) for _ in range(2))
    return first, second


@pytest.fixture
def folder(tmp_path: Path, certificates: tuple[Certificate, Certificate]) -> Folder:
    """A folder with the first certificate."""
    folder = Folder(tmp_path)
    folder.put(certificates[0])
    return folder
