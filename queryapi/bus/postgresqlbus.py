"""The bus over PostgreSQL. With `storage.postgresql`, this is what knows psycopg.

It keeps nothing and reads no table: NOTIFY needs a connection that no transaction shares.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg

from queryapi.bus.bus import Changes
from queryapi.bus.hearing import SteadyEar
from queryapi.bus.speaking import SpokenBus
from queryapi.bus.words import packed, unpacked

_CHANNEL = "gpuscope_jobs"
# The server takes 7,999.
_WORD_BYTES = 7_900
_CONNECT_SECONDS = 2
_STATEMENT_MS = 1000
_SILENCE_SECONDS = 10.0
_ANSWER_SECONDS = 2.0


def bus(url: str, password_file: str | None) -> SpokenBus:
    """Return a bus that notifies."""
    return SpokenBus(_Notifier(url, password_file))


def ear(url: str, password_file: str | None) -> SteadyEar:
    """Return an ear that listens."""
    return SteadyEar(lambda: _said(url, password_file), "PostgreSQL")


class _Notifier:
    """Notifies by one connection: it would be a lock for those that store, if they did it."""

    def __init__(self, url: str, password_file: str | None) -> None:
        self._url = url
        self._password_file = password_file
        self._connection: psycopg.Connection[Any] | None = None

    def carry(self, changes: Changes) -> None:
        """Notify; see Carrier."""
        connection = self._connected()
        for word in packed(changes, _WORD_BYTES):
            connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, word.decode()))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                _libpq(self._url),
                autocommit=True,
                prepare_threshold=None,
                **_options(self._password_file),
            )
            self._connection.execute(f"SET statement_timeout = {_STATEMENT_MS}")
        return self._connection


async def _said(url: str, password_file: str | None) -> AsyncIterator[Changes]:
    connection = await psycopg.AsyncConnection.connect(
        _libpq(url), autocommit=True, prepare_threshold=None, **_options(password_file)
    )
    async with connection:
        await connection.execute(f"LISTEN {_CHANNEL}")
        yield {}
        while True:
            async for heard in connection.notifies(timeout=_SILENCE_SECONDS):
                yield unpacked(heard.payload)
            # A server that is gone without a word is found out by asking.
            async with asyncio.timeout(_ANSWER_SECONDS):
                await connection.execute("SELECT 1")
            # Nothing new: whoever hears is to see now and then whether it should end.
            yield {}


def _libpq(url: str) -> str:
    """Return a URL as libpq has it: SQLAlchemy's names the driver besides."""
    return "postgresql" + url[url.index("://") :]


def _options(password_file: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "gpuscope-bus",
        # Whoever does not acknowledge what was sent is gone.
        "tcp_user_timeout": int(_CONNECT_SECONDS * 1000),
    }
    if password_file is not None:
        options["password"] = Path(password_file).read_text(encoding="utf-8").strip()
    return options
