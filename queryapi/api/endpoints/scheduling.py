"""Scheduler monitoring."""

from queryapi.access.policy import Permission
from queryapi.api import schedulingexamples as examples
from queryapi.api.endpoints.endpoint import READ_PROBLEMS, Endpoint, Parameter
from queryapi.services.scheduling.answers import (
    Operation,
    SchedulerMetrics,
    SchedulerStatus,
    SystemHealth,
    Worker,
)
from queryapi.settings import Api

_CLUSTER = Parameter(
    "cluster", "Name of the cluster; default: the service's own.", example="prod-cluster"
)

SCHEDULING: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/v1/workers",
        Api.MONITORING,
        Permission.READ,
        "The GPU nodes of a cluster, by name.",
        tuple[Worker, ...],
        (_CLUSTER,),
        READ_PROBLEMS,
        aged=True,
        example=(examples.WORKER,),
    ),
    Endpoint(
        "GET",
        "/api/v1/workers/{worker_id}",
        Api.MONITORING,
        Permission.READ,
        "One GPU node.",
        Worker,
        (
            Parameter("worker_id", "Its name.", required=True, rest=True, example="gpu-node-1"),
            _CLUSTER,
        ),
        READ_PROBLEMS,
        aged=True,
        example=examples.WORKER,
    ),
    Endpoint(
        "GET",
        "/api/v1/operations",
        Api.MONITORING,
        Permission.READ,
        "The GPU pods of a cluster: unfinished ones first, then the newest.",
        tuple[Operation, ...],
        (
            Parameter(
                "stage",
                "Only those of this stage, in any case.",
                words=("queued", "executing", "completed", "cache_check"),
                closed=True,
                example="queued",
            ),
            Parameter("worker_id", "Only those on this worker.", example="gpu-node-1"),
            Parameter("limit", "The most to return; 1000 without it.", count=True, example="100"),
            _CLUSTER,
        ),
        READ_PROBLEMS,
        aged=True,
        example=(examples.OPERATION,),
    ),
    Endpoint(
        "GET",
        "/api/v1/operations/{operation_id}",
        Api.MONITORING,
        Permission.READ,
        "One GPU pod.",
        Operation,
        (
            Parameter(
                "operation_id",
                "Its operation_id or client_operation_id; the newest of that name.",
                required=True,
                rest=True,
                example="ml-team:training-job-1",
            ),
            _CLUSTER,
        ),
        READ_PROBLEMS,
        aged=True,
        example=examples.OPERATION,
    ),
    Endpoint(
        "GET",
        "/api/v1/scheduler/status",
        Api.MONITORING,
        Permission.READ,
        "How many workers and operations there are.",
        SchedulerStatus,
        (_CLUSTER,),
        READ_PROBLEMS,
        aged=True,
        example=examples.STATUS,
    ),
    Endpoint(
        "GET",
        "/api/v1/scheduler/metrics",
        Api.MONITORING,
        Permission.READ,
        "The same numbers, by what they count.",
        SchedulerMetrics,
        (_CLUSTER,),
        READ_PROBLEMS,
        aged=True,
        example=examples.METRICS,
    ),
    Endpoint(
        "GET",
        "/api/v1/system/health",
        Api.MONITORING,
        Permission.READ,
        "Whether what is told of a cluster is current.",
        SystemHealth,
        (_CLUSTER,),
        READ_PROBLEMS,
        example=examples.HEALTH,
    ),
)
