"""Who of all processes does what one should: as long as it lives and reaches the database."""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from queryapi import storage
from queryapi.errors import StoreUnavailable

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store

_LOG = logging.getLogger(__name__)

_SHORTEST_SECONDS = 10.0
_TURNS = 4


class Tenure:
    """This process' right to a task: a lease in the store, renewed when half of it is over.

    A store that nobody else can write to needs none: nothing is written while nothing happens.

    Args:
        store: Where the lease is.
        task: What the lease is for: one process of all has each.
        every: Seconds between two turns; some of them may fail before another process takes over.
        clock: Unix seconds, as all processes have them: a clock that is fast takes no lease early;
            None = the database's.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        store: "Store",
        task: str,
        every: float,
        *,
        clock: "Callable[[Session], float] | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._task = task
        self._seconds = max(_SHORTEST_SECONDS, _TURNS * every)
        self._clock = clock or storage.leases.now
        self._monotonic = monotonic
        self._holder = uuid.uuid4().hex
        self._renew_at = 0.0
        self._lock = threading.Lock()
        self._holds = False
        self._over = False

    def hold(self) -> bool:
        """Take the lease, or keep it; tells whether this process has it.

        Raises:
            StoreUnavailable: When nobody can tell.
        """
        if self._store.alone:
            return not self._over
        if self._holds and self._monotonic() < self._renew_at:
            return not self._over
        with self._store.writing() as session:
            return self.confirm(session)

    def confirm(self, session: "Session") -> bool:
        """Tell whether this process may write what comes of it, and keep the lease with it."""
        if self._store.alone or self._over:
            return not self._over
        began = self._monotonic()
        holds = storage.leases.take(
            session, self._task, self._holder, now=self._clock(session), seconds=self._seconds
        )
        with self._lock:
            if holds is not self._holds:
                _LOG.info("%s: done %s", self._task, "here" if holds else "by another process")
            self._holds, self._renew_at = holds, began + self._seconds / 2
        return holds

    def stop(self) -> None:
        """Write nothing from now on; safe in a signal's handler."""
        self._over = True

    def give_back(self) -> None:
        """Let another process begin at once."""
        self.stop()
        if self._store.alone or not self._holds:
            return
        try:
            with self._store.writing() as session:
                storage.leases.give_back(session, self._task, self._holder)
        except StoreUnavailable:
            # It ends by itself.
            _LOG.debug("the lease could not be given back")
