"""Reads a PromQL selector back, written apart from the code that writes them.

Grammar: https://prometheus.io/docs/prometheus/latest/querying/basics/ and, for strings,
https://go.dev/ref/spec#String_literals.
"""

import re

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_OPERATOR = re.compile(r"=~|!~|!=|=")
# One step of a double-quoted string: a plain character, or an escape.
_STEP = re.compile(
    r'[^"\\\n]|\\[abfnrtv\\"]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}', re.DOTALL
)
_SHORT = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


def string_at(text: str, start: int) -> tuple[str, int]:
    """Return what the string literal at *start* says, and where it ends."""
    assert text[start] == '"', f"no string at {start} of {text!r}"
    said, at = "", start + 1
    while text[at] != '"':
        step = _STEP.match(text, at)
        assert step, f"no string goes on with {text[at : at + 10]!r}"
        said, at = said + _character(step.group()), step.end()
    return said, at + 1


def matchers_of(text: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Return name and matchers of *text*, which must be one selector and nothing else."""
    name = _NAME.match(text)
    at, found = name.end() if name else 0, []
    if at < len(text):
        assert text[at] == "{"
        while text[at] != "}":
            label = _NAME.match(text, at + 1)
            assert label
            operator = _OPERATOR.match(text, label.end())
            assert operator
            value, at = string_at(text, operator.end())
            found.append((label.group(), operator.group(), value))
            assert text[at] in ",}"
        assert at == len(text) - 1, "text follows the selector"
    return name.group() if name else "", found


def _character(step: str) -> str:
    if not step.startswith("\\"):
        return step
    if step[1] in "xuU":
        return chr(int(f"0x{step[2:]}", 0))
    return _SHORT.get(step[1], step[1])
