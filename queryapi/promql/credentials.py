"""What is sent to Prometheus besides the question: tenant headers and credentials."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from queryapi.errors import UpstreamUnavailable
from queryapi.settings import BasicAuth, Cluster


class Credentials:
    """The headers of one cluster's requests; secrets in files are read again when they change."""

    def __init__(self, cluster: Cluster) -> None:
        self._fixed = {"Accept-Encoding": "gzip", **cluster.headers}
        self._basic = cluster.basic_auth
        token, password = cluster.bearer_token_file, _password_file(cluster.basic_auth)
        self._token = SecretFile(Path(token)) if token else None
        self._password = SecretFile(Path(password)) if password else None

    def headers(self) -> Mapping[str, str]:
        """Return the headers to send now.

        Raises:
            UpstreamUnavailable: When a secret's file cannot be read.
        """
        return {**self._fixed, **self._authorization()}

    def _authorization(self) -> Mapping[str, str]:
        if self._token:
            return {"Authorization": f"Bearer {self._token.read()}"}
        if self._basic:
            password = self._password.read() if self._password else self._basic.password
            pair = f"{self._basic.username}:{password}".encode()
            return {"Authorization": f"Basic {b64encode(pair).decode()}"}
        return {}


class SecretFile:
    """A secret in a file that something else may renew at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int, int], str] | None = None

    def read(self) -> str:
        """Return the secret, without the line's end.

        Raises:
            UpstreamUnavailable: When the file cannot be read or holds no one-line text.
        """
        try:
            found = self._path.stat()
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            if self._read is None or self._read[0] != version:
                self._read = (version, self._path.read_text(encoding="ascii").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise UpstreamUnavailable(
                "the credentials for Prometheus cannot be read: see the file that"
                " bearer_token_file or basic_auth.password_file names",
                reason="denied",
            ) from error
        secret = self._read[1]
        if not secret.isprintable():
            raise UpstreamUnavailable(
                "the credentials for Prometheus are more than one line", reason="denied"
            )
        return secret


def _password_file(basic: BasicAuth | None) -> str | None:
    return basic.password_file if basic else None
