"""The same fleet in the words of kube-state-metrics, kube-scheduler and dcgm-exporter."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from tests.support.adapters.fleet import DEVICES, OBJECTS, RESERVED_MIB, TOTAL_MIB, Device
from tests.support.objects import GPU, Object

_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_STATUSES = ("true", "false", "unknown")


class Generation(Enum):
    """How old both are: dcgm-exporter up to 4.8 or since; kube-scheduler tells of pods, or not."""

    OLD = "old"
    NEW = "new"


def line(name: str, labels: Mapping[str, object], value: float = 1) -> str:
    """Return one sample."""
    written = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{written}}} {value}\n"


def kube_state_metrics(generation: Generation) -> str:
    """Return its page; with the new generation kube-scheduler's resources beside it."""
    lines: list[str] = []
    for it in OBJECTS:
        if it["kind"] == "Node":
            lines += _node(it)
        elif it["kind"] == "Pod":
            lines += _pod(it, generation)
        else:
            lines += _owners(it)
    return "".join(lines)


def dcgm_exporter(generation: Generation) -> str:
    """Return the pages of all dcgm-exporters together."""
    tell = _old if generation is Generation.OLD else _new
    return "".join(text for device in DEVICES for text in tell(device))


def _node(it: Object) -> Iterator[str]:
    who = {"node": it["metadata"]["name"]}
    spec, status = it["spec"], it["status"]
    yield line("kube_node_info", who | {"provider_id": spec.get("providerID", "")})
    yield line("kube_node_created", who, _epoch(it["metadata"]["creationTimestamp"]))
    named = {f"label_{_safe(key)}": text for key, text in it["metadata"]["labels"].items()}
    yield line("kube_node_labels", who | named)
    yield line("kube_node_spec_unschedulable", who, int(spec.get("unschedulable", False)))
    for one in spec["taints"]:
        yield line("kube_node_spec_taint", who | {"key": one["key"], "effect": one["effect"]})
    for kind, told in {one["type"]: one["status"] for one in status["conditions"]}.items():
        for each in _STATUSES:
            labels = who | {"condition": kind, "status": each}
            yield line("kube_node_status_condition", labels, int(told.lower() == each))
    for kind in ("capacity", "allocatable"):
        for resource, amount in status[kind].items():
            labels = who | {"resource": _safe(resource), "unit": "integer"}
            yield line(f"kube_node_status_{kind}", labels, float(amount))


def _pod(it: Object, generation: Generation) -> Iterator[str]:
    meta, spec, status = it["metadata"], it["spec"], it["status"]
    who = {"namespace": meta["namespace"], "pod": meta["name"], "uid": meta["uid"]}
    node = spec.get("nodeName", "")
    yield line("kube_pod_info", who | {"node": node, "priority_class": ""})
    yield line("kube_pod_created", who, _epoch(meta["creationTimestamp"]))
    if "deletionTimestamp" in meta:
        yield line("kube_pod_deletion_timestamp", who, _epoch(meta["deletionTimestamp"]))
    for phase in _PHASES:
        yield line("kube_pod_status_phase", who | {"phase": phase}, int(phase == status["phase"]))
    for one in meta.get("ownerReferences", [{"kind": "", "name": "", "controller": ""}]):
        yield line("kube_pod_owner", who | _owner(one))
    for one in status.get("conditions", ()):
        if one.get("reason") == "Unschedulable":
            yield line("kube_pod_status_unschedulable", who)
        elif one["status"] == "True":
            yield line("kube_pod_status_scheduled_time", who, _epoch(one["lastTransitionTime"]))
    yield from _containers(who, status)
    yield from _requests(who, node, it, generation)


def _containers(who: Mapping[str, object], status: Object) -> Iterator[str]:
    for one in status.get("containerStatuses", ()):
        labels = {**who, "container": one["name"]}
        yield line("kube_pod_container_status_restarts_total", labels, 0)
        for state, told in one["state"].items():
            yield line("kube_pod_container_status_running", labels, int(state == "running"))
            yield line("kube_pod_container_state_started", labels, _epoch(told["startedAt"]))
            if "finishedAt" in told:
                yield line("kube_pod_completion_time", who, _epoch(told["finishedAt"]))


def _requests(
    who: Mapping[str, object], node: str, it: Object, generation: Generation
) -> Iterator[str]:
    """Tell what a pod asks for: its containers, and as one number by who knows best."""
    spec = it["spec"]
    counted = {kind: [_gpus(one) for one in spec.get(kind, ())] for kind in _CONTAINERS}
    for kind, name in _CONTAINERS.items():
        # Without it, only kube-scheduler knows what init containers need.
        told = [] if generation is Generation.NEW and "init" in name else counted[kind]
        for number, gpus in enumerate(told):
            if gpus:
                labels = {**who, "node": node, "container": f"c{number}", **_NVIDIA}
                yield line(name, labels, gpus)
    effective = max(sum(counted["containers"]), *counted["initContainers"], 0)
    ended = it["status"]["phase"] in ("Succeeded", "Failed")
    if generation is Generation.NEW and effective and not ended:
        labels = {**who, "node": node, "resource": GPU, "priority": "0"}
        del labels["uid"]
        yield line("kube_pod_resource_request", labels, effective)


_CONTAINERS = {
    "containers": "kube_pod_container_resource_requests",
    "initContainers": "kube_pod_init_container_resource_requests",
}
_NVIDIA = {"resource": "nvidia_com_gpu", "unit": "integer"}


def _gpus(one: Object) -> int:
    return int(one["resources"]["requests"].get(GPU, 0))


def _owners(it: Object) -> Iterator[str]:
    kind = it["kind"].lower()
    label = "job_name" if kind == "job" else kind
    who = {"namespace": it["metadata"]["namespace"], label: it["metadata"]["name"]}
    none = [{"kind": "", "name": "", "controller": ""}]
    for one in it["metadata"].get("ownerReferences", none):
        yield line(f"kube_{kind}_owner", who | _owner(one))


def _owner(reference: Mapping[str, Any]) -> dict[str, str]:
    return {
        "owner_kind": reference["kind"],
        "owner_name": reference["name"],
        "owner_is_controller": str(reference["controller"]).lower(),
    }


def _labels(device: Device, host: str, driver: str) -> dict[str, object]:
    holder = {"container": "main", "namespace": device.namespace, "pod": device.pod}
    return {
        "gpu": device.gpu,
        "UUID": device.uuid,
        "pci_bus_id": f"00000000:{device.gpu + 16:X}:00.0",
        "device": f"nvidia{device.gpu}",
        "modelName": device.model,
        host: device.node,
        driver: "570.124.06",
        **(holder if device.pod else {}),
    }


def _old(device: Device) -> Iterator[str]:
    labels = _labels(device, "Hostname", "DCGM_FI_DRIVER_VERSION")
    free = TOTAL_MIB - RESERVED_MIB - device.used
    yield line("DCGM_FI_DEV_GPU_UTIL", labels, device.busy)
    yield line("DCGM_FI_DEV_FB_USED", labels, device.used)
    yield line("DCGM_FI_DEV_FB_FREE", labels, free)
    yield line("DCGM_FI_DEV_FB_RESERVED", labels, RESERVED_MIB)
    yield line("DCGM_FI_DEV_GPU_TEMP", labels, 40 + device.gpu)
    yield line("DCGM_FI_DEV_POWER_USAGE", labels, 300 + device.gpu)


def _new(device: Device) -> Iterator[str]:
    labels = _labels(device, "hostname", "DCGM_FI_SYSTEM_DRIVER_VERSION")
    yield line("DCGM_FI_DEV_GPU_UTIL_RATIO", labels, device.busy / 100)
    yield line("DCGM_FI_DEV_FB_USED_BYTES", labels, device.used * 2**20)
    yield line("DCGM_FI_DEV_FB_CAPACITY_BYTES", labels, TOTAL_MIB * 2**20)
    yield line("DCGM_FI_DEV_GPU_TEMP_CELSIUS", labels, 40 + device.gpu)
    yield line("DCGM_FI_DEV_BOARD_POWER_WATTS", labels, 300 + device.gpu)


def _safe(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
