"""The whole query service in this process, over a fake Prometheus and a clock that tests set."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from werkzeug.test import Client, TestResponse

from queryapi import app
from queryapi.access.principal import Scope
from queryapi.api.realtime import RealtimeApi
from queryapi.bus.bus import Bus
from queryapi.cache.grid import Grid
from queryapi.settings import Cluster, Settings, Timeouts
from tests.support.fake_prometheus import Clock, FakePrometheus
from tests.support.visits import visited
from tests.support.vitals import FakeExaminer

STATUS = "/api/v1/realtime/status?cluster=c"
TASKS = "/api/v1/realtime/running-tasks?cluster=c"
VITALS = "/api/v1/real-time-metrics"
OPENED = Grid.of("c", 24).start(1030.0)
"""A moment at which a window of the cluster c opens, at most 30 s after what the fake knows."""


def body(answer: TestResponse) -> Any:
    """Return an answer's decoded body."""
    return json.loads(answer.data)


class Visitor(Client):
    """Reads every answer to its end and closes it, as a server does."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """Send one request, from a loopback address unless told otherwise."""
        options.setdefault("buffered", True)
        options["environ_base"] = {"REMOTE_ADDR": "127.0.0.1", **options.get("environ_base", {})}
        return super().open(*args, **options)


@dataclass(frozen=True, slots=True)
class Service:
    """The service, what it asks and who looks for it, and what time it takes it to be."""

    prometheus: FakePrometheus
    clock: Clock
    http: Visitor
    application: app.Application
    examiner: FakeExaminer

    @property
    def realtime(self) -> RealtimeApi:
        """The real-time API without the gate."""
        return self.application.realtime

    def drain(self) -> None:
        """Tell the service that it ends soon."""
        self.application.drain()

    def get(self, path: str) -> TestResponse:
        """Send one GET."""
        return self.http.get(path)

    def get_as(self, scope: Scope, path: str) -> TestResponse:
        """Send one GET of a caller who sees *scope*, past the gate."""
        return Visitor(visited(self.application.flask, scope)).get(path)


@contextmanager
def running(
    *,
    patience: float = 30.0,
    clusters: tuple[str, ...] = ("c",),
    source: Literal["gpuscope", "nativelink"] = "gpuscope",
    bus: Bus | None = None,
    **settings: Any,
) -> Iterator[Service]:
    """Run the service for *clusters*, all of them told about by one fake Prometheus.

    It has a database only where *settings* name one.
    """
    prometheus, clock = FakePrometheus(), Clock(OPENED)
    examiner = FakeExaminer(clock)
    service = app.build(
        Settings(
            clusters=tuple(Cluster(name, "http://prometheus", source=source) for name in clusters),
            timeouts=Timeouts(query=max(5.0, patience), request=patience),
            **{"database_url": None, **settings},
        ),
        clock=clock,
        connect=lambda _cluster, _settings: prometheus,
        examiner=examiner,
        bus=bus,
    )
    try:
        yield Service(prometheus, clock, Visitor(service.wsgi), service, examiner)
    finally:
        prometheus.gate.set()
        examiner.gate.set()
        service.close()
