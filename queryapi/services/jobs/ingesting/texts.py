"""Text that others sent, as it may be kept: nothing that a terminal or a database minds."""

import re

from queryapi.services.jobs.bounds import NAME_BYTES

MARK = " \N{HORIZONTAL ELLIPSIS} (cut)"
"""What ends a text that was too long."""

_MARK_BYTES = len(MARK.encode())
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HALVES = re.compile("[\ud800-\udfff]")


def plain(given: str, most: int) -> str:
    """Return a text without control characters but tabs and line ends, of so many bytes at most."""
    if not given.isprintable():
        given = _HALVES.sub("\N{REPLACEMENT CHARACTER}", _CONTROLS.sub("", given))
    encoded = given.encode()
    if len(encoded) <= most:
        return given
    return encoded[: most - _MARK_BYTES].decode(errors="ignore") + MARK


def name(given: str | None) -> str | None:
    """Return what something is called as it is kept; None = nobody has said."""
    return None if given is None else plain(given, NAME_BYTES)
