"""What only the Kubernetes API knows of this node; the node role does well without."""

from typing import Protocol


class KnownPod(Protocol):
    """A pod of this node."""

    @property
    def namespace(self) -> str:
        """Where it is."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def uid(self) -> str:
        """Its UID."""

    @property
    def ended(self) -> bool:
        """Whether it has succeeded or failed, and holds nothing any more."""


class ClaimDevices(Protocol):
    """The devices that ResourceSlices offer."""

    def find(self, driver: str, pool: str, device: str) -> str | None:
        """Return the UUID that the driver publishes of a device; None when not known."""


class NodePods(Protocol):
    """The pods of this node."""

    def pod(self, namespace: str, name: str) -> KnownPod | None:
        """Return the pod of this name; None when there is none, or nobody knows."""

    def pod_of_uid(self, uid: str) -> KnownPod | None:
        """Return the pod of this UID; None when there is none, or nobody knows."""


class Known(ClaimDevices, NodePods, Protocol):
    """Both, to be looked up."""


class Knowledge(Known, Protocol):
    """Both, followed in the background."""

    def start(self) -> None:
        """Begin to follow."""

    def stop(self) -> None:
        """Follow no more."""

    def trouble(self) -> str | None:
        """Return why it is not known just now; None when it is."""


class Nothing:
    """Knows nothing: the exporter has no access to the API. A `Known`."""

    def find(self, driver: str, pool: str, device: str) -> str | None:  # noqa: ARG002
        """Return None: not known."""
        return None

    def pod(self, namespace: str, name: str) -> KnownPod | None:  # noqa: ARG002
        """Return None: not known."""
        return None

    def pod_of_uid(self, uid: str) -> KnownPod | None:  # noqa: ARG002
        """Return None: not known."""
        return None
