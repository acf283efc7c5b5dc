"""Kubernetes quantities as numbers.

The grammar is apimachinery's `resource.Quantity`: `8`, `8000m`, `1k`, `16Gi`, `1e3`.
"""

import math
import re
from functools import lru_cache

from exporter.errors import MalformedObject

# An exponent and a suffix exclude each other; "1E" is exa, "1E3" an exponent.
_GRAMMAR = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))"
    r"(?:(?P<exponent>[eE][+-]?\d+)|(?P<suffix>[numkMGTPE]|[KMGTPE]i)?)",
    re.ASCII,
)
# Decimal suffixes as exponents: a float is then rounded once, so that 15000000000n is 15.
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}


def parse(text: str | float) -> float:
    """Return the quantity's value.

    Raises:
        MalformedObject: When *text* is no quantity.
    """
    return float(text) if isinstance(text, int | float) else _of_text(text)


@lru_cache(maxsize=4096)
def _of_text(text: str) -> float:
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise MalformedObject(f"{text!r} is not a quantity")
    suffix = match["suffix"] or ""
    exponent = match["exponent"] or f"e{_DECIMAL.get(suffix, 0)}"
    value = float(match["number"] + exponent) * _BINARY.get(suffix, 1)
    if not math.isfinite(value):
        raise MalformedObject(f"{text!r} is not a quantity a float can hold")
    return value


def devices(text: str | float) -> float:
    """Return a count of devices: whole and not negative.

    Raises:
        MalformedObject: When the quantity is fractional; extended resources never are.
    """
    value = parse(text)
    if value != int(value):
        raise MalformedObject(f"{text!r} is not a whole number of devices")
    return max(0.0, value)
