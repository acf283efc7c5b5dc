"""MIG instances; what a device as a whole does stands in its own series."""

from exporter.catalogue.family import DEVICE, INSTANCE, Family

MIG_MODE = Family(
    "gpu_mig_mode_enabled",
    "1 while the device is cut into MIG instances or can be, else 0; absent on one without MIG.",
    DEVICE,
)
MIG_MODE_PENDING = Family(
    "gpu_mig_mode_pending",
    "1 when MIG mode will be on after the next reset of the device, else 0.",
    DEVICE,
)
INSTANCE_INFO = Family(
    "gpu_instance_info",
    "Identity of a MIG compute instance, of which a GPU instance may have several; always 1.",
    (*INSTANCE, "compute_instance", "instance_uuid", "profile"),
)
INSTANCE_SLICES = Family(
    "gpu_instance_slices",
    "Slices of the device that the MIG GPU instance has, of the 7 there are.",
    INSTANCE,
)
INSTANCE_MULTIPROCESSORS = Family(
    "gpu_instance_multiprocessors",
    "Streaming multiprocessors (SM) of the MIG GPU instance's compute instances.",
    INSTANCE,
)
INSTANCE_MEMORY_TOTAL = Family(
    "gpu_instance_memory_total_bytes", "Memory of the MIG GPU instance, in bytes.", INSTANCE
)
INSTANCE_MEMORY_USED = Family(
    "gpu_instance_memory_used_bytes",
    "Memory of the MIG GPU instance that is allocated, in bytes.",
    INSTANCE,
)
INSTANCE_MEMORY_FREE = Family(
    "gpu_instance_memory_free_bytes",
    "Memory of the MIG GPU instance that can be allocated, in bytes.",
    INSTANCE,
)
