"""Job progress."""

from http import HTTPStatus
from typing import get_args

from queryapi.access.policy import Permission
from queryapi.api import jobexamples as examples
from queryapi.api.bounds import PERIOD
from queryapi.api.endpoints.endpoint import (
    GUARDED_PROBLEMS,
    READ_PROBLEMS,
    Endpoint,
    Parameter,
)
from queryapi.api.jobwanted import CompletionSent, JobSent, ReportSent
from queryapi.services.jobs.answers import (
    Completed,
    Created,
    JobItem,
    JobsTold,
    LogsTold,
    MetricsTold,
    Monitor,
    Told,
)
from queryapi.services.jobs.bounds import MOST_SECONDS, MOST_SECONDS_STEPPED
from queryapi.settings import Api
from queryapi.storage.jobrecords import JobStatus, Level

PATH = "/api/jobs"
LIMIT, MOST = 100, 1000
TIME_RANGE = 60
NUMBER = "[0-9]{1,18}"

_ONE = f"{PATH}/{{job_id}}"
_JOB = Parameter("job_id", "Its id.", required=True, example=examples.ID)
_LIMIT = Parameter(
    "limit",
    f"The most to return; {LIMIT} without it.",
    count=True,
    least=1,
    most=MOST,
    example="50",
)
_WRITE_PROBLEMS = (HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
_REPORT_PROBLEMS = tuple(sorted({*READ_PROBLEMS, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}))

JOBS: tuple[Endpoint, ...] = (
    Endpoint(
        "POST",
        f"{_ONE}/progress",
        Api.JOBS,
        Permission.REPORT,
        "A worker's report; the first of a job creates it. Answered when it is stored.",
        Told,
        (_JOB,),
        _REPORT_PROBLEMS,
        example=examples.TOLD,
        takes=ReportSent,
        taken=examples.REPORT,
        counted_by="job_id",
    ),
    Endpoint(
        "POST",
        f"{_ONE}/complete",
        Api.JOBS,
        Permission.REPORT,
        "Ends a job; said again, it adds what was not said before.",
        Completed,
        (_JOB,),
        tuple(sorted({*READ_PROBLEMS, *_WRITE_PROBLEMS})),
        example=examples.COMPLETED,
        takes=CompletionSent,
        taken=examples.COMPLETION,
        counted_by="job_id",
    ),
    Endpoint(
        "GET",
        f"{_ONE}/monitor",
        Api.JOBS,
        Permission.READ,
        "All that a page about a job begins with.",
        Monitor,
        (_JOB,),
        READ_PROBLEMS,
        example=examples.MONITOR,
    ),
    Endpoint(
        "GET",
        f"{_ONE}/metrics",
        Api.JOBS,
        Permission.READ,
        "What was measured of a job of late, oldest first.",
        MetricsTold,
        (
            _JOB,
            Parameter(
                "timeRange",
                f"Seconds to look back, at most {MOST_SECONDS} without `step`; {TIME_RANGE}"
                " without it.",
                count=True,
                least=1,
                most=MOST_SECONDS_STEPPED,
                example="60",
            ),
            Parameter(
                "step",
                "Tells averages, least and most of spans of time, such as 60s or 5m.",
                pattern=PERIOD,
                example="5s",
            ),
        ),
        READ_PROBLEMS,
        example=examples.METRICS,
    ),
    Endpoint(
        "GET",
        f"{_ONE}/logs",
        Api.JOBS,
        Permission.READ,
        "What a job has logged: pages counted from the newest, each oldest first.",
        LogsTold,
        (
            _JOB,
            Parameter(
                "level", "Only of this one.", words=get_args(Level), closed=True, example="info"
            ),
            _LIMIT,
            Parameter(
                "offset",
                "How many of the newest to pass over.",
                count=True,
                most=999_999_999,
                example="0",
            ),
            Parameter(
                "before",
                "What `next` said: only older lines, however many have come since.",
                pattern=NUMBER,
                example="8001",
            ),
            Parameter("search", "Only lines that hold this text, whatever its case."),
            Parameter(
                "format",
                "text: all lines as a file, limit and offset are ignored.",
                words=("json", "text"),
                closed=True,
                example="json",
            ),
        ),
        READ_PROBLEMS,
        example=examples.LOG_PAGE,
        other_media=("text/plain",),
    ),
    Endpoint(
        "GET",
        PATH,
        Api.JOBS,
        Permission.READ,
        "Jobs, newest first.",
        JobsTold,
        (
            Parameter(
                "status",
                "Only of this one.",
                words=tuple(JobStatus),
                closed=True,
                example="RUNNING",
            ),
            _LIMIT,
            Parameter(
                "before", "What `next` said: only older jobs.", pattern=NUMBER, example="1000"
            ),
        ),
        GUARDED_PROBLEMS,
        example=examples.JOBS,
    ),
    Endpoint(
        "POST",
        PATH,
        Api.JOBS,
        Permission.REPORT,
        "Creates a job before its worker reports.",
        Created,
        (),
        tuple(sorted({*READ_PROBLEMS, *_WRITE_PROBLEMS})),
        example=examples.CREATED,
        takes=JobSent,
        taken=examples.NEW,
        success=HTTPStatus.CREATED,
        tells=("Location",),
    ),
    Endpoint(
        "GET",
        _ONE,
        Api.JOBS,
        Permission.READ,
        "One job.",
        JobItem,
        (_JOB,),
        READ_PROBLEMS,
        example=examples.JOB,
    ),
)
