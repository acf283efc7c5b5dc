"""The lease that replicas compete for: what it says, its JSON, and where it is kept.

Times in it are for people to read: nobody's clock is compared with another's. They stay text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from exporter.cluster.api.fetching import Fetcher, Place
from exporter.errors import MalformedObject, NotFound

# Where Kubernetes puts it into every pod that has a service account.
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_GROUP, _VERSION, _PLURAL = "coordination.k8s.io", "v1", "leases"


@dataclass(frozen=True, slots=True)
class Record:
    """Who leads, by the lease.

    Args:
        holder: The leader's identity; "" = nobody.
        duration: For how many seconds the others wait without a sign of life; 0 = unsaid.
        acquired: When the holder became leader, RFC 3339.
        renewed: Its latest sign of life, RFC 3339.
        transitions: How many times the leader has changed.
    """

    holder: str
    duration: int
    acquired: str
    renewed: str
    transitions: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was read; `content` is the whole object, which goes back with every change."""

    record: Record
    content: Mapping[str, Any]


class LeaseStore(Protocol):
    """Where one lease is kept; a change is refused unless made from the latest version."""

    def read(self) -> Lease | None:
        """Return the lease; None when there is none yet."""

    def create(self, record: Record) -> Lease:
        """Make the lease; Conflict when there is one."""

    def update(self, lease: Lease, record: Record) -> Lease:
        """Change the lease; Conflict when it is no longer the one that was read."""


class KubernetesLease:
    """A Lease object in a namespace of the cluster; a `LeaseStore`.

    Every method raises KubernetesError: Conflict when another was first, MalformedObject when the
    answer is no lease, ApiServerUnavailable when there is none.
    """

    def __init__(self, server: Fetcher, namespace: str, name: str) -> None:
        self._server = server
        self._all = Place(_GROUP, _VERSION, _PLURAL, namespace)
        self._own = replace(self._all, name=name)

    def read(self) -> Lease | None:
        """Return the lease; None when there is none yet."""
        try:
            return decode(self._server.fetch(self._own))
        except NotFound:
            return None

    def create(self, record: Record) -> Lease:
        """Make the lease."""
        body = {
            "apiVersion": f"{_GROUP}/{_VERSION}",
            "kind": "Lease",
            "metadata": {"name": self._own.name, "namespace": self._own.namespace},
            "spec": _spec(record),
        }
        return decode(self._server.fetch(self._all, method="POST", body=body))

    def update(self, lease: Lease, record: Record) -> Lease:
        """Change the lease; what others wrote into it stays."""
        body = {**lease.content, "spec": {**lease.content.get("spec", {}), **_spec(record)}}
        return decode(self._server.fetch(self._own, method="PUT", body=body))


def micro_time(now: float) -> str:
    """Return Unix time as Kubernetes writes a MicroTime: UTC, always six digits."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class _Spec(msgspec.Struct, gc=False, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class _LeaseWire(msgspec.Struct, gc=False):
    spec: _Spec = msgspec.field(default_factory=_Spec)


def decode(body: bytes) -> Lease:
    """Decode a Lease.

    Raises:
        MalformedObject: When it is none.
    """
    try:
        content = msgspec.json.decode(body, type=dict[str, Any])
        spec = msgspec.convert(content, _LeaseWire).spec
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedObject(f"the lease cannot be read: {error}") from error
    record = Record(
        holder=spec.holder_identity or "",
        duration=spec.lease_duration_seconds or 0,
        acquired=spec.acquire_time or "",
        renewed=spec.renew_time or "",
        transitions=spec.lease_transitions or 0,
    )
    return Lease(record, content)


def _spec(record: Record) -> dict[str, Any]:
    return {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration,
        "acquireTime": record.acquired,
        "renewTime": record.renewed,
        "leaseTransitions": record.transitions,
    }


def own_namespace(file: Path = _NAMESPACE_FILE) -> str:
    """Return the namespace of the pod we run in; "default" outside of a cluster."""
    try:
        return file.read_text().strip() or "default"
    except OSError:
        return "default"
