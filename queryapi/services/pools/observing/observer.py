"""Looks at the nodes of all pools time and again, in one process of all."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.errors import StoreUnavailable
from queryapi.services.pools.observing.watching import Watching
from queryapi.services.tenure import Tenure
from queryapi.settings import Pools
from queryapi.telemetry.logs import Sparing
from queryapi.telemetry.observing import ObservationOutcome, Observing

if TYPE_CHECKING:
    from queryapi.storage.engine import Store

_LOG = logging.getLogger(__name__)

OBSERVING = "pools.observer"
"""The task that one process of all has."""

_PRUNE_SECONDS = 300.0
# Other writers wait meanwhile: so little that they do not notice.
_BATCH = 500
_DAY, _HOUR = 86400.0, 3600.0
# A look ends by its own deadlines, and writes nothing any more.
_JOIN_SECONDS = 2.0


class Observer:
    """The thread that has clusters looked at, each beside the others.

    Args:
        store: Where what is seen is kept.
        watches: The clusters.
        tenure: Whether this process may look.
        settings: How often, and what is remembered.
        executor: Runs looks; it has a thread for each cluster, so that one that hangs is alone.
        metrics: Where looks are counted.
        clock: Unix seconds.
    """

    def __init__(
        self,
        store: "Store",
        watches: Sequence[Watching],
        tenure: Tenure,
        settings: Pools,
        executor: Executor,
        *,
        metrics: Observing,
        clock: Callable[[], float],
    ) -> None:
        self._watches = tuple(watches)
        self._tenure = tenure
        self._settings = settings
        self._executor = executor
        self._metrics = metrics
        self._clock = clock
        self._pruning = Pruning(store, settings, clock)
        self._complaints = Sparing(clock)
        self._under_way: dict[str, Future[None]] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin to look; in the process that serves, never before it forks."""
        for watch in self._watches:
            self._metrics.looked(watch.cluster, self._clock())
        self._thread = threading.Thread(target=self._run, name="pools-observer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and let another process begin; does not wait, for signals' handlers."""
        self._tenure.stop()
        self._ending.set()

    def end(self) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def round(self) -> Mapping[str, Future[None]]:
        """Begin a look at every cluster that is not being looked at; returns those under way."""
        try:
            ours = self._tenure.hold()
        except StoreUnavailable:
            self._count("unstored")
            return {}
        if not ours:
            for watch in self._watches:
                watch.forget()
            self._count("elsewhere")
            return {}
        for watch in self._watches:
            before = self._under_way.get(watch.cluster)
            if before is None or before.done():
                self._under_way[watch.cluster] = self._executor.submit(watch.look)
        self._pruning.prune()
        return self._under_way

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + self._settings.observe
            try:
                self.round()
            except Exception:  # noqa: BLE001 - the next look may go well
                # At the end the executor takes nothing more.
                if not self._ending.is_set() and self._complaints.is_due():
                    _LOG.exception("pools could not be observed")
        self._tenure.give_back()

    def _count(self, outcome: ObservationOutcome) -> None:
        for watch in self._watches:
            self._metrics.look(watch.cluster, outcome)


class Pruning:
    """Forgets what is too old, a little at a time.

    Args:
        store: Where it is.
        settings: What is remembered.
        clock: Unix seconds.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        store: "Store",
        settings: Pools,
        clock: Callable[[], float],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._due = 0.0

    def prune(self) -> None:
        """Forget a little, if it is time; soon again when there is more."""
        if self._monotonic() < self._due:
            return
        now, kept = self._clock(), self._settings
        try:
            with self._store.writing() as session:
                activities = storage.activity.prune(
                    session,
                    older_than=now - kept.activity_days * _DAY,
                    most=kept.activity_count,
                    batch=_BATCH,
                )
                answers = storage.idempotency.prune(
                    session, older_than=now - kept.idempotency_hours * _HOUR, batch=_BATCH
                )
        except StoreUnavailable:
            return
        if max(activities, answers) < _BATCH:
            self._due = self._monotonic() + _PRUNE_SECONDS
