"""Which processes use a device."""

from exporter.catalogue.family import DEVICE, INSTANCE, Family

PROCESSES = Family(
    "gpu_processes",
    "Processes on the device, those on its MIG instances included, by what they use it for: "
    "compute, graphics, mps.",
    (*DEVICE, "type"),
)
INSTANCE_PROCESSES = Family(
    "gpu_instance_processes",
    "Processes on the MIG GPU instance, by what they use it for: compute, graphics, mps.",
    (*INSTANCE, "type"),
)
# The collectors of what follows run only when asked for: a series per process is many.
PROCESS_MEMORY = Family(
    "gpu_process_memory_bytes",
    "Device memory that the process has allocated, in bytes; the largest ones of each device.",
    (*INSTANCE, "pid", "process", "type"),
)
PROCESS_UTILIZATION = Family(
    "gpu_process_utilization_ratio",
    "Share of the last sampling period in which the process used an engine of the device (sm, "
    "memory, encoder, decoder), from 0 to 1; not told in MIG mode.",
    (*DEVICE, "pid", "process", "engine"),
)
PROCESSES_OMITTED = Family(
    "gpu_processes_omitted",
    "Processes on the device that have no series of their own because it has too many.",
    DEVICE,
)
ACCOUNTING_MODE = Family(
    "gpu_accounting_mode_enabled",
    "1 while the driver keeps account of processes, also of ended ones (nvidia-smi -am 1), else 0.",
    DEVICE,
)
ACCOUNTING_CAPACITY = Family(
    "gpu_accounting_capacity",
    "Processes the driver keeps account of, before it forgets the oldest.",
    DEVICE,
)
ACCOUNTING_PROCESSES = Family(
    "gpu_accounting_processes",
    "Processes the driver has kept account of, by state: running, ended.",
    (*DEVICE, "state"),
)
ACCOUNTING_START = Family(
    "gpu_accounting_start_timestamp_seconds",
    "When one of the newest ended processes began to use the device, in Unix time.",
    (*DEVICE, "pid"),
)
ACCOUNTING_TIME = Family(
    "gpu_accounting_time_seconds",
    "How long one of the newest ended processes had the device in use, in seconds.",
    (*DEVICE, "pid"),
)
ACCOUNTING_MEMORY = Family(
    "gpu_accounting_max_memory_bytes",
    "Most device memory that one of the newest ended processes had allocated, in bytes.",
    (*DEVICE, "pid"),
)
ACCOUNTING_UTILIZATION = Family(
    "gpu_accounting_utilization_ratio",
    "Share of its time in which one of the newest ended processes ran kernels (sm) or had device "
    "memory read or written (memory), from 0 to 1.",
    (*DEVICE, "pid", "engine"),
)
