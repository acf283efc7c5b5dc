"""`gpuscope-api doctor` in this process, and a store that it can look at."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from queryapi.cli import main
from queryapi.commands import doctor
from queryapi.promql.series import SERIES, Source
from tests.support.answering import Answer, AnsweringServer

RULES = [series.name for series in SERIES if series.source is Source.RULES]
Found = list[tuple[Mapping[str, str], float]]
NOW = 1_800_000_000.0
JSON = {"Content-Type": "application/json"}


@dataclass
class Store:
    """What speaks Prometheus' API: all is well, but for what a test changes.

    `ages` are those of series by name, None = missing; `found` answers queries that hold a text.
    """

    ages: dict[str, float | None] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)
    rules: list[dict[str, str]] | None = field(
        default_factory=lambda: [{"name": name, "type": "recording"} for name in RULES]
    )
    build: bytes = b'{"status":"success","data":{"version":"2.99"}}'
    ahead: float = 0.0
    clock: Callable[[], float] = time.time

    def __call__(self, path: str, query: Mapping[str, str]) -> Answer:
        """Answer one GET."""
        if path == "/api/v1/status/buildinfo":
            return 200, JSON, self.build
        if path == "/api/v1/rules":
            return self._rules()
        now = self.clock() + self.ahead
        result = [
            {"metric": labels, "value": [now, str(value)]}
            for labels, value in self._vector(query["query"], now)
        ]
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return 200, JSON, json.dumps(body).encode()

    def _rules(self) -> Answer:
        if self.rules is None:
            return 404, {}, b"not here"
        body = {"status": "success", "data": {"groups": [{"rules": self.rules}]}}
        return 200, JSON, json.dumps(body).encode()

    def _vector(self, query: str, now: float) -> list[tuple[Mapping[str, str], float]]:
        for text, found in self.found.items():
            if text in query:
                return found
        if query == "vector(time())":
            return [({}, now)]
        if query.startswith("up{"):
            return [({"job": "gpu-node", "instance": "n1:9"}, 1.0)]
        if query.startswith("max(timestamp("):
            name = query.removeprefix("max(timestamp(").partition("{")[0]
            age = self.ages.get(name, 3.0)
            return [] if age is None else [({}, now - age)]
        if query.startswith("min("):
            return [({}, now - 5)]
        return []


@contextmanager
def configured(
    folder: Path, url: str, cluster: str = "prod-cluster", *, patience: float = 30.0, **more: Any
) -> Iterator[list[str]]:
    """Yield the arguments that look at *cluster* at *url*, with *patience* for each answer."""
    path = folder / "gpuscope.yml"
    section = {"name": cluster, "prometheus_url": url, **more}
    timeouts = {"connect": patience, "query": patience}
    path.write_text(json.dumps({"clusters": [section], "timeouts": timeouts}))
    yield ["doctor", "--config", str(path)]


def told(
    folder: Path, url: str, capsys: pytest.CaptureFixture[str], **more: Any
) -> tuple[int, list[str]]:
    """Return the exit status, and what is said below the cluster's line."""
    with configured(folder, url, **more) as arguments:
        status = main(arguments)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("cluster ")
    return status, [line.strip() for line in lines[1:]]


def problems(lines: list[str]) -> list[str]:
    """Return what is to be done."""
    return [line.removeprefix("problem").strip() for line in lines if line.startswith("problem ")]


def seen(
    store: Store, folder: Path, capsys: pytest.CaptureFixture[str], **more: Any
) -> tuple[int, list[str]]:
    """Return what is said of *store*, while both clocks stand still."""
    store.clock = lambda: NOW
    with pytest.MonkeyPatch.context() as patch, AnsweringServer(store) as server:
        patch.setattr(doctor, "time", SimpleNamespace(time=store.clock))
        return told(folder, server.url, capsys, **more)
