"""Asks `/api/jobs` over HTTP, as briefly as a test wants."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.stack import ROOT
from queryapi.settings.jobs import Providers
from tests.support.query_service import Service, body, running
from tests.support.stored import prepared

JOBS = "/api/jobs"
MEASURED = {
    "gpuUtilization": 87,
    "gpuMemoryUsed": 18000,
    "gpuMemoryTotal": 24000,
    "gpuTemperature": 72,
    "powerUsage": 350,
}


@contextmanager
def working(folder: Path, **settings: Any) -> Iterator[Service]:
    """Run the service with an empty database."""
    told = {"providers": Providers(default=2.5), **settings}
    with running(database_url=prepared(folder), **told) as service:
        yield service


def documented() -> Mapping[str, str]:
    """Return the document's reports as it shows them, by what they show."""
    text = (ROOT / "tests" / "samples" / "jobs_api.txt").read_text()
    heads = (block.split("\n", 1) for block in text.strip().split("\n\n"))
    return {head.rsplit("progress ", 1)[1]: told for head, told in heads}


def reported(service: Service, job: str, **told: Any) -> Any:
    """Report; returns what the worker is told."""
    answer = service.http.post(f"{JOBS}/{job}/progress", json=told)
    assert 200 == answer.status_code, answer.text
    return body(answer)


def read(service: Service, path: str) -> Any:
    """Return the body of what is there."""
    answer = service.get(f"{JOBS}{path}")
    assert 200 == answer.status_code, answer.text
    return body(answer)
