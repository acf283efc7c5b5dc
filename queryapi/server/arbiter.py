"""gunicorn's parent of the workers, which starts them anew when they end."""

import logging
import time
from collections.abc import Callable
from typing import Any

from gunicorn.arbiter import Arbiter as GunicornArbiter  # type: ignore[import-untyped]

_LOG = logging.getLogger(__name__)
# A worker that has lived so long has not failed at its start.
_SETTLED_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class Arbiter(GunicornArbiter):  # type: ignore[misc]  # gunicorn has no types
    """Starts workers anew when they end, and ends them all on SIGTERM, SIGINT or SIGQUIT.

    The other signals that gunicorn knows change the number of workers, or start a second service
    on settings nobody checked: they are ignored, SIGHUP too, which comes with a closed terminal.
    """

    def __init__(self, application: Any) -> None:
        super().__init__(application)
        self._due = 0.0
        # The first one that fails is started anew at once: what ended it may have been an accident.
        self._pause = 0.0

    def spawn_workers(self) -> None:
        """Start the workers that are missing, unless the last ones failed a moment ago."""
        if time.monotonic() >= self._due:
            super().spawn_workers()

    def lost(self, lived: float) -> None:
        """Note that a worker has ended after so many seconds; put the next one off if it failed."""
        if not self.LISTENERS:
            # All of them are to end.
            return
        if lived >= _SETTLED_SECONDS:
            self._due = self._pause = 0.0
            return
        self._due = time.monotonic() + self._pause
        if self._pause:
            _LOG.error(
                "workers end within %g s of their start; the next one starts in %g s",
                _SETTLED_SECONDS,
                self._pause,
            )
        self._pause = min(max(_FIRST_PAUSE, 2 * self._pause), _LONGEST_PAUSE)

    def _ignore(self) -> None:
        self.log.info("Ignored: settings are read at the start; files they name, when they change")

    handle_hup: Callable[..., None] = _ignore
    handle_ttin: Callable[..., None] = _ignore
    handle_ttou: Callable[..., None] = _ignore
    handle_usr2: Callable[..., None] = _ignore
