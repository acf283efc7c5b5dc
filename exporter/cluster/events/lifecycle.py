"""What of a pod or a node its life is told by, and how far a pod has come in it."""

from typing import Protocol

_RAN = frozenset({"Running", "Unknown", "Succeeded"})
_ENDED = frozenset({"Succeeded", "Failed"})


class PodRecord(Protocol):
    """A pod; times in Unix seconds, None where nobody tells."""

    @property
    def uid(self) -> str:
        """Its UID."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def node(self) -> str:
        """The node it is bound to; empty before."""

    @property
    def phase(self) -> str:
        """Pending, Running, Succeeded, Failed or Unknown."""

    @property
    def reason(self) -> str:
        """Why it failed, as a word; empty when nobody says."""

    @property
    def created(self) -> float | None:
        """When it was created."""

    @property
    def scheduled(self) -> float | None:
        """When a node was chosen."""

    @property
    def started(self) -> float | None:
        """When its first container ran; before one does, perhaps when the kubelet took the pod."""

    @property
    def finished(self) -> float | None:
        """When its last container ended."""


class NodeRecord(Protocol):
    """A node; times in Unix seconds, None where nobody tells."""

    @property
    def uid(self) -> str:
        """Its UID."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def created(self) -> float | None:
        """When it joined."""

    @property
    def ready(self) -> bool:
        """Whether it is Ready."""

    @property
    def ready_since(self) -> float | None:
        """Since when it is Ready."""

    @property
    def cordoned(self) -> bool:
        """Whether it is marked unschedulable."""

    @property
    def obstacle(self) -> str | None:
        """Why it takes no new GPU pod, as a bounded word."""


def ended(pod: PodRecord) -> bool:
    """Return whether the pod is over: its containers will not run again."""
    return pod.phase in _ENDED


def has_run(pod: PodRecord) -> bool:
    """Return whether a container of the pod is known to have run.

    A failed pod may have been turned away before; `started` does not tell, as the kubelet's taking
    the pod may stand in for it. Unknown counts as Running: the node was lost, nothing started anew.
    """
    return pod.phase in _RAN
