"""What exporters tell of a scheduler: one worker and one operation, those of the examples."""

from typing import Any

Series = dict[str, Any]

NODE, NAMESPACE, POD = "gpu-node-1", "ml-team", "training-job-1"
UID = "5f2b8c1e-7d44-4a55-9a3e-0c1d2e3f4a5b"

# A word of each question, and the part that it asks for; the first that fits.
PARTS = {
    "timestamp(gpu_cluster_state": "scrape",
    "(uid,phase) (last_over_time": "gonepods",
    "input_root_digest) (last_over_time": "gonetexts",
    "(__name__,uid) (last_over_time": "gonenumbers",
    "(uid,phase) (gpu_pod_state": "pods",
    "input_root_digest) (gpu_pod_info": "podtexts",
    "(__name__,uid) (": "podnumbers",
    "gpu_exporter_driver_up": "workers",
    "gpu_driver_info": "equipment",
    "gpu_node_completed": "completions",
}


def told(name: str, value: float | str, **labels: str) -> Series:
    """Return one element of an instant vector; a name of "" is none."""
    named = {"__name__": name} if name else {}
    return {"metric": {**named, **labels}, "value": [1000, str(value)]}


def scrape(at: float, known: float | None = None) -> list[Series]:
    """Return the moment of a scrape, and until when the exporter knew its cluster."""
    known = at if known is None else known
    return [told("", at, told="scraped", cluster="c"), told("", known, told="known", cluster="c")]


def pod(uid: str, phase: str, node: str = "") -> list[Series]:
    """Return what is told of a pod's state and node."""
    bound = [told("", 1, uid=uid, node=node)] if node else []
    return [told("", 1, uid=uid, phase=phase), *bound]


def texts(uid: str, namespace: str, name: str, **labels: str) -> Series:
    """Return what is fixed about a pod."""
    return told("", 1, uid=uid, namespace=namespace, pod=name, **labels)


def created(uid: str, at: float) -> Series:
    """Return when a pod was created."""
    return told("gpu_pod_created_timestamp_seconds", at, uid=uid)


def node(name: str, *, ready: bool = True) -> Series:
    """Return whether a node is ready."""
    return told("gpu_node_ready", int(ready), node=name)


def small(at: float) -> dict[str, list[Series]]:
    """Return the parts of the small scheduler, scraped at a time."""
    return {
        "scrape": scrape(at),
        "workers": [node(NODE)],
        "equipment": [
            told("gpu_node_allocatable_cpu_cores", 7.9, node=NODE),
            told("gpu_node_allocatable_memory_bytes", 16384 * 1024, node=NODE),
            told("gpu_node_info", 1, node=NODE, architecture="amd64", os="linux", model="H100"),
            told("gpu_node_created_timestamp_seconds", 100.9, node=NODE),
        ],
        "completions": [told("", 42, node=NODE)],
        "pods": pod(UID, "Running", NODE),
        "podtexts": [
            texts(
                UID,
                NAMESPACE,
                POD,
                gpu_model="H100",
                active_deadline_seconds="3600",
                action_digest="sha256:a",
                command_digest="sha256:b",
                input_root_digest="sha256:c",
            )
        ],
        "podnumbers": [
            created(UID, 400.5),
            told("gpu_pod_requested", 4, uid=UID),
            told("gpu_pod_requested_cpu_cores", 3.5, uid=UID),
            told("gpu_pod_requested_memory_bytes", 8192 * 1024, uid=UID),
        ],
    }
