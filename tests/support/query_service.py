"""The whole query service in this process, over a fake Prometheus and a clock that tests set."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from queryapi import app
from queryapi.settings import Cluster, Settings, Timeouts
from tests.support.fake_prometheus import Clock, FakePrometheus

STATUS = "/api/v1/realtime/status?cluster=c"
TASKS = "/api/v1/realtime/running-tasks?cluster=c"


def body(answer: TestResponse) -> Any:
    """Return an answer's decoded body."""
    return json.loads(answer.data)


@dataclass(frozen=True, slots=True)
class Service:
    """The service, what it asks, and what time it takes it to be."""

    prometheus: FakePrometheus
    clock: Clock
    http: FlaskClient

    def get(self, path: str) -> TestResponse:
        """Send one GET."""
        return self.http.get(path)


@contextmanager
def running(*, patience: float = 30.0, clusters: tuple[str, ...] = ("c",)) -> Iterator[Service]:
    """Run the service for *clusters*, all of them told about by one fake Prometheus."""
    prometheus, clock = FakePrometheus(), Clock()
    settings = Settings(
        clusters=tuple(Cluster(name, "http://prometheus") for name in clusters),
        timeouts=Timeouts(request=patience),
    )
    service = app.build(settings, clock=clock, connect=lambda _cluster, _settings: prometheus)
    try:
        yield Service(prometheus, clock, service.wsgi.test_client())
    finally:
        prometheus.gate.set()
        service.close()
