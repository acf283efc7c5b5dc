"""Pods and nodes as Prometheus tells of them, and where a job is."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Pod:
    """One GPU pod.

    Args:
        node: Empty while none is chosen.
        workload: The name of its topmost workload; empty = it has none.
        gpus: How many it holds; None = none, or nobody knows.
        started: When it began, in Unix seconds; None = it has not.
    """

    namespace: str
    name: str
    uid: str
    node: str = ""
    workload: str = ""
    gpus: float | None = None
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One node; None = nobody knows.

    Args:
        price: Of an hour, all of its GPUs together.
        gpus: How many it has.
    """

    model: str | None = None
    pool: str | None = None
    instance_type: str | None = None
    price: float | None = None
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job is.

    Args:
        pods: Those that hold GPUs, or the last one that did; of one namespace.
        gpus: How many they hold; None = nobody knows.
        started: When the first of them began.
        gpu_model: Of all of their nodes; None = nobody knows, or they are not alike.
        instance_type: The same.
        pool: The same.
        price: What their share of the nodes costs an hour; None = that is written nowhere.
        seen: Whether that is known: the pods hold GPUs, of nodes that are told of.
        nodes: Those whose GPUs they hold all.
    """

    pods: tuple[Pod, ...]
    gpus: float | None = None
    started: float | None = None
    gpu_model: str | None = None
    instance_type: str | None = None
    pool: str | None = None
    price: Decimal | None = None
    seen: bool = False
    nodes: frozenset[str] = frozenset()

    @property
    def namespace(self) -> str:
        """The namespace of its pods."""
        return self.pods[0].namespace

    @property
    def pod(self) -> str:
        """The name of its first pod."""
        return self.pods[0].name
