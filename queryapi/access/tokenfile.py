"""The file of tokens: read whole, replaced whole, edited by one at a time."""

import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from queryapi.access.tokens import Book
from queryapi.errors import ConfigurationError
from queryapi.outbound.decoding import BROKEN

T = TypeVar("T")

_MOST_BYTES = 16 * 1024 * 1024
_OWNER_ONLY = 0o600


def load(path: Path) -> Book:
    """Return what the file holds.

    Raises:
        ConfigurationError: When it cannot be read or is no file of tokens.
    """
    try:
        # Opening a pipe would keep whoever reads it waiting.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError(f"{path}: is not a file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{path}: is larger than {_MOST_BYTES} bytes")
    return _decoded(path, content)


def edit(path: Path, change: Callable[[Book], tuple[Book, T]]) -> T:
    """Replace what the file holds by what *change* makes of it; a missing file holds nothing.

    Readers see the old content or the new, never a part; a second writer waits for the first.

    Returns:
        What *change* returns besides.

    Raises:
        ConfigurationError: When the file cannot be read or written.
    """
    # The file itself is replaced, so it cannot be what writers lock; through a link, its target.
    path = path.resolve()
    lock = path.with_name(f"{path.name}.lock")
    try:
        with open(lock, "ab", opener=_private) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            book, result = change(load(path) if path.exists() else Book())
            _replace(path, msgspec.json.format(msgspec.json.encode(book)) + b"\n")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
    return result


def _decoded(path: Path, content: bytes) -> Book:
    try:
        book = msgspec.json.decode(content, type=Book)
    except BROKEN as error:
        raise ConfigurationError(f"{path}: is not a file of tokens: {error}") from None
    if len(book.by_id()) != len(book.tokens):
        raise ConfigurationError(f"{path}: is not a file of tokens: two have the same id")
    return book


def _replace(path: Path, content: bytes) -> None:
    written = path.with_name(f"{path.name}.new")
    try:
        with open(written, "wb", opener=_private) as file:
            os.fchmod(file.fileno(), _OWNER_ONLY)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except OSError:
        with suppress(OSError):
            written.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # A revocation that a power failure takes back is none.
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, _OWNER_ONLY)
