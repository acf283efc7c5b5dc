"""The web configuration as it is now: read again when it, or a file it names, has changed."""

import logging
import os
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.errors import ConfigurationError
from exporter.web import settings, tls
from exporter.web.handshakes import Handshakes

_log = logging.getLogger(__name__)

_Signature = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class Web:
    """What is in force.

    Args:
        users: bcrypt hashes by name; empty: everybody is let in.
        headers: What every answer carries besides its own.
        context: What connections are served with; None: plain HTTP.
        tls: Whom the context lets in.
    """

    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    tls: settings.Tls | None = field(default=None, repr=False)


OPEN = Web()
"""Plain HTTP for everybody: what is served without a file."""


class Following:
    """Follows one file.

    Args:
        path: The file.
        clock: Now, in Unix seconds.

    Raises:
        ConfigurationError: When it cannot be used as it is now.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._files: tuple[Path, ...] = (path,)
        self._signature: _Signature = ()
        self.is_current = True
        self.handshakes = Handshakes()
        """How clients fare with the certificates of the file."""
        self._web = self._read()
        self.read_at = clock()

    def current(self) -> Web:
        """Return what is in force; a file that became unusable leaves things as they were."""
        with self._lock:
            if _signature(self._files) != self._signature:
                self._read_again()
            return self._web

    def reload(self) -> None:
        """Read everything again, changed or not."""
        with self._lock:
            self._read_again()

    def _read_again(self) -> None:
        try:
            fresh = self._successor()
        except ConfigurationError as error:
            self.is_current = False
            _log.error("%s cannot be used, the settings before it stay: %s", self._path, error)
            return
        self._web, self.is_current, self.read_at = fresh, True, self._clock()
        _log.info("%s was read again", self._path)

    def _successor(self) -> Web:
        fresh = self._read()
        if (fresh.context is None) != (self._web.context is None):
            raise ConfigurationError("TLS was turned on or off: restart the exporter for that")
        return fresh

    def _read(self) -> Web:
        # Looked at before it is read: what changes meanwhile is seen the next time.
        self._signature = _signature(self._files)
        told = settings.read(self._path)
        folder, wanted = self._path.parent, told.tls_server_config
        self._files = (self._path, *(tls.files(wanted, folder) if wanted else ()))
        self._signature = (self._signature[0], *_signature(self._files[1:]))
        context = tls.context(wanted, folder) if wanted else None
        for warning in settings.warnings(told):
            _log.warning("%s: %s", self._path, warning)
        headers = {key: value for key, value in told.http_server_config.headers.items() if value}
        return Web(told.basic_auth_users, headers, context, wanted)


def _signature(files: Iterable[Path]) -> _Signature:
    return tuple(map(_stamp, files))


def _stamp(file: Path) -> tuple[int, ...] | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - at every request: this takes half of Path's time
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)
