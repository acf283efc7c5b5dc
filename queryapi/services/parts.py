"""The parts of a cluster's snapshot: what each asks Prometheus and what it makes of the answer.

Series and their meaning: docs/metrics.md. A series that is missing stays missing (None, or
NoData where an answer cannot do without it); nothing is taken to be zero.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from queryapi.errors import NoData
from queryapi.promql import queries
from queryapi.promql.values import Sample
from queryapi.services.model import Alert, Event, Hardware, Holdings, Node, Stamps, Task, Totals
from queryapi.services.part import Moment, Part
from queryapi.services.timeline import Timeline
from queryapi.services.wording import LAST_SECOND

K = TypeVar("K")

_READY = "node:gpu_ready:min"
_HELD = "gpu_pod_allocated"
# Labels whose values many tasks have in common.
_SHARED_LABELS = ("namespace", "node", "workload_type", "workload_name", "owner")
_NO_LABELS = ("",) * len(_SHARED_LABELS)
_STARTED = "gpu_pod_start_timestamp_seconds"


def read_evaluation(samples: Iterable[Sample]) -> float:
    """Return the Unix time of the evaluation.

    Raises:
        NoData: When none is recorded, or no time is, or several clusters' are.
    """
    return _time(_of_one_cluster(samples), "cluster:gpu_evaluation_timestamp_seconds:max")


def read_stamps(samples: Iterable[Sample]) -> Stamps:
    """Return what the evaluation saw.

    Raises:
        NoData: When its scrape is not recorded, or not as a time, or several clusters' are.
    """
    recorded = _of_one_cluster(samples)
    scraped_at = _time(recorded, "cluster:gpu_snapshot_timestamp_seconds:max")
    # Recorded where an exporter tells it.
    known = "cluster:gpu_state_timestamp_seconds:min"
    known_at = _time(recorded, known) if known in recorded else scraped_at
    return Stamps(scraped_at, min(scraped_at, known_at))


def read_hardware(samples: Iterable[Sample]) -> Hardware:
    """Return the totals that tell of nobody's work.

    Raises:
        NoData: When one is not recorded, or for several clusters.
    """
    recorded = _of_one_cluster(samples)
    return Hardware(
        capacity=_needed(recorded, "cluster:gpu_capacity:sum"),
        free=_needed(recorded, "cluster:gpu_free:sum"),
        free_nodes=_needed(recorded, "cluster:gpu_free_nodes:count"),
        free_block=_needed(recorded, "cluster:gpu_free_block:max"),
    )


def read_totals(samples: Iterable[Sample]) -> Totals:
    """Return the totals.

    Raises:
        NoData: When one that every answer needs is not recorded, or for several clusters.
    """
    recorded = _of_one_cluster(samples)
    return Totals(
        capacity=_needed(recorded, "cluster:gpu_capacity:sum"),
        allocated=_needed(recorded, "cluster:gpu_allocated:sum"),
        free=_needed(recorded, "cluster:gpu_free:sum"),
        free_nodes=_needed(recorded, "cluster:gpu_free_nodes:count"),
        free_block=_needed(recorded, "cluster:gpu_free_block:max"),
        running_tasks=_needed(recorded, "cluster:gpu_running_tasks:count"),
        utilized=recorded.get("cluster:gpu_utilized:count"),
        utilization=recorded.get("cluster:gpu_utilization_ratio:avg"),
    )


def read_holdings(samples: Iterable[Sample]) -> Holdings:
    """Return what work holds; work that tells of nothing holds nothing."""
    told = _largest(samples, lambda s: (s.label("told"), s.label("node")))
    return Holdings(
        allocated=told.get(("allocated", ""), 0.0),
        running=told.get(("running", ""), 0.0),
        by_node={node: held for (kind, node), held in told.items() if kind == "node"},
    )


def read_nodes(samples: Iterable[Sample]) -> tuple[Node, ...]:
    """Return the GPU nodes by name.

    Devices may be published under a name that Kubernetes does not know: that is no node of it.
    """
    recorded: dict[str, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        # The dictionary itself: a call for each of fifty thousand labels would take longer.
        labels = sample.metric
        _keep_largest(recorded[labels.get("__name__", "")], labels.get("node", ""), sample.value)
    cordoned, capacity = recorded["node:gpu_cordoned:max"], recorded["node:gpu_capacity:sum"]
    allocated = recorded["node:gpu_allocated:sum"]
    utilization = recorded["node:gpu_utilization_ratio:avg"]
    return tuple(
        Node(
            name=name,
            ready=ready == 1,
            cordoned=cordoned.get(name) == 1,
            capacity=capacity.get(name),
            allocated=allocated.get(name),
            utilization=utilization.get(name),
        )
        for name, ready in sorted(recorded[_READY].items())
    )


def read_tasks(samples: Iterable[Sample]) -> tuple[Task, ...]:
    """Return the running tasks, oldest first; two exporters telling of a pod make one task."""
    numbers: dict[str, dict[str, float]] = {_HELD: {}, _STARTED: {}}
    # A pod is a task even if one of its series is missing: its labels say enough.
    known: dict[str, Task] = {}
    text: dict[str, str] = {}
    for sample in samples:
        labels = sample.metric
        name, uid = labels.get("__name__", ""), labels.get("uid", "")
        if name in numbers:
            _keep_largest(numbers[name], uid, sample.value)
        if name == "gpu_pod_info" or (name == _HELD and uid not in known):
            known[uid] = _described(labels, text)
    held, started = numbers[_HELD], numbers[_STARTED]
    tasks = (
        msgspec.structs.replace(
            task, allocated=held.get(uid), started_at=_calendar(started.get(uid))
        )
        for uid, task in known.items()
    )
    return tuple(sorted(tasks, key=_oldest_first))


def share_text(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """Return the same tasks, in which equal texts are one object."""
    text: dict[str, str] = {}
    same = text.setdefault
    return tuple(
        Task(
            task.uid,
            pod := same(task.pod, task.pod),
            same(task.namespace, task.namespace),
            same(task.node, task.node),
            same(task.workload_type, task.workload_type),
            pod if task.workload_name == pod else same(task.workload_name, task.workload_name),
            same(task.owner, task.owner),
            task.allocated,
            task.started_at,
        )
        for task in tasks
    )


def read_alerts(samples: Iterable[Sample]) -> tuple[Alert, ...]:
    """Return the firing alerts by id."""
    since: dict[tuple[tuple[str, str], ...], float] = {}
    firing = set()
    for sample in samples:
        if sample.name == "ALERTS":
            firing.add(_alert_labels(sample))
        else:
            since[_alert_labels(sample)] = sample.value
    alerts = (
        Alert(_digest(labels), dict(labels), _calendar(since.get(labels))) for labels in firing
    )
    return tuple(sorted(alerts, key=lambda alert: alert.id))


def read_events(samples: Iterable[Sample]) -> tuple[Event, ...]:
    """Return the happenings, newest first."""
    events = (
        Event(s.label("id"), s.label("type"), s.label("object"), s.label("message"), s.value)
        for s in samples
        if _calendar(s.value) is not None
    )
    return tuple(sorted(events, key=lambda event: (-event.at, event.id)))


EVALUATION: Part[float] = Part("evaluation", float, queries.evaluation, read_evaluation, Moment.NOW)
STAMPS: Part[Stamps] = Part("stamps", Stamps, queries.stamps, read_stamps)
TOTALS: Part[Totals] = Part("totals", Totals, queries.totals, read_totals)
HARDWARE: Part[Hardware] = Part("hardware", Hardware, queries.hardware, read_hardware)
HOLDINGS: Part[Holdings] = Part(
    "holdings", Holdings, queries.holdings, read_holdings, Moment.SCRAPE
)
NODES: Part[tuple[Node, ...]] = Part("nodes", tuple[Node, ...], queries.nodes, read_nodes)
MACHINES: Part[tuple[Node, ...]] = Part("machines", tuple[Node, ...], queries.machines, read_nodes)
TASKS: Part[tuple[Task, ...]] = Part(
    "tasks", tuple[Task, ...], queries.running_tasks, read_tasks, Moment.SCRAPE, share_text
)
ALERTS: Part[tuple[Alert, ...]] = Part(
    "alerts", tuple[Alert, ...], queries.firing_alerts, read_alerts
)
EVENTS: Part[tuple[Event, ...]] = Part(
    "events", tuple[Event, ...], queries.recent_events, read_events, Moment.SCRAPE
)

EVALUATIONS = Timeline(STAMPS, EVALUATION)
"""What was recorded at the newest complete evaluation, and the scrape that it saw."""

# Answers begin with these: without one of them a window is of no use.
LEADS: tuple[Part[Any], ...] = (EVALUATION, STAMPS, TOTALS, HARDWARE)


def _largest(samples: Iterable[Sample], key: Callable[[Sample], K]) -> dict[K, float]:
    """Return one finite value per key: replicas that tell the same thing count once."""
    values: dict[K, float] = {}
    for sample in samples:
        _keep_largest(values, key(sample), sample.value)
    return values


def _keep_largest(values: dict[K, float], key: K, value: float) -> None:
    """Keep *value* when it is finite, and the largest of *key* so far."""
    if values.get(key, -math.inf) < value < math.inf:
        values[key] = value


def _of_one_cluster(samples: Iterable[Sample]) -> dict[str, float]:
    """Return the recorded values by name."""
    clusters = set()

    def name(sample: Sample) -> str:
        clusters.add(sample.label("cluster"))
        return sample.name

    recorded = _largest(samples, name)
    if len(clusters) > 1:
        raise NoData(
            "The matchers of this cluster select the totals of several: make them name one"
        )
    return recorded


def _needed(recorded: Mapping[str, float], name: str) -> float:
    if name not in recorded:
        raise NoData(_missing(name))
    return recorded[name]


def _time(recorded: Mapping[str, float], name: str) -> float:
    found = _calendar(_needed(recorded, name))
    if found is None:
        raise NoData(f"{name} of this cluster is not a Unix time in seconds: is its rule ours?")
    return found


def _missing(name: str) -> str:
    return (
        f"Prometheus has no {name} for this cluster: are the recording rules loaded, is the"
        " cluster exporter scraped, does it follow its API server, and do its series carry"
        " this cluster's label?"
    )


def _described(labels: Mapping[str, str], text: dict[str, str]) -> Task:
    """Return a task by its labels; equal texts of many tasks are one object in *text*."""
    pod = labels.get("pod", "")
    namespace, node, kind, name, owner = (
        text.setdefault(found, found) for found in map(labels.get, _SHARED_LABELS, _NO_LABELS)
    )
    return Task(labels.get("uid", ""), pod, namespace, node, kind or "Pod", name or pod, owner)


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
    return seconds if seconds is not None and 0 <= seconds <= LAST_SECOND else None
