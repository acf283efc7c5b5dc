"""A cluster whose exporters tell of it: a GPU node is a worker, a GPU pod an operation."""

import math
from typing import Any

from queryapi.services.part import Part
from queryapi.services.scheduling import accounting
from queryapi.services.scheduling.answers import Operation, Worker
from queryapi.services.scheduling.model import Counts, Pod
from queryapi.services.scheduling.parts import (
    COMPLETIONS,
    EQUIPMENT,
    LIVE,
    MACHINES,
    MOMENT,
    SCRAPES,
    TextsById,
    gone,
)
from queryapi.services.scheduling.scheduler import Topic
from queryapi.services.snapshot import Snapshot
from queryapi.services.timeline import Timeline


class GpuCluster:
    """The Scheduler of such a cluster.

    Args:
        completed_for: Seconds for which a pod that ended is told of once it is gone.
    """

    def __init__(self, completed_for: float) -> None:
        self._gone = gone(math.ceil(completed_for)) if completed_for else None
        sources = (LIVE,) if self._gone is None else (LIVE, self._gone)
        pods: tuple[Part[Any], ...] = tuple(source.pods for source in sources)
        about: tuple[Part[Any], ...] = tuple(part for s in sources for part in s[1:])
        # Of pods that are gone their parts tell where they were: only lists need to know.
        places: tuple[Part[Any], ...] = () if self._gone is None else (self._gone.texts,)
        self._parts: dict[tuple[Topic, bool], tuple[Part[Any], ...]] = {
            **{(Topic.COUNTS, limited): (MACHINES, *pods) for limited in (False, True)},
            **{(Topic.OPERATIONS, limited): (*pods, *about) for limited in (False, True)},
            # How many ended on a node in all is everybody's work.
            (Topic.WORKERS, False): (MACHINES, *pods, EQUIPMENT, COMPLETIONS),
            (Topic.WORKERS, True): (MACHINES, *pods, EQUIPMENT, *places),
        }

    @property
    def timeline(self) -> Timeline:
        """The exporters' last scrape."""
        return SCRAPES

    @property
    def leads(self) -> tuple[Part[Any], ...]:
        """When that was."""
        return (MOMENT,)

    def parts(self, topic: Topic, *, limited: bool) -> tuple[Part[Any], ...]:
        """Return the parts that an answer to *topic* needs."""
        return self._parts[topic, limited]

    def counts(self, snapshot: Snapshot) -> Counts:
        """Return the numbers."""
        machines = snapshot.part(MACHINES)
        return accounting.counts(machines, self._pods(snapshot, {}))

    def workers(self, snapshot: Snapshot, *, limited: bool) -> tuple[Worker, ...]:
        """Return the workers by id."""
        known_at = snapshot.part(MOMENT).known_at
        machines, equipment = snapshot.part(MACHINES), snapshot.part(EQUIPMENT)
        pods = self._pods(snapshot, self._gone_texts(snapshot) if limited else {})
        completed = accounting.completed_by_node(pods) if limited else snapshot.part(COMPLETIONS)
        return accounting.workers(machines, equipment, completed, pods, known_at)

    def operations(self, snapshot: Snapshot) -> tuple[Operation, ...]:
        """Return the operations in their order."""
        gone_texts = self._gone_texts(snapshot)
        texts, numbers = gone_texts | snapshot.part(LIVE.texts), snapshot.part(LIVE.numbers)
        if self._gone is not None:
            numbers = snapshot.part(self._gone.numbers) | numbers
        return accounting.operations(self._pods(snapshot, gone_texts), texts, numbers)

    def _gone_texts(self, snapshot: Snapshot) -> TextsById:
        return {} if self._gone is None else snapshot.part(self._gone.texts)

    def _pods(self, snapshot: Snapshot, gone_texts: TextsById) -> tuple[Pod, ...]:
        live = snapshot.part(LIVE.pods)
        if self._gone is None:
            return live
        gone_pods = snapshot.part(self._gone.pods)
        return accounting.together(live, gone_pods, gone_texts)
