"""dcgm-exporter's counters file: a CSV of field, type and help text."""

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exporter.catalogue.dcgm import Type
from exporter.errors import ConfigurationError

_log = logging.getLogger(__name__)

_COLUMNS = 3
_BIGGEST = 2**20
_TYPES = ", ".join(Type)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a field, what it is to be published as, and its help text."""

    field: str
    type: Type
    help: str


def parse(content: str, *, name: str) -> tuple[Row, ...]:
    """Return the rows of a counters file; comments and empty lines are no rows.

    Args:
        content: Its text.
        name: What to call it in an error.

    Raises:
        ConfigurationError: When a line is not understood; the message says which.
    """
    rows = []
    for number, line in enumerate(content.split("\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            try:
                rows.append(_row(stripped))
            except ValueError as error:
                raise ConfigurationError(f"{name}, line {number}: {error}") from error
    return tuple(_without_repetitions(rows, name))


def _row(line: str) -> Row:
    try:
        cells = [cell.strip() for cell in _cells(line)]
    except csv.Error as error:
        raise ValueError(f"no CSV ({error})") from error
    if len(cells) != _COLUMNS:
        raise ValueError(
            f"{len(cells)} columns instead of {_COLUMNS} (field, type, help); a help text with "
            "commas belongs in double quotes"
        )
    field, type_, told = cells
    if type_ not in list(Type):
        raise ValueError(f"the type {type_!r} is none of {_TYPES}")
    if not field.isascii() or not field.isidentifier():
        raise ValueError(f"{field!r} is no name of a field")
    return Row(field, Type(type_), " ".join(told.split()))


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], skipinitialspace=True, strict=True))


def _without_repetitions(rows: list[Row], name: str) -> Iterator[Row]:
    seen: set[str] = set()
    for row in rows:
        if row.field in seen:
            _log.warning("%s: %s stands there twice; the first counts", name, row.field)
        else:
            seen.add(row.field)
            yield row


class CountersFile:
    """A counters file that is read again when it has changed.

    Args:
        path: Where it is.

    Raises:
        ConfigurationError: When it cannot be read or is not understood.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = self._state()
        self.rows = self._read()
        self.valid = True

    def reload(self) -> None:
        """Have it read at the next look, changed or not; any thread may say so."""
        self._seen = None

    def changed(self) -> bool:
        """Look at the file; tell whether `rows` are others now. What is broken changes nothing."""
        state = self._state()
        if state == self._seen:
            return False
        self._seen = state
        try:
            rows = self._read()
        except ConfigurationError as error:
            self.valid = False
            _log.warning("%s; what it said before holds until it is repaired", error)
            return False
        self.valid, before, self.rows = True, self.rows, rows
        return rows != before

    def _state(self) -> tuple[int, ...]:
        # A mounted ConfigMap is exchanged by a link that points elsewhere: the inode tells.
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def _read(self) -> tuple[Row, ...]:
        try:
            with self._path.open("rb") as file:
                content = file.read(_BIGGEST + 1)
            text = content.decode("utf-8-sig")
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{self._path} is not UTF-8: save it as such") from error
        if len(content) > _BIGGEST:
            raise ConfigurationError(f"{self._path} has more than {_BIGGEST} bytes")
        return parse(text, name=str(self._path))
