"""One answer of every endpoint of jobs, and what is sent, for readers."""

from queryapi.api.jobwanted import CompletionSent, JobSent, LineSent, MeasuredSent, ReportSent
from queryapi.services.jobs.answers import (
    Completed,
    Created,
    Ending,
    JobItem,
    JobLog,
    JobMetric,
    JobMetrics,
    JobsTold,
    LogsTold,
    MetricRow,
    MetricsTold,
    Monitor,
    Provider,
    Told,
    User,
)
from queryapi.storage.jobrecords import JobStatus

ID = "job-42"
_WORKER = "your_worker_id"
_OPERATION = "Training epoch 5/10"
_CREATED, _TIME = "2026-06-10T14:00:00.000Z", "2026-06-10T14:30:00.000Z"

JOB = JobItem(
    id=ID,
    status=JobStatus.RUNNING,
    progress=45,
    current_operation=_OPERATION,
    estimated_cost=0,
    actual_cost=None,
    created_at=_CREATED,
    started_at=_CREATED,
    completed_at=None,
    provider=Provider(_WORKER, _WORKER, "NVIDIA H100", 2.5),
    user=User(None, None),
    liveness="LIVE",
    last_report_at=_TIME,
    attempt=1,
    cluster="prod-cluster",
    namespace="ml-team",
    gpus=1,
    cost_exact="1.25",
    currency="QUBIC",
)
METRIC = JobMetric("7", ID, _TIME, 87, 18000, 24000, 72, 350)
LOGS = (
    JobLog("8000", ID, _TIME, "info", "Epoch 5/10 completed"),
    JobLog("8001", ID, _TIME, "warning", "GPU temperature high: 82°C"),
)
REPORT = ReportSent(
    worker_id=_WORKER,
    progress=45,
    current_operation=_OPERATION,
    metrics=MeasuredSent(87, 18000, 24000, 72, 350),
    log_lines=(
        LineSent("Epoch 5/10 completed", "info"),
        LineSent("GPU temperature high: 82°C", "warning"),
    ),
)
TOLD = Told(
    success=True,
    time_remaining=2200.0,
    time_remaining_recent=2150.5,
    cost_so_far=1.25,
    cost_exact="1.25",
    seq=8,
)
MONITOR = Monitor(
    success=True,
    job=JOB,
    metrics=JobMetrics(METRIC, (METRIC,)),
    logs=LOGS,
    seq=8,
    epoch="42-1781100000000",
    time_remaining=2200.0,
    time_remaining_recent=2150.5,
    cost_so_far=1.25,
    cost_exact="1.25",
)
METRICS = MetricsTold(
    success=True,
    metrics=(MetricRow("7", ID, _TIME, 87, 18000, 24000, 72, 350),),
    time_range=60,
)
LOG_PAGE = LogsTold(success=True, logs=LOGS, total=2, limit=100, offset=0, next=None)
JOBS = JobsTold(success=True, jobs=(JOB,), next=None)
NEW = JobSent(worker_id=_WORKER, gpu_model="NVIDIA H100", gpus=1, estimated_cost=12.5)
CREATED = Created(
    success=True,
    job=JobItem(
        id="job-43",
        status=JobStatus.ASSIGNED,
        progress=0,
        current_operation=None,
        estimated_cost=12.5,
        actual_cost=None,
        created_at=_TIME,
        started_at=None,
        completed_at=None,
        provider=Provider(_WORKER, _WORKER, "NVIDIA H100", 2.5),
        user=User(None, None),
        liveness=None,
        last_report_at=None,
        attempt=1,
        cluster="prod-cluster",
        namespace=None,
        gpus=1,
        cost_exact=None,
        currency="QUBIC",
    ),
)
COMPLETION = CompletionSent(status="completed", worker_id=_WORKER, result={"accuracy": 0.985})
COMPLETED = Completed(success=True, job=Ending(ID, JobStatus.COMPLETED, _TIME, 1.25, 1800.0))
