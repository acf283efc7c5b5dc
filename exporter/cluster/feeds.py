"""What is followed of an API server, and how each resource reaches the fleet."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import msgspec

from exporter.cluster.devices import claims, slices
from exporter.cluster.devices import wire as devicewire
from exporter.cluster.events import kubeevents
from exporter.cluster.fleet import Fleet
from exporter.cluster.intake import Intake
from exporter.cluster.objects import nodes, pods, wire
from exporter.cluster.objects.wire import OwnerReference

Convert = Callable[[msgspec.Raw], Any]
"""Undecoded object → record; raises MalformedObject."""
Changes = tuple[Callable[[Any], None], Callable[[str], None], Callable[[Any], None]]
"""What takes in one record, forgets one object by its UID, and makes some records the only ones."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One resource that is followed, and how little of it is enough."""

    resource: str
    field_selector: str | None = None
    metadata_only: bool = False


# Ended pods too: left out by a selector they would go without a word about how they ended.
REQUIRED = (Watched("nodes"), Watched("pods"))
"""Without these nothing can be said about the cluster."""

_OWNER_KINDS = {
    "replicasets": ("apps", "ReplicaSet"),
    "deployments": ("apps", "Deployment"),
    "statefulsets": ("apps", "StatefulSet"),
    "daemonsets": ("apps", "DaemonSet"),
    "jobs": ("batch", "Job"),
    "cronjobs": ("batch", "CronJob"),
}
OWNERS = tuple(Watched(resource, metadata_only=True) for resource in _OWNER_KINDS)
"""Without these, workloads are named from the pods' own labels and references."""

DEVICES = (Watched("resourceslices"), Watched("resourceclaims"))
"""Dynamic resource allocation; clusters before Kubernetes 1.34 do not serve it in this version."""

EVENTS = (Watched("events", kubeevents.FIELD_SELECTOR),)
"""Without these, Kubernetes' own warnings are missing among the happenings."""

OPTIONAL = (*OWNERS, *DEVICES, *EVENTS)


def is_watched(owner: OwnerReference) -> bool:
    """Tell whether an owner is of a kind that is followed, so that it need not be asked for."""
    group = owner.api_version.rpartition("/")[0]
    return (group, owner.kind) in _OWNER_KINDS.values()


def intakes(fleet: Fleet, reading: nodes.Reading, lock: Lock) -> dict[str, Intake[Any]]:
    """Return what takes in each resource, by its plural name.

    Args:
        fleet: Where everything goes.
        reading: How nodes are read.
        lock: Held around each change.
    """
    warnings = fleet.warnings
    feeds: dict[str, tuple[Convert, Changes]] = {
        "nodes": (
            lambda raw: nodes.from_wire(wire.decode(raw, wire.NODE), reading),
            (fleet.put_node, fleet.drop_node, fleet.replace_nodes),
        ),
        "pods": (
            lambda raw: pods.from_wire(wire.decode(raw, wire.POD)),
            (fleet.put_pod, fleet.drop_pod, fleet.replace_pods),
        ),
        "resourceslices": (
            lambda raw: slices.from_wire(wire.decode(raw, devicewire.SLICE)),
            (fleet.put_slice, fleet.drop_slice, fleet.replace_slices),
        ),
        "resourceclaims": (
            lambda raw: claims.from_wire(wire.decode(raw, devicewire.CLAIM)),
            (fleet.put_claim, fleet.drop_claim, fleet.replace_claims),
        ),
        "events": (
            lambda raw: kubeevents.from_wire(wire.decode(raw, kubeevents.EVENT)),
            (warnings.put, warnings.drop, warnings.replace),
        ),
    }
    for kind in _OWNER_KINDS:
        put, drop, replace = (
            partial(change, kind)
            for change in (fleet.put_owner, fleet.drop_owner, fleet.replace_owners)
        )
        feeds[kind] = (lambda raw: wire.decode(raw, wire.OBJECT), (put, drop, replace))
    return {
        resource: Intake(resource, convert=convert, put=put, drop=drop, replace=replace, lock=lock)
        for resource, (convert, (put, drop, replace)) in feeds.items()
    }
