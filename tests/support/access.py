"""Tokens in files, guards and what they counted, for tests of who may do what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from queryapi.access import tokenfile
from queryapi.access.guard import Guard, guard_of
from queryapi.access.tokens import Book, Token, mint
from queryapi.settings import Auth, Role, Settings
from queryapi.telemetry.metrics import Metrics


def issue(
    path: Path,
    role: Role,
    *,
    name: str = "",
    expires: float | None = None,
    clusters: tuple[str, ...] = (),
    namespaces: tuple[str, ...] = (),
) -> str:
    """Put a new token into a file and return its text; *expires* is in Unix seconds."""
    text, token = mint(
        role=role,
        name=name,
        created=datetime.fromtimestamp(0, UTC),
        expires=None if expires is None else datetime.fromtimestamp(expires, UTC),
        clusters=clusters,
        namespaces=namespaces,
    )

    def added(book: Book) -> tuple[Book, None]:
        return msgspec.structs.replace(book, tokens=(*book.tokens, token)), None

    tokenfile.edit(path, added)
    return text


def revoke(path: Path, text: str) -> None:
    """Take a token out of a file."""

    def left(token: Token) -> bool:
        return f"_{token.id}_" not in text

    def without(book: Book) -> tuple[Book, None]:
        return msgspec.structs.replace(book, tokens=tuple(filter(left, book.tokens))), None

    tokenfile.edit(path, without)


@contextmanager
def guarding(
    auth: Auth, clock: Callable[[], float], metrics: Metrics | None = None
) -> Iterator[Guard]:
    """Guard by *auth* for the length of a `with` block."""
    guard = guard_of(Settings(auth=auth), (metrics or Metrics("0")).judging, clock=clock)
    try:
        yield guard
    finally:
        guard.close()


def counted(metrics: Metrics) -> dict[tuple[str, str], int]:
    """Return how many callers were judged, by source and outcome."""
    lines = metrics.exposition("")[0].decode().splitlines()
    start = "gpuscope_api_authentications_total{"
    found = [line.removeprefix(start) for line in lines if line.startswith(start)]
    return {
        (labels.split('"')[3], labels.split('"')[1]): int(float(value))
        for labels, value in (line.rsplit("} ", 1) for line in found)
    }


def up(metrics: Metrics, source: str) -> bool:
    """Tell whether a source is said to be up."""
    return f'access_source_up{{source="{source}"}} 1.0' in metrics.exposition("")[0].decode()
