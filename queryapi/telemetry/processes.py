"""The metrics of several processes, added up by whichever of them is asked.

prometheus_client keeps them in files of a folder that all processes share, one set per process.
"""

import os
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class _Self:
    """Which of the processes this is."""

    place = 0


def share(folder: Path) -> None:
    """Keep every metric that is made from now on in *folder*, for all processes forked later."""
    os.environ[_FOLDER] = str(folder)
    # The library decides when it is imported, and that is before the settings are read.
    make: Any = values.MultiProcessValue
    values.ValueClass = make(lambda: _Self.place)


def become(place: int) -> None:
    """Be the process at *place*: go on with the counts of the one that had it before."""
    _Self.place = place


def forget(place: int) -> None:
    """Drop what was true only while the process at *place* lived."""
    if _FOLDER in os.environ:
        mark_process_dead(place)  # type: ignore[no-untyped-call]


def everywhere(own: CollectorRegistry) -> CollectorRegistry:
    """Return the metrics of all processes, or *own* where there is one process."""
    if _FOLDER not in os.environ:
        return own
    added_up = CollectorRegistry()
    MultiProcessCollector(added_up)  # type: ignore[no-untyped-call]
    return added_up
