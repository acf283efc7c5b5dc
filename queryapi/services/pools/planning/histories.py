"""Asks Prometheus for pools' histories, each once for all who want it, and a few at a time."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple, Protocol

import msgspec

from queryapi.cache.bulkhead import Bulkhead, Seats
from queryapi.cache.memo import Answers
from queryapi.cache.prepared import Prepared, prepare
from queryapi.errors import ClusterNotFound, UpstreamError, UpstreamUnavailable
from queryapi.promql.client import Result
from queryapi.promql.poolhistory import pool_history
from queryapi.promql.selection import Selection
from queryapi.promql.values import Matrix
from queryapi.services.freshness import Freshness
from queryapi.services.pools.answers import History
from queryapi.services.pools.planning.chosen import Chosen
from queryapi.services.pools.planning.history import history, names
from queryapi.services.pools.planning.spans import Cell, Span
from queryapi.services.snapshot import Answer
from queryapi.telemetry.logs import Sparing, fields
from queryapi.telemetry.traces import NoTracer, Tracer

_LOG = logging.getLogger(__name__)

# Of the seats that all who wait for any Prometheus share, and of what it answers at a time: a
# range of a month over a large cluster takes it seconds.
_SEATS = 4
_STANDING_SECONDS = 0.75
# Whoever waits, seated or standing, has a thread: most are for others, of whatever clusters.
_ROOM = 8
# Of selectors in one question: somebody may have registered ten thousand pools of 50 KB each.
_MOST_CHARACTERS = 256 * 1024
_MOST_BYTES = 8 * 1024 * 1024
_REMEMBERED = 256
# A question that failed is left alone for twice as long as it took: who asks again at once must
# not keep a Prometheus busy with what it cannot answer.
_REST_FACTOR, _LEAST_REST_SECONDS, _MOST_REST_SECONDS = 2.0, 1.0, 30.0
_UNTRACED = NoTracer()


class Client(Protocol):
    """What is asked of a cluster's PrometheusClient."""

    def range(
        self, query: str, *, start: float, end: float, step: float, seconds: float | None = None
    ) -> Result[Matrix]:
        """Return the series that *query* has from *start* to *end*, within so many seconds."""
        ...


class Past(NamedTuple):
    """Who remembers a cluster, and what selects its series."""

    client: Client
    selection: Selection


class Asked(NamedTuple):
    """One question.

    Args:
        pool_id: The pool, as the answer calls it.
        chosen: Its nodes.
        span: Which moments.
        limited: Whether the caller may see the work of some namespaces only.
    """

    pool_id: str
    chosen: Chosen
    span: Span
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """How long anything may take or last, in seconds.

    Args:
        patience: One question, retries included.
        stale: The age up to which an answer stands in for one that cannot be had.
        lag: The age from which on what Prometheus has is not told.
    """

    patience: float
    stale: float
    lag: float


class _Read(NamedTuple):
    """The newest answer to a question: which it is, when it was read, and what was warned of."""

    cell: Cell
    at: float
    warnings: tuple[str, ...]


class _Failed(NamedTuple):
    """A question that could not be answered, and until when it is not asked again."""

    error: UpstreamError
    since: float
    until: float


class Histories:
    """The histories of pools.

    Args:
        pasts: Who remembers each cluster, by name.
        terms: How long anything may take.
        house: Seats that all who wait for any Prometheus share.
        clock: Unix seconds.
        tracer: Where the span of each question goes.
    """

    def __init__(
        self,
        pasts: Mapping[str, Past],
        terms: Terms,
        *,
        house: Seats | None = None,
        clock: Callable[[], float],
        tracer: Tracer = _UNTRACED,
    ) -> None:
        self._pasts = pasts
        self._terms = terms
        self._clock = clock
        self._tracer = tracer
        # One each: a Prometheus that hangs must not use up the others' seats.
        self._bulkheads = {name: Bulkhead(_SEATS, house) for name in pasts}
        self._room = Seats(_ROOM)
        self._shelf = Answers(_MOST_BYTES).shelf()
        self._lock = Lock()
        self._read: OrderedDict[Asked, _Read] = OrderedDict()
        self._failed: OrderedDict[Asked, _Failed] = OrderedDict()
        self._complaints = Sparing(clock)

    def answer(self, asked: Asked) -> Answer:
        """Return a history; one that is a minute old at most where no newer can be had.

        Raises:
            ClusterNotFound: When nobody remembers that cluster.
            UpstreamError: When there is nothing to be told.
        """
        if asked.chosen.cluster not in self._pasts:
            raise ClusterNotFound("Cluster not found")
        cell = asked.span.cell(self._clock())
        try:
            prepared = self._shelf.find((asked, cell)) or self._seated(asked, cell)
        except UpstreamError as error:
            self._complain(asked, error)
            earlier = self._earlier(asked)
            if earlier is None:
                raise
            return earlier
        read = self._newest(asked)
        # It may have been pushed out by others since: then it was read just now.
        known = read if read and read.cell == cell else _Read(cell, self._clock(), ())
        return self._told(asked, prepared, known, stale=False)

    def _seated(self, asked: Asked, cell: Cell) -> Prepared:
        self._refuse_soon(asked)
        bulkhead = self._bulkheads[asked.chosen.cluster]
        if not self._room.take():
            raise UpstreamUnavailable("Too many requests wait for histories", reason="busy")
        try:
            bulkhead.take(_STANDING_SECONDS)
            try:
                return self._shelf.get((asked, cell), lambda: self._attempt(asked, cell))
            finally:
                bulkhead.give_back()
        finally:
            self._room.give_back()

    def _attempt(self, asked: Asked, cell: Cell) -> Prepared:
        # Whoever waited for a seat meanwhile is told what became of it.
        self._refuse_soon(asked)
        began = self._clock()
        try:
            return self._asked(asked, cell)
        except UpstreamError as error:
            rest = max(_LEAST_REST_SECONDS, _REST_FACTOR * (self._clock() - began))
            until = self._clock() + min(rest, _MOST_REST_SECONDS)
            with self._lock:
                self._failed[asked] = _Failed(error, self._clock(), until)
                self._failed.move_to_end(asked)
                if len(self._failed) > _REMEMBERED:
                    self._failed.popitem(last=False)
            raise

    def _refuse_soon(self, asked: Asked) -> None:
        """Refuse what has just failed, in the same words."""
        with self._lock:
            failed = self._failed.get(asked)
            if failed is None:
                return
            if not failed.since <= self._clock() < failed.until:
                del self._failed[asked]
                return
        # Without the frames of those who were told before.
        raise failed.error.with_traceback(None)

    def _asked(self, asked: Asked, cell: Cell) -> Prepared:
        client, selection = self._pasts[asked.chosen.cluster]
        chosen, span = asked.chosen, asked.span
        if chosen.length > _MOST_CHARACTERS:
            raise UpstreamUnavailable(
                "The selectors of the pools before this one are too long for a question",
                reason="too_large",
            )
        query = pool_history(
            selection,
            dict(chosen.own),
            [dict(other) for other in chosen.others],
            names(limited=asked.limited),
            lag=self._terms.lag,
        )
        with self._tracer.query(chosen.cluster, "poolhistory"):
            result = client.range(
                query,
                start=span.start(cell.end),
                end=cell.end,
                step=span.step,
                seconds=self._terms.patience,
            )
        made = history(asked.pool_id, span, cell.end, result.value, limited=asked.limited)
        prepared = prepare(msgspec.json.encode(made))
        self._note(asked, _Read(cell, self._clock(), result.warnings))
        return prepared

    def _note(self, asked: Asked, read: _Read) -> None:
        with self._lock:
            before = self._read.pop(asked, None)
            self._read[asked] = read
            if len(self._read) > _REMEMBERED:
                self._read.popitem(last=False)
        if before is not None and before.cell != read.cell:
            self._shelf.forget((asked, before.cell))

    def _newest(self, asked: Asked) -> _Read | None:
        with self._lock:
            return self._read.get(asked)

    def _earlier(self, asked: Asked) -> Answer | None:
        read = self._newest(asked)
        if read is None or not 0 <= self._clock() - read.at <= self._terms.stale:
            return None
        found = self._shelf.find((asked, read.cell))
        if found is None:
            return None
        told = msgspec.json.decode(found.body, type=History)
        old = prepare(msgspec.json.encode(msgspec.structs.replace(told, stale=True)))
        return self._told(asked, old, read, stale=True)

    def _told(self, asked: Asked, prepared: Prepared, read: _Read, *, stale: bool) -> Answer:
        age = max(0.0, self._clock() - read.at)
        lifetime = float(asked.span.kept)
        return Answer(prepared, Freshness(read.cell.end, age, lifetime, stale, read.warnings))

    def _complain(self, asked: Asked, error: UpstreamError) -> None:
        if self._complaints.is_due():
            _LOG.warning(
                "a pool's history cannot be read",
                extra=fields(cluster=asked.chosen.cluster, detail=str(error)),
            )
