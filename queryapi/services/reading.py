"""Reads one part of a cluster: from Prometheus, or from the process that has asked already."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import msgspec

from queryapi.cache.elsewhere import Elsewhere
from queryapi.outbound.decoding import BROKEN
from queryapi.promql.client import Result
from queryapi.promql.selection import Selection
from queryapi.promql.values import Sample
from queryapi.services.part import Part, Reading
from queryapi.telemetry.traces import NoTracer, Tracer

T = TypeVar("T")

# Part of every key: a process of another version must not take our values for its own.
FORMAT = 1

_ENCODER = msgspec.msgpack.Encoder()
_UNTRACED = NoTracer()
_DECODERS: dict[Part[Any], msgspec.msgpack.Decoder[Any]] = {}


class Client(Protocol):
    """What is asked of a cluster's PrometheusClient."""

    name: str

    def read(
        self,
        query: str,
        shape: Callable[[Iterable[Sample]], T],
        *,
        at: float,
        replica: int | None = None,
    ) -> Result[T]:
        """Return what *shape* makes of *query* at Unix time *at*, of one *replica* or of any."""
        ...

    def pass_over(self, replica: int) -> None:
        """Ask another replica first from now on."""
        ...


class Source:
    """One cluster's series, as some callers may see them.

    Args:
        client: The cluster's Prometheus.
        selection: What of it may be seen.
        urls: The Prometheus servers: what came from others is another value.
        elsewhere: What other processes have read; None = there are none.
        keep: Seconds for which others may have what is read here.
        patience: Seconds to wait for another process that is reading.
        tracer: Where the span of each question goes.
    """

    def __init__(
        self,
        client: Client,
        selection: Selection,
        *,
        urls: tuple[str, ...] = (),
        elsewhere: Elsewhere | None = None,
        keep: float = 60.0,
        patience: float = 5.0,
        tracer: Tracer = _UNTRACED,
    ) -> None:
        self.cluster = client.name
        self.replicas = len(urls)
        self._client = client
        self._selection = selection
        self._urls = urls
        self._elsewhere = elsewhere
        self._keep = keep
        self._patience = patience
        self._tracer = tracer
        self._queries: dict[Part[Any], str] = {}

    @property
    def shared(self) -> bool:
        """Whether other processes can be asked."""
        return self._elsewhere is not None

    def read(
        self,
        part: Part[T],
        at: float,
        *,
        replica: int | None = None,
        attempt: int = 0,
        about: object = None,
    ) -> Reading[T]:
        """Return *part* at Unix time *at*, of one *replica* or of any.

        Args:
            part: What to read.
            at: When.
            replica: The only one to ask; None = any.
            attempt: Tells the attempts at one moment apart.
            about: The value of the part that it is about.

        Raises:
            UpstreamError: When it cannot be had.
        """
        query = self._query(part, about)
        if not query:
            return _empty(part, replica)
        if self._elsewhere is None:
            return self._ask(part, query, at, replica)
        made: list[Reading[T]] = []

        def load() -> bytes:
            made.append(self._ask(part, query, at, replica))
            return _ENCODER.encode(made[0])

        key = self._key(part, query, at, replica, attempt)
        found = self._elsewhere.fetch(key, load, keep=self._keep, patience=self._patience)
        if made:
            return made[0]
        return _decoded(part, found) or self._ask(part, query, at, replica)

    def find(
        self,
        part: Part[T],
        at: float,
        *,
        replica: int | None = None,
        attempt: int = 0,
        about: object = None,
    ) -> Reading[T] | None:
        """Return *part* if another process has read it; asks nobody else."""
        if self._elsewhere is None:
            return None
        query = self._query(part, about)
        if not query:
            return _empty(part, replica)
        found = self._elsewhere.find(self._key(part, query, at, replica, attempt))
        return None if found is None else _decoded(part, found)

    def pass_over(self, replica: int) -> None:
        """Ask another replica first from now on: what this one knows is of no use."""
        self._client.pass_over(replica)

    def _ask(self, part: Part[T], query: str, at: float, replica: int | None) -> Reading[T]:
        with self._tracer.query(self.cluster, part.name):
            result = self._client.read(query, part.shape, at=at, replica=replica)
        return Reading(result.value, result.replica, result.warnings)

    def _query(self, part: Part[Any], about: object) -> str:
        if part.about is not None:
            return part.query(self._selection, about)
        if part not in self._queries:
            self._queries[part] = part.query(self._selection)
        return self._queries[part]

    def _key(
        self, part: Part[Any], query: str, at: float, replica: int | None, attempt: int
    ) -> str:
        """Return all that the value depends on; the query holds the cluster and the limits."""
        depends = (self._urls, query, round(at * 1000), replica, attempt)
        digest = hashlib.blake2b(msgspec.json.encode(depends), digest_size=16).hexdigest()
        return f"part:{FORMAT}:{part.name}:{digest}"


def _empty(part: Part[T], replica: int | None) -> Reading[T]:
    return Reading(part.shape(()), replica or 0)


def _decoded(part: Part[T], found: bytes) -> Reading[T] | None:
    """Return the value, None when it cannot be understood."""
    if part not in _DECODERS:
        _DECODERS[part] = msgspec.msgpack.Decoder(Reading[part.kind])  # type: ignore[name-defined]
    try:
        reading: Reading[T] = _DECODERS[part].decode(found)
    except BROKEN:
        return None
    if part.tidy is None:
        return reading
    return msgspec.structs.replace(reading, value=part.tidy(reading.value))
