"""The thread that forgets what is too old or too much of jobs."""

import logging
import threading
from collections.abc import Callable

from queryapi.errors import StoreUnavailable
from queryapi.services.jobs.keeping.forgetting import Forgetting, TaskTakenError
from queryapi.services.tenure import Tenure
from queryapi.telemetry.keeping import Keeping
from queryapi.telemetry.logs import Sparing, fields

_LOG = logging.getLogger(__name__)

KEEPING = "jobs.keeper"
"""The task that one process of all has."""

TURN_SECONDS = 30.0
"""So long is one process sure of it, four times over."""

_EVERY_SECONDS = 60.0
_FIRST_SECONDS = 10.0
# A third of the time at most is ours, however slow the disk is: the rest is the others'.
_PAUSE_EACH = 2.0
_SHORTEST_PAUSE_SECONDS = 0.005
# A batch ends by its own deadlines.
_JOIN_SECONDS = 2.0


class Keeper:
    """Has passes done, one after the other.

    Args:
        forgetting: Does a pass.
        tenure: Whether this process may.
        metrics: Where it is counted.
        clock: Unix seconds.
        every: Seconds between two passes.
        first: Seconds to the first one.
    """

    def __init__(
        self,
        forgetting: Forgetting,
        tenure: Tenure,
        *,
        metrics: Keeping,
        clock: Callable[[], float],
        every: float = _EVERY_SECONDS,
        first: float = _FIRST_SECONDS,
    ) -> None:
        self._forgetting = forgetting
        self._tenure = tenure
        self._metrics = metrics
        self._clock = clock
        self._every = every
        self._first = first
        self._complaints = Sparing(clock)
        self._ending = threading.Event()
        self._passing = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin; in the process that serves, never before it forks."""
        self._metrics.kept(self._clock())
        self._thread = threading.Thread(target=self._run, name="jobs-keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Forget no more, and let another process begin; does not wait, for signals' handlers."""
        self._tenure.stop()
        self._ending.set()

    def end(self) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def turn(self) -> bool:
        """Do a pass, if it is ours; tells whether it came to its end."""
        with self._passing:
            try:
                return self._tenure.hold() and self._pass()
            except (StoreUnavailable, TaskTakenError):
                # The store has told of its trouble; what is too old waits.
                return False

    def _pass(self) -> bool:
        for batch in self._forgetting.batches():
            self._metrics.forgotten(batch.kind, batch.rows)
            _LOG.debug("forgotten of jobs", extra=fields(kind=batch.kind, rows=batch.rows))
            if self._ending.wait(max(_SHORTEST_PAUSE_SECONDS, _PAUSE_EACH * batch.seconds)):
                return False
        self._metrics.kept(self._clock())
        return True

    def _run(self) -> None:
        wait = self._first
        while not self._ending.wait(wait):
            wait = self._every
            try:
                self.turn()
            except Exception:  # noqa: BLE001 - the next pass may go well
                if self._complaints.is_due():
                    _LOG.exception("jobs could not be kept within their bounds")
        self._tenure.give_back()
