"""Time windows: everything that is read inside one belongs to one evaluation time.

A window holds parts. Each part is fetched once, however many threads want it. A window that
cannot be completed leaves its place to the newest earlier one that holds what is needed.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, cast

from queryapi.cache.memo import Memo

T = TypeVar("T")

_ANSWERS_KEPT = 64
_BRAKE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """Names a part and remembers the type of its value."""

    name: str


@dataclass(slots=True, eq=False)
class Flight:
    """One fetch: on its way, landed, or failed at `failed_at`."""

    future: Future[object]
    failed_at: float | None = None

    @property
    def landed(self) -> bool:
        """Whether the part is there."""
        return self.future.done() and self.failed_at is None


@dataclass(slots=True, eq=False)
class Window:
    """The parts read in a span of time, and the answers made of them.

    Args:
        opened: When the window was opened, Unix seconds.
        answers: What was made of the parts, by question.
        flights: The fetches of parts by name; written by Windows alone.
    """

    opened: float
    answers: Memo[bytes] = field(default_factory=lambda: Memo(_ANSWERS_KEPT))
    flights: dict[str, Flight] = field(default_factory=dict)

    def held(self) -> frozenset[str]:
        """Return the names of the parts that are there."""
        return frozenset(name for name, flight in self.flights.items() if flight.landed)

    def value(self, key: Key[T]) -> T:
        """Return a part that is there.

        Raises:
            KeyError: When it was never asked for.
        """
        return cast("T", self.flights[key.name].future.result(timeout=0))


class Windows:
    """The windows of one cluster.

    Args:
        leads: The parts that every answer needs; a window of which one failed is given up.
        ttl: Seconds for which a window is the current one.
        stale: Age in seconds up to which an older window may be served.
        clock: Unix seconds.
        executor: Runs the fetches.
    """

    def __init__(
        self,
        leads: Iterable[Key[Any]],
        *,
        ttl: float,
        stale: float,
        clock: Callable[[], float],
        executor: Executor,
    ) -> None:
        self._leads = tuple(lead.name for lead in leads)
        self._ttl = ttl
        self._stale = stale
        self._clock = clock
        self._executor = executor
        self._lock = threading.Lock()
        self._newest_first: list[Window] = []
        self._ailing = False

    @property
    def ailing(self) -> bool:
        """Whether the last fetch that ended failed."""
        return self._ailing

    def current(self) -> Window:
        """Return the window of this moment, opening one when there is none."""
        with self._lock:
            now = self._clock()
            if not self._newest_first or self._is_over(self._newest_first[0], now):
                self._newest_first = [Window(now), *self._worth_keeping(now)]
            return self._newest_first[0]

    def fetch(
        self, window: Window, key: Key[T], load: Callable[[], T]
    ) -> tuple[Future[T], Literal["fresh", "shared", "fetched"]]:
        """Return the future of a part, and whether it was there, on its way, or is begun here.

        A failed part is asked for again after a second: no crowd of clients adds to that rate.
        """
        with self._lock:
            flight = window.flights.get(key.name)
            if flight is None or self._brake_is_off(flight):
                return cast("Future[T]", self._start(window, key.name, load)), "fetched"
        return cast("Future[T]", flight.future), "fresh" if flight.landed else "shared"

    def newest_with(self, keys: Iterable[Key[Any]]) -> Window | None:
        """Return the newest window that holds all of *keys* and is not too old."""
        names = frozenset(key.name for key in keys)
        with self._lock:
            now = self._clock()
            for window in self._newest_first:
                if names <= window.held() and self._is_servable(window, now):
                    return window
        return None

    def _start(self, window: Window, name: str, load: Callable[[], object]) -> Future[object]:
        flight = Flight(Future())
        self._executor.submit(self._fly, flight, load)
        # Only now: a flight that never took off must not be waited for.
        window.flights[name] = flight
        return flight.future

    def _fly(self, flight: Flight, load: Callable[[], object]) -> None:
        try:
            value = load()
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            flight.failed_at = self._clock()
            self._ailing = True
            flight.future.set_exception(error)
        else:
            self._ailing = False
            flight.future.set_result(value)

    def _is_over(self, window: Window, now: float) -> bool:
        leads = filter(None, map(window.flights.get, self._leads))
        return any(map(self._brake_is_off, leads)) or not _within(window.opened, now, self._ttl)

    def _brake_is_off(self, flight: Flight) -> bool:
        failed_at = flight.failed_at
        return failed_at is not None and not _within(failed_at, self._clock(), _BRAKE_SECONDS)

    def _is_servable(self, window: Window, now: float) -> bool:
        return 0 <= now - window.opened <= self._stale

    def _worth_keeping(self, now: float) -> list[Window]:
        """Return the windows that may still serve, without those a newer one makes useless."""
        kept: list[Window] = []
        for window in self._newest_first:
            held = window.held()
            useful = held and not any(held <= newer.held() for newer in kept)
            if useful and self._is_servable(window, now):
                kept.append(window)
        return kept


def _within(start: float, now: float, seconds: float) -> bool:
    """Tell whether *now* is in the span; a clock set back ends every span at once."""
    return start <= now < start + seconds
