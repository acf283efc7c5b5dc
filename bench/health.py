"""Real-time metrics under load while one of eight services hangs, beside what is promised.

    .venv/bin/python bench/health.py [--rate R …] [--seconds N]

A Prometheus and eight services with health URLs, one of which accepts connections and never says a
word. Hits are counted by the service's own metrics: what was ready when it was asked for.
"""

import argparse
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import api_parts
import promises
from figures import Figure
from machine import SHARED, machine
from spent import MEGA

from demo.processes import LOOPBACK, Process, wait_for

PATH = "/api/v1/real-time-metrics"
_SERVICES = 8
_COUNTED = f'gpuscope_api_ready_answers_total{{outcome="%s",route="{PATH}"}}'
_MIDDLE = Figure("p50", "ms", budgets=(promises.METRICS_CLAIM,), missed=SHARED)
_LATE = Figure("p95", "ms", budgets=(promises.METRICS_P95, promises.OWN_METRICS_P95), missed=SHARED)
_LATER = Figure(
    "p99", "ms", budgets=(promises.METRICS_P99, promises.OWN_METRICS_P99), missed=SHARED
)
_READY_SHARE = Figure(
    "answers that were ready when asked for",
    "%",
    budgets=(promises.METRICS_HITS, promises.OWN_METRICS_HITS),
)
_ANSWERED = Figure(
    "answers",
    "requests/s",
    beside="requests that were due",
    budgets=(promises.METRICS_LOAD,),
    missed=SHARED,
)
_MEMORY = Figure(
    "memory of the worker",
    "MB",
    budgets=(promises.METRICS_MEMORY, promises.METRICS_MEMORY_MOST),
    missed="the interpreter with all that answers five APIs is some 40 MB before the first "
    "request; what comes on top are threads and what is cached.",
)
_PEAK = Figure("memory of the worker, at its peak", "MB", budgets=(promises.API_MEMORY,))
FIGURES = (_MIDDLE, _LATE, _LATER, _READY_SHARE, _ANSWERED, _MEMORY, _PEAK)
OPTIONS = ("--seconds=30",)
_SETTLED_SECONDS = 30.0


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "healthy"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Who asked may have given up meanwhile.
        with suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        """Say nothing."""


@contextmanager
def _healthy() -> Iterator[int]:
    with ThreadingHTTPServer((LOOPBACK, 0), _Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def watching(
    folder: Path, settings: Mapping[str, Any] | None = None
) -> Iterator[tuple[Process, str]]:
    """Run the API with eight services to look at, one of which hangs; returns it and its URL."""
    with ExitStack() as cleanup:
        ports = [cleanup.enter_context(_healthy()) for _ in range(_SERVICES - 1)]
        # Nobody ever accepts: the kernel shakes hands, and that was that.
        hung = cleanup.enter_context(socket.create_server((LOOPBACK, 0), backlog=1024))
        ports.append(hung.getsockname()[1])
        services = [
            {"name": f"service-{number}", "health_url": f"http://{LOOPBACK}:{port}/health"}
            for number, port in enumerate(ports)
        ]
        prometheus = cleanup.enter_context(api_parts.prometheus(folder / "p", nodes=40, tasks=120))
        ours = {"services": services, "stream_listen": None, "database_url": None}
        given = {**ours, **(settings or {})}
        process, url = cleanup.enter_context(api_parts.service(folder / "a", prometheus, given))
        wait_for(lambda: _all_but_one(url), seconds=_SETTLED_SECONDS, what="seven of eight")
        yield process, url


def _all_but_one(url: str) -> bool:
    status, _, body = api_parts.get(url, PATH)
    # The bench's own words: whatever else is listed, these are.
    words = [f'"service":"service-{number}","status":"healthy"' for number in range(_SERVICES)]
    told = body.decode().replace('": "', '":"').replace('", "', '","')
    return status == 200 and sum(word in told for word in words) == _SERVICES - 1  # noqa: PLR2004


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"real-time metrics, one of {_SERVICES} services hung: on {machine()}")
    with tempfile.TemporaryDirectory() as name, watching(Path(name)) as (process, url):
        for rate in options.rate:
            before = _ready(url)
            load = api_parts.load(
                url,
                PATH,
                *(f"--rate={rate}", f"--seconds={options.seconds}"),
                f"--header=Authorization: Bearer {api_parts.TOKEN}",
            )
            after = _ready(url)
            _tell(
                rate,
                options.seconds,
                load,
                [now - was for now, was in zip(after, before, strict=True)],
            )
        memory = api_parts.memory(process)
        _MEMORY.tell("under load", memory.now / MEGA)
        _PEAK.tell("under load", memory.peak / MEGA)


def _tell(rate: int, seconds: float, load: dict[str, Any], counts: list[float]) -> None:
    ready, missed = counts
    case = f"{rate}/s for {seconds:g} s"
    for figure, name in ((_MIDDLE, "p50"), (_LATE, "p95"), (_LATER, "p99")):
        figure.tell(case, load[name])
    _READY_SHARE.tell(case, 100 * ready / (ready + missed) if ready + missed else 0.0)
    _ANSWERED.tell(case, load["statuses"].get("200", 0) / seconds, rate)


def _ready(url: str) -> list[float]:
    """Return how many answers were ready, and how many were not, so far."""
    # The service counts by the hundred, in a thread of its own.
    time.sleep(1.0)
    _, _, page = api_parts.get(url, "/metrics")
    rows = dict(
        row.rsplit(" ", 1) for row in page.decode().splitlines() if row and not row.startswith("#")
    )
    return [float(rows.get(_COUNTED % outcome, 0)) for outcome in ("ready", "miss")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, nargs="+", default=[100, 200])
    parser.add_argument("--seconds", type=float, default=60.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
