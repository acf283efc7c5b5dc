"""What Prometheus is told of a few GPU pods that are jobs, in its text format.

node-a (8 GPUs, 40 an hour): train-0 and train-1 of the Job `train` of team `ml`, 4 and 2 GPUs
node-b (4 GPUs, no price): solo, of team `ml`, all 4; measured by our exporter only
node-d (4 GPUs): half, of team `ml`, 2 of them; measured by our exporter, which says who has which
node-c (2 GPUs, free): twin, of `ml` and of `other`, 1 each
"""

STARTED = 1_766_150_000

_NODES = {"node-a": ("H100", "training", 8, 40), "node-b": ("A100", "", 4, None),
          "node-c": ("T4", "batch", 2, 0), "node-d": ("A100", "", 4, None)}  # fmt: skip
# uid: namespace, pod, node, workload, GPUs, seconds after STARTED; None = it holds none any more
_PODS = {
    "uid-0": ("ml", "train-0", "node-a", "train", 4, 60),
    "uid-1": ("ml", "train-1", "node-a", "train", 2, 0),
    "uid-old": ("ml", "train-old", "node-b", "train", None, -600),
    "uid-s": ("ml", "solo", "node-b", "", 4, 30),
    "uid-h": ("ml", "half", "node-d", "", 2, 30),
    "uid-t1": ("ml", "twin", "node-c", "", 1, 0),
    "uid-t2": ("other", "twin", "node-c", "", 1, 5),
}


def _line(name: str, value: float | None, **labels: str) -> str:
    written = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return "" if value is None else f"{name}{{{written}}} {value}\n"


def _node(name: str) -> str:
    model, pool, gpus, price = _NODES[name]
    return (
        _line("gpu_node_info", 1, node=name, model=model, pool=pool, instance_type="m.large")
        + _line("gpu_node_capacity", gpus, node=name, resource="nvidia.com/gpu")
        + _line("gpu_node_hourly_price", price, node=name)
    )


def _pod(uid: str) -> str:
    namespace, pod, node, workload, gpus, started = _PODS[uid]
    who = {"namespace": namespace, "pod": pod, "uid": uid}
    return (
        _line("gpu_pod_info", 1, **who, node=node, workload_name=workload)
        + _line("gpu_pod_allocated", gpus, **who, node=node)
        + _line("gpu_pod_start_timestamp_seconds", STARTED + started, **who)
    )


def _dcgm(gpu: int, busy: float, **whose: str) -> str:
    device = {"gpu": str(gpu), "UUID": f"GPU-{gpu}", "Hostname": "node-a", **whose}
    return (
        _line("DCGM_FI_DEV_GPU_UTIL", busy, **device)
        + _line("DCGM_FI_DEV_FB_USED", 1000, **device)
        + _line("DCGM_FI_DEV_FB_FREE", 3000, **device)
        + _line("DCGM_FI_DEV_GPU_TEMP", 50 + gpu, **device)
        + _line("DCGM_FI_DEV_POWER_USAGE", 300.5, **device)
    )


def _own(gpu: int, node: str) -> str:
    device = {"uuid": f"GPU-{node}-{gpu}", "gpu": str(gpu), "node": node}
    return (
        _line("gpu_utilization_ratio", 0.25 * gpu, **device)
        + _line("gpu_memory_used_bytes", 2**30, **device)
        + _line("gpu_memory_total_bytes", 2**32, **device)
        + _line("gpu_temperature_celsius", 60 + gpu, **device, sensor="gpu")
        + _line("gpu_temperature_celsius", 95, **device, sensor="memory")
        + _line("gpu_power_watts", 100, **device)
    )


def _held(gpu: int, pod: str) -> str:
    device = {"uuid": f"GPU-node-d-{gpu}", "gpu": str(gpu), "node": "node-d"}
    return _line("gpu_device_pod_info", 1, **device, namespace="ml", pod=pod, container="main")


def _told(job: str, busy: float) -> str:
    who = {"job_id": job, "namespace": "ml"}
    return (
        _line("gpuscope_job_gpu_utilization_ratio", busy, **who)
        + _line("gpuscope_job_gpu_memory_used_bytes", 2**30, **who)
        + _line("gpuscope_job_gpu_temperature_celsius", 70, **who)
    )


EXPOSITION = "".join(
    [
        *map(_node, _NODES),
        *map(_pod, _PODS),
        *(_dcgm(gpu, 10 * gpu, namespace="ml", pod="train-0") for gpu in range(4)),
        *(
            _dcgm(
                gpu,
                90,
                namespace="monitoring",
                pod="dcgm-exporter-x",
                exported_namespace="ml",
                exported_pod="train-1",
            )
            for gpu in (4, 5)
        ),
        *(_own(gpu, node) for node in ("node-b", "node-d") for gpu in range(4)),
        *(_held(gpu, "half" if gpu < 2 else "other") for gpu in range(4)),
        _told("solo", 0.5),
        _told("other", 0.75),
    ]
)
