"""Who holds a device: series to join with, so that a device's own never change identity."""

from exporter.catalogue.family import DEVICE, Family

DEVICE_POD = Family(
    "gpu_device_pod_info",
    "A container that holds the device or one of its MIG instances; the value is always 1. Several "
    "share a device by time-slicing, MPS or DRA. Source: podresources, dra or process. What is not "
    "known is empty: uid without --kubernetes.api, all but uid of a process without it.",
    (
        *DEVICE,
        "gpu_instance",
        "namespace",
        "pod",
        "uid",
        "container",
        "resource",
        "replica",
        "claim",
        "source",
    ),
)
DEVICE_ALLOCATED = Family(
    "gpu_device_allocated",
    "1 when a pod holds the device or a MIG instance of it, else 0; absent while nobody can tell.",
    DEVICE,
)
DEVICE_JOB = Family(
    "gpu_device_job_info",
    "A batch job (Slurm) that the device or its MIG instance is given to; the value is always 1.",
    (*DEVICE, "gpu_instance", "job"),
)
DEVICE_OUTSIDE = Family(
    "gpu_device_outside_processes",
    "Processes that use the device or a MIG instance of it from outside of every pod.",
    DEVICE,
)
