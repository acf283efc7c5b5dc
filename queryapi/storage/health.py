"""Whether the database can be used: told to the log once, and spared to those who would wait."""

import logging
import threading
from collections.abc import Callable

from queryapi.errors import StoreUnavailable
from queryapi.outbound.breaker import Breaker
from queryapi.storage.failures import Failure
from queryapi.telemetry.logs import Sparing, fields
from queryapi.telemetry.storing import Storing

_LOG = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0


class Health:
    """What the last uses came to; reading may go well while writing does not.

    Args:
        clock: Monotonic seconds.
        storing: Counts uses.
    """

    def __init__(self, clock: Callable[[], float], storing: Storing | None) -> None:
        self._clock = clock
        self._storing = storing
        # One that hangs would otherwise take every thread of ours, for seconds each time.
        self._breaker = Breaker(failures=1, pause=_PAUSE_SECONDS)
        self._sparing = Sparing(clock)
        self._lock = threading.Lock()
        self._failing: dict[bool, str] = {}
        self._told: set[str] = set()
        self._known = False

    @property
    def trouble(self) -> str | None:
        """Why it cannot be read, or takes no writes; None = nothing is known of any trouble."""
        failing = self._failing
        return failing.get(False) or failing.get(True)

    def admit(self) -> None:
        """Let one a second through while nobody answers.

        Raises:
            StoreUnavailable: To the others.
        """
        if not self._breaker.admits(self._clock()):
            raise StoreUnavailable("the database does not answer")

    def failed(self, failure: Failure, *, writing: bool) -> None:
        """Note that it could not be used."""
        if self._storing is not None:
            self._storing.used("failed", writing=writing)
            self._storing.up(value=False)
        if failure.lost:
            self._breaker.failed(self._clock())
        with self._lock:
            self._failing[writing] = failure.message
            # What is spared now is told later, if it lasts.
            tells = failure.detail not in self._told and self._sparing.is_due()
            if tells:
                self._told.add(failure.detail)
        if tells:
            _LOG.error("%s", failure.message, extra=fields(error=failure.detail))

    def worked(self, *, writing: bool) -> None:
        """Note that it could be used; who writes reads as well."""
        if self._storing is not None:
            self._storing.used("done", writing=writing)
        if self._known and not self._failing and not self._breaker.open:
            return
        self._breaker.succeeded()
        with self._lock:
            self._failing.pop(False, None)
            if writing:
                self._failing.pop(True, None)
            tells = bool(self._told) and not self._failing
            if tells:
                self._told.clear()
            self._known = True
            if self._storing is not None:
                self._storing.up(value=not self._failing)
        if tells:
            _LOG.info("the database can be used again")
