"""Pods and nodes as the chronicle sees them: only what their lives are told by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PodLife:
    """One version of a pod."""

    uid: str
    namespace: str = "ml"
    name: str = "p1"
    node: str = ""
    phase: str = "Pending"
    reason: str = ""
    created: float | None = None
    scheduled: float | None = None
    started: float | None = None
    finished: float | None = None


@dataclass(frozen=True, slots=True)
class NodeLife:
    """One version of a node."""

    uid: str
    name: str = "n1"
    created: float | None = None
    ready: bool = True
    ready_since: float | None = None
    cordoned: bool = False
    obstacle: str | None = None
