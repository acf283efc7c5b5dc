"""A Prometheus made of lists, behind the query service's transport."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from queryapi.outbound.transport import Reply, Request, Stream
from tests.support import pool_series, scheduling_series

SCRAPED_AT = 990.25
EVALUATED_AT = 995.5

Series = dict[str, Any]


def series(name: str, value: float | str, **labels: str) -> Series:
    """Return one element of an instant vector, as Prometheus writes it."""
    return {"metric": {"__name__": name, **labels}, "value": [1000, str(value)]}


def vector(*found: Series, warnings: Sequence[str] = ()) -> bytes:
    """Return the body of a successful instant query."""
    data = {"resultType": "vector", "result": found}
    return json.dumps({"status": "success", "data": data, "warnings": warnings}).encode()


def matrix() -> bytes:
    """Return the body of a range query that finds nothing."""
    data: dict[str, object] = {"resultType": "matrix", "result": []}
    return json.dumps({"status": "success", "data": data}).encode()


def error(kind: str, words: str = "") -> bytes:
    """Return the body of a refused query."""
    return json.dumps({"status": "error", "errorType": kind, "error": words}).encode()


TOTALS = [
    series("cluster:gpu_capacity:sum", 16, cluster="c"),
    series("cluster:gpu_allocated:sum", 4, cluster="c"),
    series("cluster:gpu_free:sum", 12, cluster="c"),
    series("cluster:gpu_free_nodes:count", 2, cluster="c"),
    series("cluster:gpu_free_block:max", 8, cluster="c"),
    series("cluster:gpu_utilized:count", 3, cluster="c"),
    series("cluster:gpu_utilization_ratio:avg", 0.25, cluster="c"),
    series("cluster:gpu_running_tasks:count", 1, cluster="c"),
    series("cluster:gpu_snapshot_timestamp_seconds:max", SCRAPED_AT, cluster="c"),
]
STAMPS = [series("cluster:gpu_snapshot_timestamp_seconds:max", SCRAPED_AT, cluster="c")]
EVALUATION = [series("cluster:gpu_evaluation_timestamp_seconds:max", EVALUATED_AT, cluster="c")]
TASKS = [
    series("gpu_pod_info", 1, namespace="ml", pod="p", uid="u", node="n", owner="o"),
    series("gpu_pod_allocated", 4, namespace="ml", pod="p", uid="u", node="n"),
    series("gpu_pod_start_timestamp_seconds", 400, namespace="ml", pod="p", uid="u"),
]

# A word of each question, and the part that it asks for.
PARTS = {
    **pool_series.PARTS,
    **scheduling_series.PARTS,
    "cluster:gpu_evaluation": "evaluation",
    "cluster:gpu_snapshot": "stamps",
    "cluster:gpu_capacity": "hardware",
    "cluster:gpu_": "totals",
    "node:gpu_allocated": "nodes",
    "node:gpu_capacity": "machines",
    "gpuscope_told": "compared",
    "worker_connected_count": "instruments",
    "label_replace": "holdings",
    "gpu_pod_info": "tasks",
    "ALERTS": "alerts",
    "gpu_event_": "events",
    "vector(1)": "probe",
}


class WholeReplies(ABC):
    """A transport that has every answer at once, and streams it in pieces all the same."""

    @abstractmethod
    def exchange(self, request: Request, deadline: float) -> Reply:
        """Answer."""

    @contextmanager
    def stream(self, request: Request, deadline: float) -> Iterator[Stream]:
        """Answer in pieces of 100 bytes."""
        reply = self.exchange(request, deadline)
        body = reply.body
        yield Stream(reply.status, (body[at : at + 100] for at in range(0, len(body), 100)))


class FakePrometheus(WholeReplies):
    """A transport that answers from `found`, part by part.

    `broken` holds what a part answers instead: an error to raise, or a reply. While `gate` is
    closed every answer waits. `asked` tells what was asked, in
    order, `queries` in which words, `headers` what came with it. `tells` says which series a query
    finds of its part: all of them, unless a test knows better.
    """

    def __init__(self) -> None:
        self.found: dict[str, list[Series]] = {
            "evaluation": EVALUATION,
            "stamps": STAMPS,
            "totals": TOTALS,
            "hardware": TOTALS,
            "tasks": TASKS,
            **scheduling_series.small(SCRAPED_AT),
            **pool_series.small(),
        }
        self.broken: dict[str, Exception | Reply] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[tuple[str, str]] = []
        self.queries: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.closed = False
        self.tells: Callable[[str, Series], bool] = lambda _query, _series: True

    def exchange(self, request: Request, deadline: float) -> Reply:
        """Answer the question's part."""
        form = request.form or {}
        part = next((part for word, part in PARTS.items() if word in form["query"]), "another")
        self.asked.append((part, form.get("time", form.get("end", ""))))
        self.queries.append(form["query"])
        self.headers.append(request.headers)
        assert self.gate.wait(timeout=30), "a test left the gate closed"
        broken = self.broken.get(part)
        if isinstance(broken, Exception):
            raise broken
        found = [it for it in self.found.get(part, []) if self.tells(form["query"], it)]
        return broken or Reply(200, matrix() if "start" in form else vector(*found))

    def count(self, part: str) -> int:
        """Return how often a part was asked for."""
        return sum(1 for asked, _ in self.asked if asked == part)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time that was set."""
        return self.now
