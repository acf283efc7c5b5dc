"""Parameters of the query that several APIs take."""

import re

from flask import request

from queryapi.api.bounds import NAME_CHARACTERS, PERIOD
from queryapi.api.visit import Query
from queryapi.errors import InvalidParameter

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PERIOD = re.compile(PERIOD)
# More than any parameter may be; numbers of thousands of digits are not worth reading.
_DIGITS = 9


def asked() -> Query:
    """Return the query of the request that Flask is answering."""
    return request.args.to_dict(flat=False)


def first(query: Query, parameter: str) -> str | None:
    """Return the first value of a parameter, None when it is not there."""
    given = query.get(parameter)
    return given[0] if given else None


def name(query: Query, parameter: str) -> str:
    """Return the first value of a parameter that names something, empty when it is not there.

    Raises:
        InvalidParameter: When it is longer than any name.
    """
    found = first(query, parameter) or ""
    if len(found) > NAME_CHARACTERS:
        raise InvalidParameter(
            f"Invalid parameter: {parameter} is longer than {NAME_CHARACTERS} characters"
        )
    return found


def count(query: Query, parameter: str, default: int, *, least: int = 1, most: int) -> int:
    """Return a whole number from *least* to *most*; raises InvalidParameter."""
    given = first(query, parameter)
    if given is None:
        return default
    digits = given if given.isascii() and given.isdigit() else ""
    number = int(digits) if digits and len(digits.lstrip("0")) <= _DIGITS else -1
    if not least <= number <= most:
        raise InvalidParameter(f"{parameter} must be a whole number from {least} to {most}")
    return number


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
