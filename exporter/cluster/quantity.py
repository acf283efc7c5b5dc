"""Kubernetes quantities as numbers.

The grammar is apimachinery's `resource.Quantity`: `8`, `8000m`, `1k`, `16Gi`, `1e3`.
"""

import math

from exporter.errors import MalformedObject

_SUFFIXES = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}
_DIGITS = "0123456789.+-eE"


def parse(text: str | float) -> float:
    """Return the quantity's value.

    Raises:
        MalformedObject: When *text* is no quantity.
    """
    if isinstance(text, int | float):
        return float(text)
    # "1E" is an exa suffix and "1E3" an exponent: try the whole text as a number first.
    number = _as_float(text)
    if number is not None:
        return number
    digits = text.rstrip("numkMGTPEi")
    number = _as_float(digits)
    scale = _SUFFIXES.get(text[len(digits) :])
    if number is None or scale is None:
        raise MalformedObject(f"{text!r} is not a quantity")
    return number * scale


def devices(text: str | float) -> float:
    """Return a count of devices: whole and not negative.

    Raises:
        MalformedObject: When the quantity is fractional; extended resources never are.
    """
    value = parse(text)
    if value != int(value):
        raise MalformedObject(f"{text!r} is not a whole number of devices")
    return max(0.0, value)


def _as_float(text: str) -> float | None:
    if not text or text.strip(_DIGITS):
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
