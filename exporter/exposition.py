"""Families and samples → Prometheus' text format 0.0.4; the immutable page a scrape writes out.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/ (as OpenMetrics it is made
of this text, block by block: `exporter/openmetrics.py`)
"""

import math
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence

from isal import isal_zlib

from exporter import openmetrics
from exporter.catalogue import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
# Integers above this are not exact in a float, so nothing is gained by writing them as such.
_EXACT = 2**53
# ISA-L's best: a fifth of zlib's time at its fastest level, and a smaller result.
_LEVEL = 1
_RAW = -15  # deflate without a header, in the format's largest window
# No name, no time (the same page is always the same bytes), no operating system.
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x03\x00"  # deflate's shortest block that is marked as the last one


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
    return sample(family, pairs(family.labels, label_values), value)


def pairs(names: Sequence[str], values: Sequence[str]) -> str:
    """Return labels as they stand between a sample's braces; those with empty values are left out.

    Raises:
        ValueError: When there are not as many values as names.
    """
    return ",".join(
        [f'{name}="{_escaped(text)}"' for name, text in zip(names, values, strict=True) if text]
    )


def sample(family: Family, labels: str, value: float) -> str:
    """Return one sample line, newline included, of labels that `pairs` wrote."""
    if labels:
        return f"{family.name}{{{labels}}} {number(value)}\n"
    return f"{family.name} {number(value)}\n"


def _escaped(text: str) -> str:
    # Looking first is ten times cheaper than translating, and nearly nothing needs it.
    if "\\" in text or '"' in text or "\n" in text:
        return text.translate(_ESCAPES)
    return text


def number(value: float) -> str:
    """Return *value* as the text format spells it: `8` rather than `8.0`, `NaN`, `+Inf`."""
    if math.isfinite(value):
        whole = int(value)
        return str(whole) if whole == value and abs(whole) < _EXACT else repr(float(value))
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def render(family: Family, lines: Iterable[str]) -> bytes:
    """Return the family's block, header included; nothing when it has no lines."""
    body = "".join(lines)
    if not body:
        return b""
    return encoded(header(family) + body)


def header(family: Family) -> str:
    """Return the two lines that stand above a family's samples."""
    explained = family.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {family.name} {explained}\n# TYPE {family.name} {family.kind}\n"


def encoded(text: str) -> bytes:
    """Return lines as UTF-8.

    A lone surrogate (possible in JSON) has no such form: one bad label must not lose a scrape.
    """
    return text.encode("utf-8", "replace")


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
        return Page([Block(b"".join(self.blocks()))])


class Block:
    """Some lines of a page, as bytes and compressed; each form is made once, whoever asks.

    Args:
        body: Whole lines of one family, or of several.
    """

    __slots__ = ("_deflated", "_is_same", "_lock", "_openmetrics", "body", "crc")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.crc: int = isal_zlib.crc32(body)
        self._deflated: bytes | None = None
        self._openmetrics: Block | None = None
        self._is_same = False  # and not a reference to itself, which only a collection would free
        self._lock = threading.Lock()

    @property
    def openmetrics(self) -> "Block":
        """The lines as OpenMetrics has them; this very block when that is no difference."""
        if self._is_same:
            return self
        if self._openmetrics is None:
            text = openmetrics.converted(self.body)
            self._is_same = text is self.body
            if self._is_same:
                return self
            self._openmetrics = Block(text)
        return self._openmetrics

    @property
    def deflated(self) -> bytes:
        """The lines as a deflate stream that another one may follow (RFC 1951)."""
        # Of scrapes that come at once, one compresses and the others wait for it.
        with self._lock:
            if self._deflated is None:
                packer = isal_zlib.compressobj(_LEVEL, wbits=_RAW)
                # A full flush ends on a byte and refers to nothing before it: that is what lets
                # streams made at different times stand one behind the other.
                self._deflated = packer.compress(self.body) + packer.flush(isal_zlib.Z_FULL_FLUSH)
            return self._deflated


class Page:
    """What one scrape writes out: blocks, most of which it shares with the pages before it.

    Args:
        blocks: The lines, in order.
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.blocks = tuple(blocks)

    def openmetrics(self) -> "Page":
        """Return the same samples as OpenMetrics, its end included."""
        return Page((*[block.openmetrics for block in self.blocks], _END))

    def plain(self) -> list[bytes]:
        """Return the text in pieces; joining them would only cost time and memory."""
        return [block.body for block in self.blocks]

    def gzipped(self) -> list[bytes]:
        """Return the text as gzip, in pieces.

        One member and not one per block (RFC 1952, section 2.2): curl and wget give up after the
        first.
        """
        crc = length = 0
        for block in self.blocks:
            crc = isal_zlib.crc32_combine(crc, block.crc, len(block.body))
            length += len(block.body)
        trailer = _LAST_BLOCK + struct.pack("<II", crc, length % 2**32)
        return [_GZIP_HEADER, *(block.deflated for block in self.blocks), trailer]

    @property
    def body(self) -> bytes:
        """The text in one piece."""
        return b"".join(self.plain())

    @property
    def compressed(self) -> bytes:
        """The gzip form in one piece."""
        return b"".join(self.gzipped())


_END = Block(openmetrics.END)
