"""Slices and claims as their JSON says them, and an inventory that is told of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from exporter.cluster.accounting import Account
from exporter.cluster.devices import claims, slices
from exporter.cluster.devices.inventory import Inventory, Touched
from exporter.cluster.devices.wire import CLAIM, SLICE
from exporter.cluster.objects import nodes, wire
from exporter.exposition import number
from tests.support.objects import Object, metadata, node

NVIDIA = "gpu.nvidia.com"
AMD = "gpu.amd.com"
MEMORY = "80Gi"


def device(
    name: str,
    kind: str | None = "gpu",
    *,
    memory: str | int | None = MEMORY,
    taint: str = "",
    capacity: Mapping[str, Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
    **members: Any,
) -> Object:
    """Return a device of a slice.

    Args:
        name: Its name.
        kind: Its attribute `type`.
        memory: Its device memory.
        taint: The effect of a taint on it.
        capacity: Further capacities.
        attributes: Further attributes that are texts or truths.
        **members: Further members.
    """
    said = ({} if kind is None else {"type": kind}) | dict(attributes or {})
    amounts = ({} if memory is None else {"memory": memory}) | dict(capacity or {})
    return {
        "name": name,
        "attributes": {
            key: {"bool": value} if isinstance(value, bool) else {"string": value}
            for key, value in said.items()
        },
        "capacity": {key: {"value": value} for key, value in amounts.items()},
        **({"taints": [{"key": "health", "effect": taint}]} if taint else {}),
        **members,
    }


def gpus(count: int) -> list[Object]:
    """Return whole GPUs: gpu-0, gpu-1, ..."""
    return [device(f"gpu-{index}", attributes=chip(index)) for index in range(count)]


def chip(index: int) -> Object:
    """Return the attributes by which a whole GPU of NVIDIA is known."""
    return {"uuid": f"GPU-{index}", "resource.kubernetes.io/pciBusID": f"0000:0{index}:00.0"}


def mig(index: int, profile: str, number: int = 0, **members: Any) -> Object:
    """Return a MIG device of the GPU of this index."""
    said = {"parentUUID": f"GPU-{index}", "profile": profile, **members.pop("attributes", {})}
    name = f"gpu-{index}-mig-{profile.replace('.', '').replace('+', '-')}-{number}"
    return device(name, "mig", memory="10Gi", attributes=said, **members)


def slice_(
    devices: Iterable[Object],
    *,
    node: str | None = "n1",
    name: str = "",
    driver: str = NVIDIA,
    pool: str = "",
    generation: int = 1,
    count: int = 1,
    **spec: Any,
) -> Object:
    """Return a ResourceSlice of a node's pool, which has the node's name unless given.

    Args:
        devices: Its devices.
        node: The node it is of; None for none.
        name: Its name, which makes its UID.
        driver: Its driver.
        pool: The name of its pool.
        generation: The generation of its pool.
        count: How many slices its pool has.
        **spec: Further members of `spec`.
    """
    pool = pool or node or "pool"
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": metadata(name or f"slice-{driver}-{pool}"),
        "spec": {
            "driver": driver,
            "pool": {"name": pool, "generation": generation, "resourceSliceCount": count},
            **({"nodeName": node} if node else {}),
            "devices": list(devices),
            **spec,
        },
    }


def result(device: str, *, pool: str = "n1", driver: str = NVIDIA, **members: Any) -> Object:
    """Return an allocated device."""
    return {"request": "gpu", "driver": driver, "pool": pool, "device": device, **members}


def request(device_class: str = NVIDIA, **members: Any) -> Object:
    """Return a request for devices."""
    return {"name": "gpu", "exactly": {"deviceClassName": device_class, **members}}


def claim(
    name: str,
    results: Sequence[Object | str] | None = None,
    *,
    pods: Iterable[str] = (),
    consumers: Iterable[Object] = (),
    requests: Iterable[Object] = (),
    node: str = "",
    uid: str = "",
    **members: Any,
) -> Object:
    """Return a ResourceClaim in namespace `ml`.

    Args:
        name: Its name.
        results: The devices it has (texts: of n1's pool of NVIDIA); None when not allocated.
        pods: Names of the pods that it is reserved for; their UIDs are `uid-NAME`.
        consumers: Whom it is reserved for besides.
        requests: What it asks for.
        node: The only node that its allocation allows.
        uid: Its UID.
        **members: Further members of `metadata`.
    """
    found = [result(it) if isinstance(it, str) else it for it in results or ()]
    reserved = [{"resource": "pods", "name": pod, "uid": f"uid-{pod}"} for pod in pods]
    allocation = {
        "devices": {"results": found},
        **({"nodeSelector": selector(node)} if node else {}),
    }
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": metadata(name, uid or f"uid-{name}", namespace="ml", **members),
        "spec": {"devices": {"requests": list(requests)}},
        "status": ({} if results is None else {"allocation": allocation})
        | {"reservedFor": [*reserved, *consumers]},
    }


def selector(*names: str) -> Object:
    """Return a node selector that allows these nodes."""
    field = {"key": "metadata.name", "operator": "In", "values": list(names)}
    return {"nodeSelectorTerms": [{"matchFields": [field]}]}


class Told:
    """An inventory, told of objects as an API server tells of them: as JSON.

    Args:
        *objects: What to tell it first.
        holding: Names of the pods that are bound and not terminal.
    """

    def __init__(self, *objects: Object, holding: Iterable[str] = ()) -> None:
        self.holding = {f"uid-{name}" for name in holding}
        self.inventory = Inventory(lambda uid: uid in self.holding)
        self.put(*objects)

    def put(self, *objects: Object) -> Touched:
        """Tell of new or changed objects."""
        touched = Touched()
        for it in objects:
            if it["kind"] == "ResourceSlice":
                touched |= self.inventory.put_slice(read_slice(it))
            else:
                touched |= self.inventory.put_claim(read_claim(it))
        return touched

    def drop(self, *objects: Object) -> Touched:
        """Tell that these objects are gone."""
        touched = Touched()
        for it in objects:
            uid = it["metadata"]["uid"]
            if it["kind"] == "ResourceSlice":
                touched |= self.inventory.drop_slice(uid)
            else:
                touched |= self.inventory.drop_claim(uid)
        return touched

    def accounts(self, name: str = "n1", **condition: Any) -> list[str]:
        """Return the accounts of a node, one line each; *condition* as of `objects.node`."""
        told = node(name, None, **condition)
        record = nodes.from_wire(wire.decode(msgspec.json.encode(told), wire.NODE))
        return [shown(account) for account in self.inventory.accounts(record)]

    def amounts(self, pod: str) -> dict[str, float]:
        """Return what a pod holds."""
        return self.inventory.amounts(f"uid-{pod}")


def read_slice(told: Object) -> slices.Slice:
    """Return the record of a ResourceSlice."""
    return slices.from_wire(wire.decode(msgspec.json.encode(told), SLICE))


def read_claim(told: Object) -> claims.Claim:
    """Return the record of a ResourceClaim."""
    return claims.from_wire(wire.decode(msgspec.json.encode(told), CLAIM))


def shown(account: Account) -> str:
    """Return an account as its identity says it: capacity = allocated + free + ..."""
    terms = [f"{number(account.allocated)} allocated", f"{number(account.free)} free"]
    terms += [f"{number(gpus)} {reason}" for reason, gpus in sorted(account.unavailable.items())]
    excess = f" - {number(account.overcommitted)} overcommitted" if account.overcommitted else ""
    offered = f" ({number(account.allocatable)} allocatable)"
    sums = f"{number(account.capacity)} = {' + '.join(terms)}{excess}"
    return f"{account.resource}: {sums}{offered}"
