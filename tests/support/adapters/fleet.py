"""A small fleet with one of everything that adapters may get wrong, in our exporters' words.

node   state               GPUs       held  by
a      Ready               8          7     train (4), web (2), going (1, being deleted)
b      Ready, cordoned     8          1     notebook
c      unreachable         8          2     lost
d      Ready               4          1     nightly (its images are pulled)
e      Ready, NoExecute    8          0
f      Ready, pool's taint 8, 7 well  4     prepared (2, its init container 4)
cpu    Ready               0
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.support.objects import (
    GPU,
    Object,
    at,
    condition,
    container,
    containers_in,
    node,
    node_condition,
    owned,
    owner,
    pod,
    reference,
    scheduled,
    taint,
)
from tests.support.scrape import Relay

H100 = {
    "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    "gpuscope.io/pool": "training",
    "node.kubernetes.io/instance-type": "p5.48xlarge",
    "topology.kubernetes.io/zone": "eu-1a",
    "topology.kubernetes.io/region": "eu-1",
}
A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}


def _running(minute: int) -> Object:
    return scheduled(at(minute - 1)) | containers_in({"running": {"startedAt": at(minute)}})


def _ended(minutes: int, code: int) -> Object:
    """Return the status of a pod that ended so many minutes ago: of older ones nothing is told."""
    ago = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)
    ended = {"startedAt": at(5), "finishedAt": ago.isoformat(), "exitCode": code}
    return scheduled(at(4)) | containers_in({"terminated": ended})


_OF_WEB = owned(reference("ReplicaSet", "web-7f9"))
_FULL = "0/7 nodes are available: 7 Insufficient nvidia.com/gpu."
_WIDE = {"initContainers": [container(4) | {"name": "prepare"}]}

OBJECTS: tuple[Object, ...] = (
    node("a", labels=H100, creationTimestamp=at(1), provider_id="aws:///eu-1a/i-0a"),
    node("b", labels=H100, cordoned=True, creationTimestamp=at(2)),
    node("c", labels=H100, ready="Unknown", creationTimestamp=at(3)),
    node("d", 4, labels=A100, creationTimestamp=at(4)),
    node("e", labels=H100, taints=[taint("maintenance", "NoExecute")]),
    node("f", labels=H100, taints=[taint(GPU)], allocatable=7,
         conditions=[node_condition("MemoryPressure")]),
    node("cpu", None),
    owner("ReplicaSet", "web-7f9", reference("Deployment", "web")),
    owner("Job", "train"),
    owner("Job", "nightly-1", reference("CronJob", "nightly")),
    pod("train", 4, node="a", status=_running(10), **owned(reference("Job", "train"))),
    pod("web", 2, node="a", status=_running(11), **_OF_WEB),
    pod("going", 1, node="a", status=_running(12), deletionTimestamp=at(50)),
    pod("notebook", 1, node="b", status=_running(13), namespace="research"),
    pod("lost", 2, node="c", status=_running(14)),
    pod("nightly", 1, node="d", phase="Pending", status=scheduled(at(20)),
        **owned(reference("Job", "nightly-1"))),
    pod("prepared", 2, node="f", status=_running(15), spec=_WIDE),
    pod("queued", 8, node="", phase="Pending", status=condition("Unschedulable", _FULL)),
    pod("new", 2, node="", phase="Pending"),
    pod("done", 8, node="a", phase="Succeeded", status=_ended(16, 0)),
    pod("failed", 4, node="a", phase="Failed", status=_ended(17, 1)),
    pod("orphan", 1, node="gone", status=_running(18)),
    pod("plain", None, node="a", status=_running(19)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU: its node, index and model, percent that it is busy, MiB in use, and who holds it."""

    node: str
    gpu: int
    model: str
    busy: int
    used: int
    namespace: str = ""
    pod: str = ""

    @property
    def uuid(self) -> str:
        """Its UUID."""
        return f"GPU-{self.node}-{self.gpu}"


def _devices() -> tuple[Device, ...]:
    h100, a100 = "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-40GB"
    held = [*["train"] * 4, *["web"] * 2, "going"]
    return (
        *(Device("a", n, h100, 90 - n, 40_000, "ml", pod) for n, pod in enumerate(held)),
        Device("a", 7, h100, 0, 0),
        Device("b", 0, h100, 51, 9000, "research", "notebook"),
        *(Device("d", n, a100, 0, 3) for n in range(4)),
        *(Device("f", n, h100, 100, 70_000, "ml", "prepared") for n in range(4)),
        # Of a node that Kubernetes does not know.
        Device("stranger", 0, h100, 100, 70_000),
    )


DEVICES = _devices()
TOTAL_MIB, RESERVED_MIB = 81_559, 559


def ours() -> str:
    """Return what our exporters would say now; of the node exporters, what answers are made of."""
    relay = Relay()
    relay.now = time.time()
    lines = [*relay.put(*OBJECTS).scrape().lines]
    lines += [f"gpu_cluster_state_timestamp_seconds {time.time()}", "gpu_exporter_apiserver_up 1"]
    lines += [f'gpu_exporter_objects{{resource="nodes"}} {len(OBJECTS)}']
    for device in DEVICES:
        told = f'uuid="{device.uuid}",gpu="{device.gpu}",node="{device.node}"'
        lines += [
            f'gpu_info{{{told},model="{device.model}"}} 1',
            f"gpu_up{{{told}}} 1",
            f"gpu_utilization_ratio{{{told}}} {device.busy / 100}",
            f"gpu_memory_used_bytes{{{told}}} {device.used * 2**20}",
            f"gpu_memory_total_bytes{{{told}}} {TOTAL_MIB * 2**20}",
            f'gpu_temperature_celsius{{{told},sensor="gpu"}} {40 + device.gpu}',
            f"gpu_power_watts{{{told}}} {300 + device.gpu}",
        ]
    lines += [f'gpu_devices{{node="{name}"}} 1' for name in {it.node for it in DEVICES}]
    return "".join(f"{line}\n" for line in lines)
