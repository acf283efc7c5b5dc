"""Families and samples → Prometheus' text format 0.0.4; the immutable page a scrape writes out.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import gzip
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from exporter.catalogue import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
# Integers above this are not exact in a float, so nothing is gained by writing them as such.
_EXACT = 2**53
_GZIP_LEVEL = 1


def line(family: Family, label_values: Sequence[str], value: float) -> str:
    """Return one sample line, newline included.

    Args:
        family: The family the sample belongs to.
        label_values: One value per label of the family, in its order; an empty one is left out,
            which Prometheus treats alike.
        value: The sample.

    Raises:
        ValueError: When the number of label values is not the family's.
    """
    pairs = ",".join(
        f'{name}="{_escaped(text)}"'
        for name, text in zip(family.labels, label_values, strict=True)
        if text
    )
    return (
        f"{family.name}{{{pairs}}} {number(value)}\n"
        if pairs
        else f"{family.name} {number(value)}\n"
    )


def _escaped(text: str) -> str:
    # Looking first is ten times cheaper than translating, and nearly nothing needs it.
    if "\\" in text or '"' in text or "\n" in text:
        return text.translate(_ESCAPES)
    return text


def number(value: float) -> str:
    """Return *value* as the text format spells it: `8` rather than `8.0`, `NaN`, `+Inf`."""
    if math.isfinite(value):
        return (
            str(int(value)) if value == int(value) and abs(value) < _EXACT else repr(float(value))
        )
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def render(family: Family, lines: Iterable[str]) -> bytes:
    """Return the family's block, header included; nothing when it has no lines."""
    body = "".join(lines)
    if not body:
        return b""
    # A lone surrogate (possible in JSON) has no UTF-8 form: one bad label must not lose a scrape.
    return (_header(family) + body).encode("utf-8", "replace")


def _header(family: Family) -> str:
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n"


class Samples:
    """Collects sample lines by family and renders them in the order families first appeared."""

    def __init__(self) -> None:
        self._lines: dict[Family, list[str]] = {}

    def add(self, family: Family, label_values: Sequence[str], value: float) -> None:
        """Add one sample."""
        self._lines.setdefault(family, []).append(line(family, label_values, value))

    def extend(self, family: Family, lines: Iterable[str]) -> None:
        """Add lines rendered earlier by `line`."""
        self._lines.setdefault(family, []).extend(lines)

    def blocks(self) -> Iterator[bytes]:
        """Yield each family's block."""
        return (render(family, lines) for family, lines in self._lines.items())

    def page(self) -> "Page":
        """Return everything collected as an immutable page."""
        return Page(b"".join(self.blocks()))


class Page:
    """What one scrape writes out; made once per change, shared by every scrape until the next."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    @cached_property
    def compressed(self) -> bytes:
        """The body as gzip, made when the first scrape that accepts it asks."""
        return gzip.compress(self.body, _GZIP_LEVEL, mtime=0)


class JoinedPage(Page):
    """Several pages as one; each part is compressed once, however often it is joined anew."""

    def __init__(self, *pages: Page) -> None:
        super().__init__(b"".join(page.body for page in pages))
        self._pages = pages

    @cached_property
    def compressed(self) -> bytes:
        """The parts' own compressed forms; members of one gzip file (RFC 1952, section 2.2)."""
        return b"".join(page.compressed for page in self._pages)
