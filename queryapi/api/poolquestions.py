"""What queries ask of compute pools."""

import re

from queryapi.api.endpoints.pools import BEFORE, PERIOD
from queryapi.api.parameters import first
from queryapi.api.visit import Query
from queryapi.errors import InvalidParameter

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BEFORE = re.compile(BEFORE)
_PERIOD = re.compile(PERIOD)
# More than any parameter may be; numbers of thousands of digits are not worth reading.
_DIGITS = 9


def count(query: Query, parameter: str, default: int, *, most: int) -> int:
    """Return a whole number from 1 to *most*; raises InvalidParameter."""
    given = first(query, parameter)
    if given is None:
        return default
    digits = given.lstrip("0") if given.isascii() and given.isdigit() else ""
    if not digits or len(digits) > _DIGITS or int(digits) > most:
        raise InvalidParameter(f"{parameter} must be a whole number from 1 to {most}")
    return int(digits)


def before(query: Query) -> int | None:
    """Return the number of the activity before which others are asked for; None = none is named.

    Raises:
        InvalidParameter: When it is no activity's id.
    """
    given = first(query, "before")
    if not given:
        return None
    if not _BEFORE.fullmatch(given):
        raise InvalidParameter("before must be the id of an activity, such as act-1001")
    return int(given.removeprefix("act-"))


def period(query: Query, parameter: str) -> int | None:
    """Return a period in seconds, None = none is named; raises InvalidParameter."""
    given = first(query, parameter)
    if not given:
        return None
    if not _PERIOD.fullmatch(given):
        raise InvalidParameter(
            f"{parameter} must be a whole number followed by s, m, h or d, such as 90s or 24h"
        )
    return int(given[:-1]) * _UNITS[given[-1]]
