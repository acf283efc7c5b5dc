"""The parts of a GPU cluster's scheduler: what each asks Prometheus and makes of the answer.

UIDs and names of pods are interned: several parts, of several windows, hold each of them once.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from sys import intern
from typing import Any, NamedTuple, TypeVar

import msgspec

from queryapi.errors import NoData
from queryapi.promql import schedulingqueries as queries
from queryapi.promql.selection import Selection
from queryapi.promql.values import Sample
from queryapi.services.model import Stamps
from queryapi.services.part import Moment, Part
from queryapi.services.scheduling.equipment import read_equipment
from queryapi.services.scheduling.model import (
    Equipment,
    Pod,
    PodNumbers,
    PodTexts,
    Readiness,
    Stage,
)
from queryapi.services.timeline import Timeline
from queryapi.services.wording import LAST_SECOND

S = TypeVar("S", bound=msgspec.Struct)

Pods = tuple[Pod, ...]
TextsById = dict[str, PodTexts]
NumbersById = dict[str, PodNumbers]

_PENDING = "Pending"
_ENDED = frozenset({"Succeeded", "Failed"})
_NUMBERS = {
    "gpu_pod_created_timestamp_seconds": "created",
    "gpu_pod_priority": "priority",
    "gpu_pod_requested": "gpus",
    "gpu_pod_requested_cpu_cores": "cores",
    "gpu_pod_requested_memory_bytes": "memory",
}


def read_moment(samples: Iterable[Sample]) -> Stamps:
    """Return when the exporters were scraped, and until when they knew the cluster.

    Raises:
        NoData: When nobody tells, or not as times, or of several clusters.
    """
    told: dict[str, float] = {}
    clusters = set()
    for sample in samples:
        clusters.add(sample.label("cluster"))
        if 0 <= sample.value <= LAST_SECOND:
            told[sample.label("told")] = sample.value
    if len(clusters) > 1:
        raise NoData("The matchers of this cluster select several: make them name one")
    if not {"scraped", "known"} <= told.keys():
        raise NoData(
            "Prometheus has no gpu_cluster_state_timestamp_seconds for this cluster: is the"
            " cluster exporter scraped, does it follow its API server, and do its series carry"
            " this cluster's label?"
        )
    return Stamps(told["scraped"], min(told["scraped"], told["known"]))


def read_pods(samples: Iterable[Sample]) -> Pods:
    """Return the pods; where exporters disagree, the one that saw it go further is right."""
    phases: dict[str, str] = {}
    nodes: dict[str, str] = {}
    text: dict[str, str] = {}
    for sample in samples:
        labels = sample.metric
        uid = intern(labels.get("uid", ""))
        node, phase = labels.get("node"), labels.get("phase")
        if node:
            # A pod never leaves its node: two names are two exporters' errors, and any will do.
            nodes[uid] = max(nodes.get(uid, ""), text.setdefault(node, node))
        elif phase is not None:
            phases[uid] = max(phases.get(uid, _PENDING), phase, key=_progress)
    return tuple(
        Pod(uid, _stage(phase, nodes.get(uid)), nodes.get(uid)) for uid, phase in phases.items()
    )


def read_texts(samples: Iterable[Sample]) -> TextsById:
    """Return what is fixed about each pod, by UID; equal texts are one object."""
    share = _Sharing()
    found: TextsById = {}
    for sample in samples:
        labels = sample.metric.get
        texts = PodTexts(
            share(labels("namespace", "")),
            intern(labels("pod", "")),
            share(labels("gpu_model", "")),
            share(labels("active_deadline_seconds", "")),
            share(labels("action_digest", "")),
            share(labels("command_digest", "")),
            share(labels("input_root_digest", "")),
            share(labels("node", "")),
        )
        uid = intern(labels("uid", ""))
        # One that has got its node since, or that two exporters tell of: who knows more.
        found[uid] = max(found[uid], texts, key=_knowledge) if uid in found else texts
    return found


def read_numbers(samples: Iterable[Sample]) -> NumbersById:
    """Return what each pod asks for, by UID; equal numbers are one object."""
    share = _Sharing()
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        labels, value = sample.metric, sample.value
        name = _NUMBERS.get(labels.get("__name__", ""))
        if name is not None and math.isfinite(value):
            found[intern(labels.get("uid", ""))][name] = share(value)
    return {uid: PodNumbers(**numbers) for uid, numbers in found.items()}


def read_machines(samples: Iterable[Sample]) -> dict[str, Readiness]:
    """Return the GPU nodes by name, in order, and whether each takes work.

    What nobody measures stops nobody: a node without node exporter is not paused for that.
    """
    ready: dict[str, bool] = {}
    draining, paused = set(), set()
    for sample in samples:
        labels = sample.metric
        node = labels.get("node", "")
        match labels.get("__name__"):
            case "gpu_node_ready":
                ready[node] = sample.value == 1
            case "gpu_node_cordoned":
                draining.add(node)
            case "gpu_node_problem" if labels.get("problem") in queries.LEAVING:
                draining.add(node)
            case _:
                paused.add(node)
    return {
        node: _readiness(draining=node in draining, paused=node in paused or not ready[node])
        for node in sorted(ready)
    }


def read_completions(samples: Iterable[Sample]) -> dict[str, int]:
    """Return how many pods ended on each node."""
    return {s.label("node"): int(s.value) for s in samples if math.isfinite(s.value)}


def share_pods(pods: Pods) -> Pods:
    """Return the same pods, in which equal nodes are one object."""
    share = _Sharing()
    return tuple(Pod(intern(pod.uid), pod.stage, share(pod.node)) for pod in pods)


def share_fields(found: dict[str, S]) -> dict[str, S]:
    """Return the same structures, in which equal values are one object."""
    share = _Sharing()
    return {
        intern(uid): type(one)(*map(share, msgspec.structs.astuple(one)))
        for uid, one in found.items()
    }


class _Sharing:
    """Returns for each value the first one equal to it."""

    def __init__(self) -> None:
        self._first: dict[Any, Any] = {}

    def __call__(self, value: Any) -> Any:
        return self._first.setdefault(value, value)


def _uids(pods: Pods) -> frozenset[str]:
    # As a pattern no name would match the label's absence.
    return frozenset(pod.uid for pod in pods if pod.uid)


def _knowledge(texts: PodTexts) -> tuple[str, ...]:
    return texts.node, *msgspec.structs.astuple(texts)


def _progress(phase: str) -> tuple[int, str]:
    """Return how far a phase is: pods go from Pending to an end, and never back."""
    return 0 if phase == _PENDING else 2 if phase in _ENDED else 1, phase


def _stage(phase: str, node: str | None) -> Stage:
    if phase in _ENDED:
        return Stage.COMPLETED
    if node is None:
        return Stage.QUEUED
    return Stage.CACHE_CHECK if phase == _PENDING else Stage.EXECUTING


def _readiness(*, draining: bool, paused: bool) -> Readiness:
    if draining:
        return Readiness.DRAINING
    return Readiness.PAUSED if paused else Readiness.ACTIVE


MOMENT: Part[Stamps] = Part("scrape", Stamps, queries.moment, read_moment, Moment.NOW)
MACHINES: Part[dict[str, Readiness]] = Part(
    "workers", dict[str, Readiness], queries.workers, read_machines, Moment.SCRAPE
)
EQUIPMENT: Part[dict[str, Equipment]] = Part(
    "equipment", dict[str, Equipment], queries.equipment, read_equipment, Moment.SCRAPE
)
COMPLETIONS: Part[dict[str, int]] = Part(
    "completions", dict[str, int], queries.completions, read_completions, Moment.SCRAPE
)

SCRAPES = Timeline(MOMENT)
"""What the exporters told at their last scrape."""


class PodParts(NamedTuple):
    """The parts that tell of some pods."""

    pods: Part[Pods]
    texts: Part[TextsById]
    numbers: Part[NumbersById]


LIVE = PodParts(
    Part("pods", Pods, queries.pods, read_pods, Moment.SCRAPE, share_pods),
    Part("podtexts", TextsById, queries.pod_texts, read_texts, Moment.SCRAPE, share_fields),
    Part("podnumbers", NumbersById, queries.pod_numbers, read_numbers, Moment.SCRAPE, share_fields),
)
"""Pods that there are."""


def gone(within: int) -> PodParts:
    """Return the parts that tell of pods that were seen to end *within* seconds and are gone."""

    def texts(selection: Selection, found: Pods) -> str:
        return queries.gone_texts(selection, _uids(found), within)

    def numbers(selection: Selection, found: Pods) -> str:
        return queries.gone_numbers(selection, _uids(found), within)

    pods: Part[Pods] = Part(
        "gonepods",
        Pods,
        partial(queries.gone_pods, within=within),
        read_pods,
        Moment.SCRAPE,
        share_pods,
    )
    return PodParts(
        pods,
        Part("gonetexts", TextsById, texts, read_texts, Moment.SCRAPE, share_fields, pods),
        Part("gonenumbers", NumbersById, numbers, read_numbers, Moment.SCRAPE, share_fields, pods),
    )
