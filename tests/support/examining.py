"""Somebody who looks at the services of a test's settings."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from queryapi.outbound.transport import Reply, Request, StreamingTransport
from queryapi.services.vitals.examining.examiner import Examiner
from queryapi.services.vitals.model import Finding, Round
from queryapi.settings import Settings
from queryapi.settings.checks import check
from queryapi.shared.store import Store
from queryapi.telemetry.metrics import Metrics
from queryapi.telemetry.traces import NoTracer
from queryapi.wiring.examiner import examiner_of
from queryapi.wiring.ground import Ground
from tests.support.fake_prometheus import Clock, Series, WholeReplies, vector

# Far more than anything here takes on a busy machine; what hangs in a test hangs longer.
PATIENT = 20.0


class ScriptedPrometheus(WholeReplies):
    """A transport that answers the question for targets from a list, others word by word.

    `found` answers what holds none of the words of `numbers`. While `gate` is closed every answer
    waits.
    """

    def __init__(
        self, *found: Series, numbers: dict[str, Sequence[Series] | Reply | Exception] | None = None
    ) -> None:
        self.found: Sequence[Series] | Reply | Exception = found
        self.numbers = numbers or {}
        self.gate = threading.Event()
        self.gate.set()
        self.queries: list[str] = []
        self.closed = False

    def exchange(self, request: Request, deadline: float) -> Reply:
        """Answer one query."""
        query = (request.form or {})["query"]
        self.queries.append(query)
        assert self.gate.wait(timeout=60), "a test left the gate closed"
        told = next((told for word, told in self.numbers.items() if word in query), self.found)
        if isinstance(told, Exception):
            raise told
        return told if isinstance(told, Reply) else Reply(200, vector(*told))

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


@dataclass(frozen=True, slots=True)
class _CountingGround(Ground):
    """Remembers how many threads were asked for."""

    threads: list[int] = field(default_factory=list)

    def executor(self, threads: int, name: str) -> ThreadPoolExecutor:
        """Return threads that end with the application."""
        self.threads.append(threads)
        return Ground.executor(self, threads, name)


@dataclass
class Look:
    """An examiner, its clock and its threads."""

    examiner: Examiner
    clock: Clock
    metrics: Metrics
    threads: list[int]

    def round(self) -> Round:
        """Take a round."""
        return self.examiner.examine()

    def findings(self) -> dict[str, Finding]:
        """Take a round; returns what was found by name."""
        return {finding.service: finding for finding in self.round().findings}

    def only(self) -> Finding:
        """Take a round over one service; returns what was found."""
        [finding] = self.round().findings
        return finding


@contextmanager
def looking(
    *services: dict[str, Any],
    clusters: Sequence[dict[str, Any]] = ({"name": "c", "prometheus_url": "http://prometheus"},),
    asked: Callable[[str], StreamingTransport] | None = None,
    store: Store | None = None,
    **how: Any,
) -> Iterator[Look]:
    """Look at *services*, without the stack's own parts unless `built_in` says so.

    Args:
        services: As in the settings.
        clusters: As in the settings.
        asked: Returns what stands for a cluster's Prometheus; default: one without series.
        store: What processes share.
        how: `real_time_metrics` of the settings.
    """
    metrics_settings = {"built_in": False, "deadline": 10.0, **how}
    given = {"clusters": clusters, "services": services, "real_time_metrics": metrics_settings}
    settings = check(msgspec.convert(given, Settings))
    clock = Clock()
    ground = _CountingGround(
        settings,
        clock,
        lambda cluster, _: (asked or (lambda _: ScriptedPrometheus()))(cluster.name),
        clock(),
        Metrics("0"),
        NoTracer(),
    )
    with ground.resources:
        made = examiner_of(ground, store)
        yield Look(made, clock, ground.metrics, ground.threads)
