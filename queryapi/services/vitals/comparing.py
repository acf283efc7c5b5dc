"""Reads what numbers were a period before, behind the backs of those who ask for it."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor, wait
from typing import Protocol, TypeVar

from queryapi.cache.bulkhead import Seats
from queryapi.errors import InvalidParameter, UpstreamError
from queryapi.promql import comparing
from queryapi.promql.client import Result
from queryapi.promql.values import Vector
from queryapi.services.lookout import Habits, Lookout
from queryapi.services.vitals.pasts import ALWAYS, Field, Past, Question
from queryapi.services.vitals.trend import Comparison, Pair

K = TypeVar("K", bound=Hashable)

_LOG = logging.getLogger(__name__)

_PERIODS = 8
# Who asks for a ninth period is not told until one of the eight was not asked for so long.
_FORGOTTEN_SECONDS = 60.0
_KEPT_SECONDS = 10.0
_RECENT_SECONDS = 15.0
# Slow ones come too late for whoever asks first; those who ask next have them.
_READING_SECONDS = 2.0
_NOTHING: Mapping[str, AbstractSet[Field]] = {}


class Client(Protocol):
    """What is asked of a cluster's PrometheusClient."""

    def instant(self, query: str, *, at: float, seconds: float | None = None) -> Result[Vector]:
        """Return the vector that *query* has at Unix time *at*, within so many seconds."""
        ...


class Reader:
    """Reads all numbers of one period at once.

    Args:
        questions: What to ask.
        clients: Each cluster's Prometheus, by name.
        executor: Runs the questions.
        clock: Unix seconds.
        decided: The services that were well whenever such numbers were there.
        seconds: What all of them together may take.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        clients: Mapping[str, Client],
        executor: Executor,
        clock: Callable[[], float],
        *,
        decided: Mapping[str, AbstractSet[Field]] = _NOTHING,
        seconds: float = _READING_SECONDS,
    ) -> None:
        self._questions = questions
        self._clients = clients
        self._executor = executor
        self._clock = clock
        self._decided = decided
        self._seconds = seconds

    def read(self, period: int) -> Comparison:
        """Return what can be compared with *period* seconds ago; what cannot is left out."""
        at = self._clock()
        asked = [self._executor.submit(self._past, one, period, at) for one in self._questions]
        done, late = wait(asked, timeout=self._seconds)
        for future in late:
            future.cancel()
        pasts = [future.result() for future in asked if future in done]
        pairs = _comparable(pair for past in pasts for pair in past.numbers.items())
        active = _comparable(pair for past in pasts for pair in past.active.items())
        for service, numbers in self._decided.items():
            if numbers <= pairs.keys():
                active[service] = ALWAYS
        return Comparison(at, pairs, active)

    def _past(self, one: Question, period: int, at: float) -> Past:
        try:
            client = self._clients[one.cluster]
            return one.read(client.instant(one.query(period), at=at, seconds=self._seconds).value)
        except (UpstreamError, InvalidParameter) as error:
            _LOG.debug("a number could not be compared: %s", error)
            return Past()


def _comparable(pairs: Iterable[tuple[K, Pair]]) -> dict[K, Pair]:
    return {key: pair for key, pair in pairs if pair.comparable(comparing.EXPECTED)}


class Comparisons:
    """The comparisons with a few periods, each read anew while somebody asks.

    Args:
        read: Reads one; see Reader.
        executor: Runs that.
        patience: Seconds that callers wait for a first one.
        seats: Where they wait; None = all may.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        read: Callable[[int], Comparison],
        executor: Executor,
        *,
        patience: float,
        seats: Seats | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._executor = executor
        self._seats = seats
        self._monotonic = monotonic
        self._habits = Habits(patience, 0.0, _KEPT_SECONDS, _RECENT_SECONDS)
        self._lock = threading.Lock()
        self._asked: OrderedDict[int, tuple[float, Lookout[Comparison]]] = OrderedDict()

    def begin(self, period: int) -> Callable[[], Comparison | None]:
        """Begin to read the comparison with *period* seconds ago, unless it is known.

        Returns:
            What waits for it: None when it is not there in time, or too many are asked for.
        """
        lookout = self._lookout(period)
        if lookout is None:
            return lambda: None
        lookout.look()
        return lookout.tell

    def _lookout(self, period: int) -> Lookout[Comparison] | None:
        now = self._monotonic()
        with self._lock:
            known = self._asked.get(period)
            if known is None and len(self._asked) >= _PERIODS:
                oldest = next(iter(self._asked))
                if now - self._asked[oldest][0] < _FORGOTTEN_SECONDS:
                    return None
                del self._asked[oldest]
            lookout = known[1] if known else self._made(period)
            self._asked[period] = (now, lookout)
            self._asked.move_to_end(period)
            return lookout

    def _made(self, period: int) -> Lookout[Comparison]:
        return Lookout(
            lambda: self._read(period),
            self._executor,
            seats=self._seats,
            habits=self._habits,
            monotonic=self._monotonic,
        )
