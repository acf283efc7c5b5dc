"""One answer of every endpoint that answers JSON, for readers of its description."""

from queryapi.api.envelope import Enveloped, Success
from queryapi.services.alerts import AlertItem
from queryapi.services.clusters import ClusterItem, Clusters, State
from queryapi.services.health import ClusterHealth, DatabaseHealth, Liveness, Readiness
from queryapi.services.realtimeanswers import (
    AvailableResources,
    EventItem,
    GpuUsage,
    NodeItem,
    RunningTasks,
    Status,
    TaskItem,
)
from queryapi.services.vitals.answers import (
    HealthSummary,
    RealTimeMetrics,
    ServiceItem,
    Trend,
)

_NOW = "2025-12-19T15:30:00Z"

STATUS = Enveloped(
    Success(),
    Status(
        cluster="prod-cluster",
        timestamp=_NOW,
        current_gpu_usage=GpuUsage(
            total_gpus=80,
            allocated_gpus=64,
            utilized_gpus=56,
            allocation_rate=80.0,
            utilization_rate=75.5,
        ),
        running_tasks=32,
        available_resources=AvailableResources(
            available_gpus=16, available_nodes=4, max_contiguous_gpu=8
        ),
        alerts=(
            AlertItem(
                id="8d7f0a5e2b1c4d3e",
                severity="critical",
                type="GpuDeviceDown",
                message="GPU device down: gpu 3, node gpu-node-1",
                timestamp="2025-12-19T15:21:30Z",
                source="gpu-node-1",
            ),
        ),
        nodes=(
            NodeItem(
                node_name="gpu-node-1",
                status="Ready",
                total_gpus=8,
                allocated_gpus=6,
                utilization=78.3,
            ),
        ),
        recent_events=(
            EventItem(
                timestamp="2025-12-19T15:29:00Z",
                type="PodCreated",
                object="ml-team/training-job-1",
                message="Pod created with 4 GPUs",
            ),
        ),
    ),
)

RUNNING_TASKS = Enveloped(
    Success(),
    RunningTasks(
        cluster="prod-cluster",
        timestamp=_NOW,
        total_tasks=1,
        tasks=(
            TaskItem(
                pod_uid="abc-123-def-456",
                pod_name="training-job-1-worker-0",
                namespace="ml-team",
                workload_type="Job",
                workload_name="training-job-1",
                node_name="gpu-node-1",
                allocated_gpus=4,
                running_time_seconds=3600,
                started_at="2025-12-19T14:30:00Z",
                owner="job-abc-123",
            ),
        ),
    ),
)

CLUSTERS = Clusters(
    (
        ClusterItem(
            name="prod-cluster",
            default=True,
            health=State.HEALTHY,
            reason="Prometheus answers with current data",
            checked_at=_NOW,
            data_age_seconds=12.4,
        ),
        ClusterItem(
            name="lab",
            default=False,
            health=State.UNHEALTHY,
            reason="Prometheus cannot be asked: the connection failed",
            checked_at=_NOW,
            data_age_seconds=None,
        ),
    )
)

REAL_TIME_METRICS = RealTimeMetrics(
    events_per_second=12.5,
    events_per_hour=45000,
    api_calls_active=2,
    data_sources_active=("kubernetes", "nvml"),
    api_metrics=(
        ServiceItem(
            service="gpu-cluster",
            status="healthy",
            response_time_ms=45.2,
            events_per_second=0,
            events_per_hour=0,
            uptime_seconds=86400,
            error_count=0,
            error_rate=0.0,
            last_success="2025-12-19T15:29:58.123Z",
            is_fallback=False,
        ),
        ServiceItem(
            service="gpu-node",
            status="healthy",
            response_time_ms=120.5,
            events_per_second=12.5,
            events_per_hour=45000,
            uptime_seconds=3600,
            error_count=0,
            error_rate=0.0,
            last_success="2025-12-19T15:29:58.123Z",
            is_fallback=False,
            previous={"response_time_ms": 80.1, "events_per_second": 12.4},
            trend={"response_time_ms": Trend.UP, "events_per_second": Trend.LEVEL},
        ),
        ServiceItem(
            service="alertmanager",
            status="timeout",
            response_time_ms=0.0,
            events_per_second=0,
            events_per_hour=0,
            uptime_seconds=0,
            error_count=15,
            error_rate=25.0,
            last_success="2025-12-19T15:28:43.120Z",
            error_message="did not answer in time",
            is_fallback=True,
        ),
    ),
    inactive_apis=1,
    error_apis=0,
    total_apis=3,
    error_count=15,
    error_rate=8.3,
    health_summary=HealthSummary(healthy=2, unhealthy=1, total=3, health_percentage=66.7),
    timestamp="2025-12-19T15:29:58.123Z",
    compare="1h",
    previous={"events_per_second": 10.1},
    trend={"events_per_second": Trend.UP},
)

LIVENESS = Liveness(alive=True)

READINESS = Readiness(
    ready=True,
    clusters={
        "prod-cluster": ClusterHealth(ready=True, reason="answered 3 s ago"),
        "lab": ClusterHealth(
            ready=False, reason="Prometheus cannot be asked: the connection failed"
        ),
    },
    database=DatabaseHealth(ready=True, reason="did what it was last asked"),
)
