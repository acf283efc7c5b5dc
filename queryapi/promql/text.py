"""The only place where a value becomes PromQL text.

PromQL string literals follow Go's: https://prometheus.io/docs/prometheus/latest/querying/basics/
and https://go.dev/ref/spec#String_literals. Regular expressions are RE2, anchored at both ends.
"""

import re
from dataclasses import dataclass
from typing import Literal

from queryapi.errors import InvalidParameter

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_RE2_SPECIAL = str.maketrans({special: f"\\{special}" for special in r"\.+*?()|[]{}^$"})
_BASIC_PLANE_END = 0xFFFF
# Prometheus takes this character itself for a sign of broken UTF-8.
_REPLACEMENT = "\ufffd"
_SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a selector; `value` is plain text, or RE2 for `=~` and `!~`."""

    label: str
    op: Literal["=", "!=", "=~", "!~"]
    value: str

    def __str__(self) -> str:
        if not is_label_name(self.label):
            raise ValueError(f"{self.label!r} is not a label name")
        return f"{self.label}{self.op}{quote(self.value)}"


def is_label_name(text: str) -> bool:
    """Tell whether *text* may stand left of a matcher's operator."""
    return _LABEL_NAME.fullmatch(text) is not None


def quote(value: str) -> str:
    """Return *value* as a double-quoted string literal that cannot be left from inside.

    Raises:
        InvalidParameter: When it holds a lone surrogate, which no encoding can carry.
    """
    if value.isprintable() and _REPLACEMENT not in value:
        # As below, and faster: selectors of pools may be as long as a book.
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return '"' + "".join(map(_escape, value)) + '"'


def regex_quote(value: str) -> str:
    """Return a regular expression that matches exactly *value*, still to be quoted."""
    return value.translate(_RE2_SPECIAL)


def one_of(label: str, *values: str) -> Matcher:
    """Return the matcher for any of *values*, taken literally; there must be one at least."""
    if not values:
        raise ValueError(f"no value of {label!r}: as a pattern that would match its absence")
    return Matcher(label, "=~", "|".join(map(regex_quote, values)))


def name_starts_with(prefix: str) -> Matcher:
    """Return the matcher for every metric whose name goes on after *prefix*."""
    return Matcher("__name__", "=~", regex_quote(prefix) + ".+")


def selector(first: str | Matcher, *matchers: Matcher) -> str:
    """Return a vector selector; only Selection writes one, and never without its cluster.

    Args:
        first: A metric name, or a matcher when the name itself is matched.
        matchers: The conditions, all of which must hold.
    """
    if isinstance(first, Matcher):
        return "{" + ",".join(map(str, (first, *matchers))) + "}"
    if _METRIC_NAME.fullmatch(first) is None:
        raise ValueError(f"{first!r} is not a metric name")
    return first + ("{" + ",".join(map(str, matchers)) + "}" if matchers else "")


def _escape(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character.isprintable() and character != _REPLACEMENT:
        return character
    code = ord(character)
    if code in _SURROGATES:
        raise InvalidParameter("Invalid parameter: text is not valid Unicode")
    return f"\\u{code:04x}" if code <= _BASIC_PLANE_END else f"\\U{code:08x}"
