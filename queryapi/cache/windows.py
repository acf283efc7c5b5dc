"""Time windows: everything that is read inside one belongs to one moment.

A window holds parts. Each part is fetched once, however many threads want it. A window that
cannot be completed leaves its place to the newest earlier one that holds what is needed.
"""

import math
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast

from queryapi.cache.grid import Grid
from queryapi.cache.looks import Looks
from queryapi.cache.memo import Answers, Shelf

T = TypeVar("T")

Outcome = Literal["fresh", "shared", "fetched"]
# Returns the parts of the window that another process opened at a time; None = there is none.
Find = Callable[[float], Mapping[str, object] | None]

_BRAKE_SECONDS = 1.0
_CELLS_LOOKED_AT = 4


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """Names a part and remembers the type of its value."""

    name: str


@dataclass(slots=True, eq=False)
class Flight:
    """One fetch: on its way, landed with a value, or failed at `failed_at`."""

    future: Future[object] = field(default_factory=Future)
    landed: bool = False
    value: object = None
    failed_at: float | None = None

    def land(self, value: object) -> None:
        """Give *value* to whoever waits for it, and to all who come."""
        self.value = value
        self.landed = True
        self.future.set_result(value)


@dataclass(slots=True, eq=False)
class Window:
    """The parts read of one moment, and the answers made of them.

    Args:
        opened: The moment, in Unix seconds.
        ends: When another window takes its place.
        answers: What was made of the parts, by question.
        attempt: 1 when it took the place of a window of the same moment, else 0.
        flights: The fetches of parts by name; written by Windows alone.
        worked_out: What follows from parts that are there, by whoever needs it time and again.
    """

    opened: float
    ends: float
    answers: Shelf
    attempt: int = 0
    flights: dict[str, Flight] = field(default_factory=dict)
    worked_out: dict[Hashable, Any] = field(default_factory=dict)

    def held(self) -> frozenset[str]:
        """Return the names of the parts that are there."""
        return frozenset(name for name, flight in list(self.flights.items()) if flight.landed)

    def value(self, key: Key[T]) -> T:
        """Return a part that is there.

        Raises:
            KeyError: When it is not.
        """
        flight = self.flights[key.name]
        if not flight.landed:
            raise KeyError(key.name)
        return cast("T", flight.value)


class Windows:
    """The windows of one cluster, or of some namespaces of it.

    Args:
        leads: The parts that answers begin with; a window of which one failed is given up.
        grid: When windows open; a cell is the longest that one is the current one.
        stale: Age in seconds up to which an older window may be served.
        clock: Unix seconds.
        executor: Runs the fetches.
        answers: Keeps what is made of windows.
    """

    def __init__(
        self,
        leads: Iterable[Key[Any]],
        *,
        grid: Grid,
        stale: float,
        clock: Callable[[], float],
        executor: Executor,
        answers: Answers,
    ) -> None:
        self._leads = tuple(lead.name for lead in leads)
        self._grid = grid
        self._stale = stale
        self._clock = clock
        self._executor = executor
        self._answers = answers
        self._lock = threading.Lock()
        self._newest_first: list[Window] = []
        self._ailing = False
        self._looks = Looks(clock)

    @property
    def ailing(self) -> bool:
        """Whether the last fetch that ended failed."""
        return self._ailing

    def current(self) -> Window:
        """Return the window of this moment, opening one when there is none."""
        with self._lock:
            now = self._clock()
            if not self._newest_first or self._is_over(self._newest_first[0], now):
                self._open(self._opening(now), now)
            return self._newest_first[0]

    def peek(self) -> Window | None:
        """Return the window of this moment if there is one; never waits for a fetch."""
        with self._lock:
            newest = self._newest_first[0] if self._newest_first else None
        return None if newest is None or self._is_over(newest, self._clock()) else newest

    def renew(self, window: Window) -> Window | None:
        """Return a window of the same moment in place of one that cannot be completed.

        There is one such attempt: None when this was it.
        """
        with self._lock:
            newest = self._newest_first[0]
            if newest is not window:
                return newest
            if window.attempt:
                return None
            again = Window(window.opened, window.ends, self._shelf(), attempt=1)
            self._open(again, self._clock())
            return again

    def reopen(self, window: Window) -> Window | None:
        """Return a window of this moment in place of one opened before there was anything to read.

        None when no whole second has passed since.
        """
        with self._lock:
            newest, now = self._newest_first[0], self._clock()
            if newest is not window:
                return newest
            if math.floor(now) <= window.opened:
                return None
            self._open(Window(float(math.floor(now)), window.ends, self._shelf()), now)
            return self._newest_first[0]

    def fetch(
        self, window: Window, key: Key[T], load: Callable[[], T]
    ) -> tuple[Future[T], Outcome]:
        """Return the future of a part, and whether it was there, on its way, or is begun here.

        A failed part is asked for again after a second: no crowd of clients adds to that rate.
        """
        with self._lock:
            flight = window.flights.get(key.name)
            if flight is None or self._brake_is_off(flight):
                return cast("Future[T]", self._start(window, key.name, load)), "fetched"
        return cast("Future[T]", flight.future), "fresh" if flight.landed else "shared"

    def newest_with(
        self, keys: Iterable[Key[Any]], find: Find | None = None, *, patience: float = 0.0
    ) -> Window | None:
        """Return the newest window that holds all of *keys* and is not too old.

        Args:
            keys: The parts that are needed.
            find: Looks for those parts with other processes; asked at most once a second.
            patience: Seconds to wait for another reader who is looking for the same.
        """
        names = frozenset(key.name for key in keys)
        if find is not None:
            self._looks.once(names, partial(self._look_elsewhere, names, find), patience)
        return self._kept_with(names)

    def newest_within(self, keys: Iterable[Key[Any]], age: float) -> Window | None:
        """Return the newest window that holds all of *keys* and is younger than *age* seconds."""
        window = self._kept_with(frozenset(key.name for key in keys))
        return window if window and self._clock() - window.opened < age else None

    def close(self) -> None:
        """Forget every answer: nobody will ask these windows again."""
        with self._lock:
            for window in self._newest_first:
                window.answers.close()

    def _look_elsewhere(self, names: frozenset[str], find: Find) -> None:
        now = self._clock()
        here = self._kept_with(names)
        start = self._grid.start(now)
        for opened in (self._grid.earlier(start, count) for count in range(_CELLS_LOOKED_AT)):
            if now - opened > self._stale or (here is not None and opened <= here.opened):
                return
            parts = find(opened)
            if parts is not None:
                self._adopt(opened, parts)
                return

    def _adopt(self, opened: float, parts: Mapping[str, object]) -> None:
        window = Window(opened, opened, self._answers.shelf())
        for name, value in parts.items():
            flight = window.flights[name] = Flight()
            flight.land(value)
        with self._lock:
            first, *rest = self._newest_first
            self._newest_first = [first, *sorted([window, *rest], key=lambda w: -w.opened)]

    def _kept_with(self, names: frozenset[str]) -> Window | None:
        with self._lock:
            now = self._clock()
            for window in self._newest_first:
                if names <= window.held() and self._is_servable(window, now):
                    return window
        return None

    def _opening(self, now: float) -> Window:
        start = self._grid.start(now)
        ends = self._grid.earlier(start, -1)
        given_up = bool(self._newest_first) and start <= self._newest_first[0].opened <= now
        # A whole second: processes that fail together begin again together.
        opened = max(start, float(math.floor(now))) if given_up else start
        return Window(opened, ends, self._shelf())

    def _shelf(self) -> Shelf:
        newest = self._newest_first[0] if self._newest_first else None
        return self._answers.shelf(newest.answers if newest else None)

    def _open(self, window: Window, now: float) -> None:
        kept = self._worth_keeping(now)
        for earlier in self._newest_first:
            if earlier not in kept:
                earlier.answers.close()
            # It is served in need alone, and can be worked out again; who is at it goes on.
            earlier.worked_out = {}
        self._newest_first = [window, *kept]
        self._looks.forget()

    def _start(self, window: Window, name: str, load: Callable[[], object]) -> Future[object]:
        flight = Flight()
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
            flight.land(value)

    def _is_over(self, window: Window, now: float) -> bool:
        if not window.opened <= now < window.ends:
            return True
        # Asked with every request, and nearly always of leads that never failed.
        for name in self._leads:
            lead = window.flights.get(name)
            if lead is not None and lead.failed_at is not None and self._brake_is_off(lead):
                return True
        return False

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
