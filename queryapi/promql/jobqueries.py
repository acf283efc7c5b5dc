"""The questions of jobs, as in `queries.py`: which GPU pods they are, what is measured there."""

from collections.abc import Collection

from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of

PERIOD = 45
"""Seconds: what was measured longer ago is not told, however long Prometheus goes on telling it."""

UTILIZATION = "DCGM_FI_DEV_GPU_UTIL"
MEMORY_USED = "DCGM_FI_DEV_FB_USED"
MEMORY_FREE = "DCGM_FI_DEV_FB_FREE"
TEMPERATURE = "DCGM_FI_DEV_GPU_TEMP"
POWER = "DCGM_FI_DEV_POWER_USAGE"

OWN_UTILIZATION = "gpu_utilization_ratio"
OWN_MEMORY_USED = "gpu_memory_used_bytes"
OWN_MEMORY_TOTAL = "gpu_memory_total_bytes"
OWN_TEMPERATURE = "gpu_temperature_celsius"
OWN_POWER = "gpu_power_watts"

HOLDER = "gpu_device_pod_info"
"""Which container holds a device, by the UUID that our own device series carry."""

JOB_UTILIZATION = "gpuscope_job_gpu_utilization_ratio"
JOB_MEMORY_USED = "gpuscope_job_gpu_memory_used_bytes"
JOB_MEMORY_TOTAL = "gpuscope_job_gpu_memory_total_bytes"
JOB_TEMPERATURE = "gpuscope_job_gpu_temperature_celsius"
JOB_POWER = "gpuscope_job_power_watts"

PRICE = "gpu_node_hourly_price"
CAPACITY = "gpu_node_capacity"
IDENTITY = "gpu_node_info"
ALLOCATED = "gpu_pod_allocated"
STARTED = "gpu_pod_start_timestamp_seconds"

_BY_POD = (UTILIZATION, MEMORY_USED, MEMORY_FREE, TEMPERATURE, POWER)
_BY_NODE = (OWN_UTILIZATION, OWN_MEMORY_USED, OWN_MEMORY_TOTAL, OWN_TEMPERATURE, OWN_POWER)
_BY_JOB = (JOB_UTILIZATION, JOB_MEMORY_USED, JOB_MEMORY_TOTAL, JOB_TEMPERATURE, JOB_POWER)


_TOLD_BY = (
    *("__name__", "namespace", "pod", "exported_namespace", "exported_pod"),
    *("UUID", "Hostname", "gpu", "GPU_I_ID", "node", "uuid", "gpu_instance", "uid"),
)


def pods(selection: Selection, names: Collection[str]) -> str:
    """Return the GPU pods that have one of *names*, as UID, as name or as topmost workload's."""
    found = " or ".join(
        selection.work("gpu_pod_info", one_of(label, *sorted(names)))
        for label in ("uid", "pod", "workload_name")
    )
    return f"max by(namespace,pod,uid,node,workload_name) ({found})"


def surroundings(selection: Selection, uids: Collection[str], nodes: Collection[str]) -> str:
    """Return what pods hold and since when, and what their nodes are and cost."""
    told = [selection.work(one_of("__name__", ALLOCATED, STARTED), one_of("uid", *sorted(uids)))]
    if nodes:
        about = one_of("__name__", IDENTITY, PRICE, CAPACITY)
        told.append(selection.hardware(about, one_of("node", *sorted(nodes))))
    return f"max by(__name__,uid,node,model,pool,instance_type,resource) ({' or '.join(told)})"


def readings(selection: Selection, names: Collection[str], nodes: Collection[str]) -> str:
    """Return what was measured of late of the devices of pods and of all those of *nodes*.

    dcgm-exporter says which pod has a device; ours says it apart. Where the exporter's own pod has
    won the labels, those of the pod that it tells of are called `exported_…`.
    """
    asked = one_of("__name__", *_BY_POD)
    told = [
        selection.hardware(asked, one_of("exported_pod", *sorted(names))),
        selection.hardware(asked, one_of("pod", *sorted(names)), Matcher("exported_pod", "=", "")),
    ]
    if nodes:
        gpu = one_of("sensor", "gpu", "")
        told.append(
            selection.hardware(one_of("__name__", *_BY_NODE), gpu, one_of("node", *sorted(nodes)))
        )
        told.append(selection.hardware(HOLDER, one_of("node", *sorted(nodes))))
    late = " or ".join(f"last_over_time({each}[{PERIOD}s])" for each in told)
    return f"max by({','.join(_TOLD_BY)}) ({late})"


def past(selection: Selection, job_id: str) -> str:
    """Return what the query API has told of the GPUs of a job."""
    told = selection.hardware(one_of("__name__", *_BY_JOB), Matcher("job_id", "=", job_id))
    return f"max by(__name__) ({told})"
