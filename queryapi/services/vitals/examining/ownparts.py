"""How the service itself is, and what its processes share."""

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.errors import SharedUnavailable, StoreUnavailable
from queryapi.services.vitals.examining.observation import Observation
from queryapi.services.vitals.examining.slot import Moment
from queryapi.services.vitals.model import Status
from queryapi.shared.store import Store
from queryapi.telemetry.serving import Served

if TYPE_CHECKING:
    from queryapi.storage.engine import Store as Database

_WINDOW_SECONDS = 60.0
_LONGEST_SECONDS = 300.0
_SHORTEST_SECONDS = 1.0
_KEY = "vitals:ping"


class OwnRequests:
    """Tells of this service: it answers, and how much and how fast, by its own metrics.

    Args:
        served: What all of its processes have answered so far.
        started: When it began, in Unix time.
    """

    def __init__(self, served: Callable[[], Served], *, started: float) -> None:
        self._served = served
        self._started = started
        self._past: deque[tuple[float, Served]] = deque()

    def __call__(self, moment: Moment) -> Observation:
        """Return requests a minute and their mean time over the last minute or so."""
        now = self._served()
        told = Observation(Status.HEALTHY, uptime=max(0.0, moment.at - self._started))
        base = self._base(moment.at)
        self._past.append((moment.at, now))
        if base is None:
            return told
        at, before = base
        requests, seconds = now.requests - before.requests, now.seconds - before.seconds
        if requests < 0 or seconds < 0:
            # Counted anew.
            return told
        return Observation(
            told.status,
            uptime=told.uptime,
            response_time=seconds / requests if requests else None,
            numbers={"queries_per_minute": requests / (moment.at - at) * 60},
        )

    def _base(self, at: float) -> tuple[float, Served] | None:
        """Return the youngest that is a minute old, else the oldest that is young enough."""
        past = self._past
        while past and not 0 <= at - past[0][0] <= _LONGEST_SECONDS:
            past.popleft()
        while len(past) > 1 and at - past[1][0] >= _WINDOW_SECONDS:
            past.popleft()
        return past[0] if past and at - past[0][0] >= _SHORTEST_SECONDS else None


class Ping:
    """Tells whether what processes share answers; its own waits are short.

    Args:
        store: What they share.
        monotonic: Monotonic seconds.
    """

    def __init__(self, store: Store, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic

    def __call__(self, _: Moment) -> Observation:
        """Return whether it answers, and how fast."""
        started = self._monotonic()
        try:
            self._store.get(_KEY)
        except SharedUnavailable:
            return Observation(Status.ERROR, "does not answer")
        return Observation(Status.HEALTHY, response_time=self._monotonic() - started)


class DatabasePing:
    """Tells whether what is kept can be read; its own waits are bounded.

    Args:
        database: Where it is kept.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self, database: "Database", *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._monotonic = monotonic

    def __call__(self, _: Moment) -> Observation:
        """Return whether it can be read, and how fast."""
        started = self._monotonic()
        try:
            with self._database.reading() as session:
                storage.activity.page(session, limit=1)
        except StoreUnavailable as error:
            return Observation(Status.ERROR, str(error))
        return Observation(Status.HEALTHY, response_time=self._monotonic() - started)
