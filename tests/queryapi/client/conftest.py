"""A service that the helper of workers reports to, and no time lost."""

import random
from collections.abc import Iterator

import pytest

from queryapi import client
from tests.support.jobservice import JobService, job_service


@pytest.fixture(name="service")
def _service() -> Iterator[JobService]:
    with job_service() as service:
        yield service


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variables of this machine, and back-off without the waiting."""
    for name in ("GPUSCOPE_URL", "GPUSCOPE_TOKEN", "GPUSCOPE_TOKEN_FILE", "JOB_ID", "HOSTNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(client, "random", _Hasty())


class _Hasty(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * 0.02
