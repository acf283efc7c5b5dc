"""One answer of every endpoint of scheduler monitoring, for readers of its description."""

from queryapi.services.scheduling.answers import (
    Condition,
    Operation,
    OperationCounts,
    SchedulerMetrics,
    SchedulerStatus,
    SystemHealth,
    Worker,
    WorkerCounts,
)
from queryapi.services.scheduling.model import Stage

_UID = "5f2b8c1e-7d44-4a55-9a3e-0c1d2e3f4a5b"
_UPTIME = 3600

WORKER = Worker(
    id="gpu-node-1",
    platform_properties={
        "cpu_count": "96",
        "memory_kb": "1056964608",
        "cpu_arch": "x86_64",
        "OSFamily": "Linux",
        "gpu_count": "8",
        "gpu_model": "NVIDIA-H100-80GB-HBM3",
        "gpu_memory_mb": "81559",
        "gpu_free": "4",
        "driver_version": "570.86.15",
        "cuda_version": "12.8",
    },
    last_update_timestamp=1766158200,
    is_paused=False,
    is_draining=False,
    can_accept_work=True,
    running_operations=(_UID,),
    connected_timestamp=1766071800,
    actions_completed=42,
)
OPERATION = Operation(
    operation_id=_UID,
    client_operation_id="ml-team:training-job-1",
    stage=Stage.EXECUTING,
    worker_id="gpu-node-1",
    action_digest=f"sha256:{'3f' * 32}",
    command_digest=f"sha256:{'a1' * 32}",
    input_root_digest=f"sha256:{'5c' * 32}",
    priority=0,
    timeout=3600,
    platform_properties={"cpu_count": "16", "memory_kb": "134217728", "gpu_count": "4"},
    load_timestamp=1766150000,
    insert_timestamp=1766150000,
    is_finished=False,
)
STATUS = SchedulerStatus(
    total_workers=5,
    active_workers=4,
    paused_workers=1,
    draining_workers=0,
    total_operations=25,
    queued_operations=10,
    executing_operations=12,
    completed_operations=3,
    uptime_seconds=_UPTIME,
)
METRICS = SchedulerMetrics(WorkerCounts(5, 4, 1, 0), OperationCounts(25, 10, 12, 3), _UPTIME)
HEALTH = SystemHealth(Condition.HEALTHY, 1766158200, _UPTIME)
