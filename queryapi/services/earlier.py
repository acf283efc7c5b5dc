"""Finds an earlier window of a cluster, here or in another process, when no new one can be read."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from queryapi.cache.windows import Window, Windows
from queryapi.services.part import Moment, Reading
from queryapi.services.reading import Source
from queryapi.services.timeline import Parts, Timeline

# What other processes have is looked for when all patience is used up, without a seat.
_LOOK_SECONDS = 0.5


class Earlier:
    """The windows that are there already, which may stand in for a new one.

    Args:
        source: What other processes have.
        windows: What this one has.
        timeline: Which moment they describe.
        lag: Age in seconds from which on what Prometheus has is not served at all.
    """

    def __init__(self, source: Source, windows: Windows, timeline: Timeline, lag: float) -> None:
        self._source = source
        self._windows = windows
        self._timeline = timeline
        self._lag = lag

    def window_with(self, parts: Parts) -> Window | None:
        """Return the newest window that has *parts*; None when none is found in time."""
        until = time.monotonic() + _LOOK_SECONDS
        find = partial(self._elsewhere, parts, until) if self._source.shared else None
        return self._windows.newest_with((part.key for part in parts), find, patience=_LOOK_SECONDS)

    def _elsewhere(self, parts: Parts, until: float, opened: float) -> Mapping[str, object] | None:
        """Return *parts* of another process's window, None when one is not there in time."""
        found: dict[str, Reading[Any]] = {}
        moments: dict[Moment, float] = {Moment.NOW: opened}
        replica = None
        for part in self._timeline.in_order(parts):
            if time.monotonic() >= until:
                return None
            at = moments[part.moment]
            about = part.about and found[part.about.name].value
            reading = self._source.find(part, at, replica=replica, about=about)
            if reading is None:
                return None
            found[part.name] = reading
            if part is self._timeline.lead:
                replica = reading.replica
            if part is self._timeline.evaluation:
                moments[Moment.EVALUATION] = reading.value
            if part is self._timeline.stamps:
                moments[Moment.SCRAPE] = reading.value.scraped_at
                if opened - reading.value.known_at > self._lag:
                    return None
        return found
