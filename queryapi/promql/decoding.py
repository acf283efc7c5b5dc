"""Reads an answer element by element while it comes, so that it is never held as a whole.

30,000 running tasks are 90,000 series, 20 MB of text. The text is cut where an element surely
ends and the next begins, and each piece is decoded, handed on and forgotten. An answer that is
written in another way than Prometheus', Thanos', Mimir's and VictoriaMetrics' is decoded whole.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal

import msgspec

from queryapi.errors import UpstreamUnavailable
from queryapi.outbound.decoding import BROKEN
from queryapi.promql.values import E, Sample, Series, Success

# A bare quote never stands inside a JSON string, so these bytes are what they look like.
_BETWEEN = b'},{"metric"'
_HEAD = (
    rb'\{"status":"success",(?:"isPartial":(?:true|false),)?"data":\{"resultType":"%s","result":\['
)
_NOTICES_KEPT = 10
_NOTICE_LENGTH = 500
_PARTIAL = "the answer is partial"


@dataclass(frozen=True, slots=True)
class Form(Generic[E]):
    """How one kind of answer is written."""

    kind: Literal["vector", "matrix"]
    head: re.Pattern[bytes]
    elements: msgspec.json.Decoder[list[E]]
    whole: msgspec.json.Decoder[Success[E]]


VECTOR: Form[Sample] = Form(
    "vector",
    re.compile(_HEAD % b"vector"),
    msgspec.json.Decoder(list[Sample], strict=False),
    msgspec.json.Decoder(Success[Sample], strict=False),
)
MATRIX: Form[Series] = Form(
    "matrix",
    re.compile(_HEAD % b"matrix"),
    msgspec.json.Decoder(list[Series], strict=False),
    msgspec.json.Decoder(Success[Series], strict=False),
)


@dataclass(frozen=True, slots=True)
class Notices:
    """What Prometheus says beside the data."""

    warnings: tuple[str, ...]
    infos: tuple[str, ...]


class Answer(Generic[E]):
    """The elements of one answer; they can be gone over once.

    Args:
        chunks: The text, cut anywhere.
        form: How it is written.
        most: How many elements it may have.

    Iterating raises UpstreamUnavailable for an answer that cannot be understood or is too long,
    and whatever *chunks* raises.
    """

    def __init__(self, chunks: Iterable[bytes], form: Form[E], most: int) -> None:
        self._chunks = chunks
        self._form = form
        self._left = most
        self._notices = Notices((), ())
        self._elements = self._read()

    def __iter__(self) -> Iterator[E]:
        return self._elements

    def finish(self) -> Notices:
        """Read what nobody wanted: only at the end an answer is known to be one."""
        for _ in self._elements:
            pass
        return self._notices

    def _read(self) -> Iterator[E]:
        try:
            yield from self._in_pieces()
        except BROKEN as error:
            raise UpstreamUnavailable(
                "Prometheus' answer cannot be understood", reason="garbled"
            ) from error

    def _in_pieces(self) -> Iterator[E]:
        head, rest = b"", bytearray()
        for chunk in self._chunks:
            new = max(len(rest) - len(_BETWEEN), 0)
            rest += chunk
            if not head and (found := self._form.head.match(rest)):
                head, new = bytes(found.group()), 0
                del rest[: len(head)]
            end = rest.rfind(_BETWEEN, new) + 1 if head else 0
            if end:
                yield from self._counted(self._form.elements.decode(b"[" + rest[:end] + b"]"))
                del rest[: end + 1]
        # With the pieces taken out of its middle the answer is still well formed.
        yield from self._last(self._form.whole.decode(head + rest))

    def _last(self, answer: Success[E]) -> Iterator[E]:
        if answer.data.kind != self._form.kind:
            raise msgspec.ValidationError(f"it is a {answer.data.kind}")
        warnings = ((_PARTIAL,) if answer.partial else ()) + (answer.warnings or ())
        self._notices = Notices(_bounded(warnings), _bounded(answer.infos or ()))
        return self._counted(answer.data.result)

    def _counted(self, elements: list[E]) -> Iterator[E]:
        self._left -= len(elements)
        if self._left < 0:
            raise UpstreamUnavailable("Prometheus' answer has too many series", reason="too_large")
        return iter(elements)


def _bounded(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text[:_NOTICE_LENGTH] for text in texts[:_NOTICES_KEPT])
