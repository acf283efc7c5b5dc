"""Which form of a body a client can take: Accept-Encoding (RFC 9110, section 12.5.3)."""

from enum import Enum
from functools import lru_cache

_KEPT = 128
_GZIP = ("gzip", "x-gzip")


class Coding(Enum):
    """What to send."""

    PLAIN = "plain"
    PACKED = "packed where that is smaller"
    PACKED_ONLY = "packed, whatever it costs"


@lru_cache(_KEPT)
def wanted(accept_encoding: str | None) -> Coding:
    """Return what *accept_encoding* asks for; None = there was no such header.

    A client that refuses everything we have gets the plain form all the same, as the RFC allows.
    """
    if not accept_encoding:
        return Coding.PLAIN
    weights = _weights(accept_encoding)
    others = weights.get("*")
    named = [weights[name] for name in _GZIP if name in weights]
    packed = max(named) if named else others or 0.0
    plain = weights.get("identity", 0.0 if others == 0 else None)
    if packed == 0:
        return Coding.PLAIN
    if plain == 0:
        return Coding.PACKED_ONLY
    # Without a word about it the plain form is acceptable, and the last choice.
    return Coding.PACKED if plain is None or packed >= plain else Coding.PLAIN


def _weights(header: str) -> dict[str, float]:
    """Return each coding's weight, the first where it is named twice."""
    found: dict[str, float] = {}
    for item in header.split(","):
        name, _, parameters = item.partition(";")
        found.setdefault(name.strip().lower(), _weight(parameters))
    return found


def _weight(parameters: str) -> float:
    """Return the q of `q=0.5`, 1 without one; what cannot be read refuses the coding."""
    text = parameters.strip().lower()
    if not text:
        return 1.0
    name, _, value = text.partition("=")
    digits = value.strip()
    readable = digits.replace(".", "", 1)
    if name.strip() != "q" or not (readable.isascii() and readable.isdigit()):
        return 0.0
    return min(1.0, float(digits))
