"""A SQLite file belongs to one service: what others have read of it would be wrong otherwise."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from queryapi.errors import ConfigurationError
from queryapi.settings import sqlite_file
from queryapi.telemetry.logs import fields

_LOG = logging.getLogger(__name__)
_PATIENCE_SECONDS = 3.0
_PAUSE_SECONDS = 0.1


@contextmanager
def exclusive(url: str | None) -> Iterator[None]:
    """Hold the lock file beside a SQLite database; anything else needs none.

    Children that are forked meanwhile hold it as well, until the last of them ends.

    Raises:
        ConfigurationError: When another process holds it.
    """
    file = None if url is None else sqlite_file(url)
    if file is None:
        yield
        return
    try:
        held = _hold(file.absolute())
    except OSError as error:
        # A disk that is full, or not ours to write to: pools will say so, and the rest works.
        _LOG.error("the database cannot be locked", extra=fields(error=str(error)))
        yield
        return
    # Closed and not unlocked: children may still hold it.
    with held:
        yield


def _lock(held: BinaryIO) -> None:
    # The children of a service that was killed end a moment later.
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def _hold(file: Path) -> BinaryIO:
    name = file.with_name(f"{file.name}.lock")
    held = os.fdopen(os.open(name, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    try:
        _lock(held)
    except BlockingIOError:
        holder = held.read(32).decode(errors="replace").strip()
        held.close()
        raise ConfigurationError(
            f"database_url: process {holder or 'unknown'} already serves from {file}: stop it, give"
            " this one a file of its own, or share a PostgreSQL"
        ) from None
    except BaseException:
        held.close()
        raise
    held.truncate(0)
    held.write(f"{os.getpid()}\n".encode())
    held.flush()
    return held
