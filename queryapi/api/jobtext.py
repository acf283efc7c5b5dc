"""Values in the bodies of workers' requests, read as kindly as can be."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from queryapi.api.bounds import NAME_CHARACTERS
from queryapi.errors import InvalidParameter

_REPLACED = "\N{REPLACEMENT CHARACTER}"
# Deeper than anybody writes, and no deeper than whoever reads it later can go.
_DEEPEST = 64
# Beyond the year 5000 in seconds: JavaScript counts milliseconds.
_MILLISECONDS_FROM = 1e11

Fields = Mapping[str, object]


def kept(text: str) -> str:
    """Return *text* as any database keeps it: no zeros, no halves of a character."""
    if text.isascii():
        return text.replace("\0", _REPLACED)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", _REPLACED)


def kept_value(value: object, deepest: int = _DEEPEST) -> object:
    """Return any JSON value with all its texts as any database keeps them.

    Raises:
        InvalidParameter: When it is nested too deeply to be read again.
    """
    match value:
        case str():
            return kept(value)
        case list() | dict() if deepest == 0:
            raise InvalidParameter("the body is nested too deeply")
        case list():
            return [kept_value(item, deepest - 1) for item in value]
        case dict():
            return {kept(str(name)): kept_value(it, deepest - 1) for name, it in value.items()}
    return value


def text(fields: Fields, name: str, *, most: int) -> str | None:
    """Return a text, None where there is none; raises InvalidParameter."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidParameter(f"{name} must be text")
    if len(value) > most:
        raise InvalidParameter(f"{name} is longer than {most} characters")
    return kept(value)


def word(fields: Fields, name: str) -> str | None:
    """Return what something is called, None where that is not said; raises InvalidParameter."""
    return (text(fields, name, most=NAME_CHARACTERS) or "").strip() or None


def flag(fields: Fields, name: str) -> bool:
    """Return whether something is so, false where that is not said; raises InvalidParameter."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidParameter(f"{name} must be true or false")
    return bool(value)


def whole(fields: Fields, name: str, *, least: int, most: int) -> int | None:
    """Return a whole number, None where there is none; raises InvalidParameter."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidParameter(f"{name} must be a whole number from {least} to {most}")
    return value


def number(value: object) -> float | None:
    """Return a number; None where *value* is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def moment(value: object) -> float | None:
    """Return a time in Unix seconds, of ISO 8601, seconds or milliseconds; None where it is none.

    Without a zone it is UTC.
    """
    seconds = number(value)
    if seconds is not None:
        return seconds / 1000 if abs(seconds) >= _MILLISECONDS_FROM else seconds
    if not isinstance(value, str):
        return None
    try:
        told = datetime.fromisoformat(value.strip())
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def as_text(value: object) -> str:
    """Return any JSON value as text."""
    return kept(
        value if isinstance(value, str) else msgspec.json.encode(kept_value(value)).decode()
    )
