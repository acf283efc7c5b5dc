"""Prometheus' text format 0.0.4 → OpenMetrics 1.0.0: only what stands above samples differs.

The format: https://github.com/OpenObservability/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

import re

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
END = b"# EOF\n"
"""What a whole page ends with, so that one that was cut off is noticed."""

_TYPE = b"# TYPE "
# The line break in front: what looks like a header inside a label value has an escaped one.
_ABOVE = re.compile(rb"\n(?:# HELP (\S+) ?([^\n]*)\n)?# TYPE (\S+) (\S+)(?=\n)")
_SUFFIX = b"_total"
_TYPES = {b"untyped": b"unknown"}


def converted(body: bytes) -> bytes:
    """Return whole lines of the text format as OpenMetrics has them; the same object if alike."""
    if _TYPE not in body:  # most blocks are samples alone
        return body
    text = _ABOVE.sub(_above, b"\n" + body)[1:]
    return body if text == body else text


def _above(match: re.Match[bytes]) -> bytes:
    _, explained, name, kind = match.groups()
    if kind == b"counter":
        # OpenMetrics names a counter without the suffix that its samples must have.
        name, kind = (
            (name.removesuffix(_SUFFIX), kind) if name.endswith(_SUFFIX) else (name, b"unknown")
        )
    above = b"\n# TYPE " + name + b" " + _TYPES.get(kind, kind)
    if explained is None:
        return above
    return b"\n# HELP " + name + b" " + explained.replace(b'"', b'\\"') + above
