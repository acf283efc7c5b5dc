"""The parts of a cluster's snapshot: what each asks Prometheus and what it makes of the answer.

Series and their meaning: docs/metrics.md. A series that is missing stays missing (None, or
NoData where an answer cannot do without it); nothing is taken to be zero.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from queryapi.cache.windows import Key
from queryapi.errors import NoData
from queryapi.promql import queries
from queryapi.promql.values import Sample, Vector
from queryapi.services.model import Alert, Event, Node, Task, Totals

T = TypeVar("T")
K = TypeVar("K")

# The last second of the year 9999, the end of the calendar that timestamps are written in.
_LAST_SECOND = 253_402_300_799.0


_READY = "node:gpu_ready:min"


class Moment(Enum):
    """Which moment a part is read at."""

    NOW = "when the window was opened"
    # Rules are committed one by one: only a complete evaluation's values belong together.
    EVALUATION = "the newest complete evaluation of the rules"
    # Rules record what an earlier scrape said. The raw series of that same scrape agree with them.
    SCRAPE = "the scrape that the totals were recorded from"


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One part: its key, its question, the shape of its answer, and the moment it is read at."""

    key: Key[T]
    query: queries.Query
    shape: Callable[[Vector], T]
    moment: Moment = Moment.EVALUATION


def read_evaluation(vector: Vector) -> float:
    """Return the Unix time of the evaluation.

    Raises:
        NoData: When none is recorded, or several clusters' are.
    """
    _refuse_several_clusters(vector)
    name = "cluster:gpu_evaluation_timestamp_seconds:max"
    found = _largest(vector, lambda sample: sample.name)
    if name not in found:
        raise NoData(_missing(name))
    return found[name]


def read_totals(vector: Vector) -> Totals:
    """Return the totals.

    Raises:
        NoData: When one that every answer needs is not recorded, or for several clusters.
    """
    _refuse_several_clusters(vector)
    recorded = _largest(vector, lambda sample: sample.name)

    def needed(name: str) -> float:
        if name not in recorded:
            raise NoData(_missing(name))
        return recorded[name]

    scraped_at = needed("cluster:gpu_snapshot_timestamp_seconds:max")
    return Totals(
        capacity=needed("cluster:gpu_capacity:sum"),
        allocated=needed("cluster:gpu_allocated:sum"),
        free=needed("cluster:gpu_free:sum"),
        free_nodes=needed("cluster:gpu_free_nodes:count"),
        free_block=needed("cluster:gpu_free_block:max"),
        running_tasks=needed("cluster:gpu_running_tasks:count"),
        scraped_at=scraped_at,
        known_at=min(
            scraped_at, recorded.get("cluster:gpu_state_timestamp_seconds:min", scraped_at)
        ),
        utilized=recorded.get("cluster:gpu_utilized:count"),
        utilization=recorded.get("cluster:gpu_utilization_ratio:avg"),
    )


def read_nodes(vector: Vector) -> tuple[Node, ...]:
    """Return the GPU nodes by name.

    Devices may be published under a name that Kubernetes does not know: that is no node of it.
    """
    recorded: dict[str, dict[str, float]] = defaultdict(dict)
    for (node, name), value in _largest(vector, lambda s: (s.label("node"), s.name)).items():
        recorded[node][name] = value
    return tuple(
        _node(name, recorded[name]) for name in sorted(recorded) if _READY in recorded[name]
    )


def read_tasks(vector: Vector) -> tuple[Task, ...]:
    """Return the running tasks, oldest first; two exporters telling of a pod make one task."""
    held = _largest(_named(vector, "gpu_pod_allocated"), _uid)
    started = _largest(_named(vector, "gpu_pod_start_timestamp_seconds"), _uid)
    who = {_uid(sample): sample for sample in _named(vector, "gpu_pod_info")}
    # A pod is a task even if one of its series is missing: its labels say enough.
    known = {_uid(sample): sample for sample in _named(vector, "gpu_pod_allocated")} | who
    tasks = (
        _task(sample, held.get(uid), _calendar(started.get(uid))) for uid, sample in known.items()
    )
    return tuple(sorted(tasks, key=_oldest_first))


def read_alerts(vector: Vector) -> tuple[Alert, ...]:
    """Return the firing alerts by id."""
    since = {_alert_labels(sample): sample.value for sample in _named(vector, "ALERTS_FOR_STATE")}
    firing = {_alert_labels(sample) for sample in _named(vector, "ALERTS")}
    alerts = (
        Alert(_digest(labels), dict(labels), _calendar(since.get(labels))) for labels in firing
    )
    return tuple(sorted(alerts, key=lambda alert: alert.id))


def read_events(vector: Vector) -> tuple[Event, ...]:
    """Return the happenings, newest first."""
    events = (
        Event(s.label("id"), s.label("type"), s.label("object"), s.label("message"), s.value)
        for s in vector
        if _calendar(s.value) is not None
    )
    return tuple(sorted(events, key=lambda event: (-event.at, event.id)))


EVALUATION: Part[float] = Part(Key("evaluation"), queries.evaluation, read_evaluation, Moment.NOW)
TOTALS: Part[Totals] = Part(Key("totals"), queries.totals, read_totals)
NODES: Part[tuple[Node, ...]] = Part(Key("nodes"), queries.nodes, read_nodes)
TASKS: Part[tuple[Task, ...]] = Part(Key("tasks"), queries.running_tasks, read_tasks, Moment.SCRAPE)
ALERTS: Part[tuple[Alert, ...]] = Part(Key("alerts"), queries.firing_alerts, read_alerts)
EVENTS: Part[tuple[Event, ...]] = Part(
    Key("events"), queries.recent_events, read_events, Moment.SCRAPE
)


def _largest(samples: Iterable[Sample], key: Callable[[Sample], K]) -> dict[K, float]:
    """Return one finite value per key: replicas that tell the same thing count once."""
    values: dict[K, float] = {}
    for sample in samples:
        if math.isfinite(sample.value):
            values[key(sample)] = max(sample.value, values.get(key(sample), -math.inf))
    return values


def _named(vector: Vector, name: str) -> tuple[Sample, ...]:
    return tuple(sample for sample in vector if sample.name == name)


def _uid(sample: Sample) -> str:
    return sample.label("uid")


def _refuse_several_clusters(vector: Vector) -> None:
    clusters = sorted({sample.label("cluster") for sample in vector})
    if len(clusters) > 1:
        raise NoData(
            "The matchers of this cluster select the totals of several: make them name one"
        )


def _missing(name: str) -> str:
    return (
        f"Prometheus has no {name} for this cluster: are the recording rules loaded, is the"
        " cluster exporter scraped, and do its series carry this cluster's label?"
    )


def _node(name: str, recorded: Mapping[str, float]) -> Node:
    return Node(
        name=name,
        ready=recorded[_READY] == 1,
        cordoned=recorded.get("node:gpu_cordoned:max") == 1,
        capacity=recorded.get("node:gpu_capacity:sum"),
        allocated=recorded.get("node:gpu_allocated:sum"),
        utilization=recorded.get("node:gpu_utilization_ratio:avg"),
    )


def _task(sample: Sample, allocated: float | None, started_at: float | None) -> Task:
    return Task(
        uid=_uid(sample),
        pod=sample.label("pod"),
        namespace=sample.label("namespace"),
        node=sample.label("node"),
        workload_type=sample.label("workload_type") or "Pod",
        workload_name=sample.label("workload_name") or sample.label("pod"),
        owner=sample.label("owner"),
        allocated=allocated,
        started_at=started_at,
    )


def _oldest_first(task: Task) -> tuple[float, str, str]:
    started = math.inf if task.started_at is None else task.started_at
    return started, task.namespace, task.pod


def _alert_labels(sample: Sample) -> tuple[tuple[str, str], ...]:
    ignored = ("__name__", "alertstate")
    return tuple(sorted(item for item in sample.metric.items() if item[0] not in ignored))


def _digest(labels: tuple[tuple[str, str], ...]) -> str:
    return hashlib.blake2b(msgspec.json.encode(labels), digest_size=8).hexdigest()


def _calendar(seconds: float | None) -> float | None:
    """Return a Unix time that a calendar can show, else None."""
    return seconds if seconds is not None and 0 <= seconds <= _LAST_SECOND else None
