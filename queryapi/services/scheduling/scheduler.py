"""What a source of scheduler monitoring is: parts to read, and what to make of them."""

from enum import Enum, auto
from typing import Any, Protocol

from queryapi.services.part import Part
from queryapi.services.scheduling.answers import Operation, Worker
from queryapi.services.scheduling.model import Counts
from queryapi.services.snapshot import Snapshot
from queryapi.services.timeline import Timeline


class Topic(Enum):
    """What an answer tells of."""

    COUNTS = auto()
    WORKERS = auto()
    OPERATIONS = auto()


class Scheduler(Protocol):
    """One kind of source: pure functions of a snapshot of its parts.

    Caching, failures, filters and JSON are the service's. *limited* says that the caller is held
    to some namespaces: the snapshot's parts show the work of those alone.
    """

    @property
    def timeline(self) -> Timeline:
        """Which moment snapshots describe; its stamps tell how old that is."""
        ...

    @property
    def leads(self) -> tuple[Part[Any], ...]:
        """The parts that every answer begins with."""
        ...

    def parts(self, topic: Topic, *, limited: bool) -> tuple[Part[Any], ...]:
        """Return the parts that an answer to *topic* needs."""
        ...

    def counts(self, snapshot: Snapshot) -> Counts:
        """Return the numbers, of a snapshot with the parts of COUNTS."""
        ...

    def workers(self, snapshot: Snapshot, *, limited: bool) -> tuple[Worker, ...]:
        """Return the workers by id, of a snapshot with the parts of WORKERS."""
        ...

    def operations(self, snapshot: Snapshot) -> tuple[Operation, ...]:
        """Return the operations in their order, of a snapshot with the parts of OPERATIONS.

        Unfinished ones come first, then the newest, then by id.
        """
        ...
