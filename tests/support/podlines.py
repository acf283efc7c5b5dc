"""One pod's JSON → its record, its workload and its lines, without a fleet around it."""

import msgspec

from exporter.cluster.objects import pods, wire, workload
from exporter.cluster.objects.pods import Pod
from exporter.cluster.objects.wire import OwnerReference
from exporter.cluster.objects.workload import Workload
from exporter.cluster.page import podsamples
from tests.support.objects import Object


def record(it: Object) -> Pod:
    """Return the record of a pod."""
    return pods.from_wire(wire.decode(msgspec.json.encode(it), wire.POD))


def owners(*objects: Object) -> dict[str, OwnerReference | None]:
    """Return what is known of these owners; pods are owners too."""
    known: dict[str, OwnerReference | None] = {}
    for it in objects:
        decoded = wire.decode(msgspec.json.encode(it), wire.OBJECT)
        known[decoded.metadata.uid] = workload.controller_of(decoded)
    return known


def workload_of(it: Object, *above: Object) -> Workload:
    """Return the workload of a pod whose owners are these, as far as they are known."""
    return workload.resolve(record(it), owners(*above))


def lines(
    it: Object, *above: Object, gpus: float = 1, node_known: bool = True, node_ready: bool = True
) -> list[str]:
    """Return all lines of a pod, sorted."""
    pod = record(it)
    told = podsamples.of_pod(
        pod,
        workload.resolve(pod, owners(*above)),
        gpus=gpus,
        node_known=node_known,
        node_ready=node_ready,
    )
    return sorted("".join(told.values()).splitlines())
