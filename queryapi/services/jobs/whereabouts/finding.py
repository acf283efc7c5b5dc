"""Which pods a job is, and what that makes of it; pure."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

import msgspec

from queryapi.promql import jobqueries
from queryapi.promql.values import Sample
from queryapi.services.jobs.whereabouts.model import Node, Place, Pod
from queryapi.storage.jobrecords import Job, JobStatus

T = TypeVar("T")

# A workload of more is no job that somebody looks at one by one.
_MOST_PODS = 256
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
# The strongest first: what is called like a pod need not be one of that workload.
_NAMES: tuple[Callable[[Pod], str], ...] = (
    lambda pod: pod.uid,
    lambda pod: pod.name,
    lambda pod: pod.workload,
)


def may_be_a_pod(job: Job) -> bool:
    """Tell whether anything in Kubernetes can be called like *job*, and may be it."""
    named = _NAME.fullmatch(job.id) is not None
    return named and (job.namespace is not None or job.anywhere)


def may_be_there(job: Job, namespace: str) -> bool:
    """Tell whether *job* may be a pod of *namespace*: nobody claims another namespace's work."""
    return job.anywhere if job.namespace is None else job.namespace == namespace


def read_pods(vector: Iterable[Sample]) -> tuple[Pod, ...]:
    """Return what `jobqueries.pods` has found."""
    return tuple(
        Pod(
            namespace=sample.label("namespace"),
            name=sample.label("pod"),
            uid=sample.label("uid"),
            node=sample.label("node"),
            workload=sample.label("workload_name"),
        )
        for sample in vector
    )


def belonging(job: Job, pods: Sequence[Pod]) -> tuple[Pod, ...]:
    """Return the pods that *job* is; none when they might be those of several namespaces."""
    shown = [pod for pod in pods if may_be_there(job, pod.namespace)]
    for name_of in _NAMES:
        found = tuple(pod for pod in shown if name_of(pod) == job.id)
        if found:
            alike = len({pod.namespace for pod in found}) == 1
            return found if alike and len(found) <= _MOST_PODS else ()
    return ()


def completed(
    pods: Iterable[Pod], vector: Iterable[Sample]
) -> tuple[dict[str, Pod], dict[str, Node]]:
    """Return pods by UID and nodes by name, with what `jobqueries.surroundings` tells of them."""
    known = {pod.uid: pod for pod in pods}
    nodes: dict[str, Node] = {}
    for sample in vector:
        if not math.isfinite(sample.value):
            continue
        uid, name = sample.label("uid"), sample.label("node")
        if uid in known:
            known[uid] = _pod_with(known[uid], sample)
        elif name:
            nodes[name] = _node_with(nodes.get(name, Node()), sample)
    return known, nodes


def _pod_with(pod: Pod, sample: Sample) -> Pod:
    if sample.name == jobqueries.ALLOCATED:
        # It holds them where it is bound, whatever an older line says of its node.
        return replace(pod, gpus=sample.value, node=sample.label("node") or pod.node)
    return replace(pod, started=sample.value) if sample.value > 0 else pod


def _node_with(node: Node, sample: Sample) -> Node:
    match sample.name:
        case jobqueries.PRICE:
            return replace(node, price=sample.value) if sample.value >= 0 else node
        case jobqueries.CAPACITY:
            return replace(node, gpus=(node.gpus or 0.0) + sample.value)
        case _:
            return replace(
                node,
                model=sample.label("model") or None,
                pool=sample.label("pool") or None,
                instance_type=sample.label("instance_type") or None,
            )


def place_of(pods: Iterable[Pod], nodes: Mapping[str, Node]) -> Place | None:
    """Return where a job is that is *pods*; None when it is none."""
    known = sorted(pods, key=lambda pod: (pod.started or math.inf, pod.name, pod.uid))
    holding = [pod for pod in known if pod.gpus is not None]
    # None holds GPUs: the last one that began tells what is still known of it.
    begun = [pod for pod in known if pod.started is not None]
    there = tuple(holding or begun[-1:] or known[:1])
    if not there:
        return None
    hosts = [nodes.get(pod.node, Node()) for pod in there]
    return Place(
        pods=there,
        gpus=_sum([pod.gpus for pod in there]),
        started=min((pod.started for pod in there if pod.started is not None), default=None),
        gpu_model=_common([host.model for host in hosts]),
        instance_type=_common([host.instance_type for host in hosts]),
        pool=_common([host.pool for host in hosts]),
        price=_sum([_share(pod, host) for pod, host in zip(there, hosts, strict=True)]),
        seen=bool(holding) and all(host.gpus for host in hosts),
        nodes=frozenset(
            pod.node
            for pod, host in zip(there, hosts, strict=True)
            if host.gpus and host.gpus == pod.gpus
        ),
    )


def placed(job: Job, place: Place) -> Job:
    """Return *job* with what its place tells, where that is more than it says already.

    A running job began when its pod did, if that was earlier. What an earlier pod was gives way.
    """
    moved = job.pod is not None and job.pod != place.pod

    def better(own: T | None, seen: T | None) -> T | None:
        return seen if seen is not None and (moved or own is None) else own

    gpus = place.gpus
    whole = int(gpus) if gpus is not None and gpus >= 1 and gpus == int(gpus) else None
    return msgspec.structs.replace(
        job,
        namespace=job.namespace or place.namespace,
        pod=place.pod,
        gpu_model=better(job.gpu_model, place.gpu_model),
        instance_type=better(job.instance_type, place.instance_type),
        pool=better(job.pool, place.pool),
        gpus=better(job.gpus, whole),
        started_at=_began(job, place),
    )


def _began(job: Job, place: Place) -> float | None:
    own, seen = job.started_at, place.started
    if job.status is not JobStatus.RUNNING or seen is None:
        return own
    return seen if own is None else min(own, seen)


def _share(pod: Pod, host: Node) -> Decimal | None:
    """Return what a pod's GPUs cost an hour, as a share of its node."""
    if pod.gpus is None or host.price is None or not host.gpus:
        return None
    # Of the text that was published: the nearest binary number is another one.
    price = Decimal(repr(host.price))
    return price * Decimal(repr(pod.gpus)) / Decimal(repr(host.gpus))


N = TypeVar("N", float, Decimal)


def _sum(values: Sequence[N | None]) -> N | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    total = known[0]
    for value in known[1:]:
        total += value
    return total


def _common(values: Sequence[str | None]) -> str | None:
    return values[0] if len(set(values)) == 1 else None
