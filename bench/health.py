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
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import api_parts

from demo.processes import LOOPBACK, Process, wait_for

PATH = "/api/v1/real-time-metrics"
_SERVICES = 8
_READY = f'gpuscope_api_ready_answers_total{{outcome="%s",route="{PATH}"}}'
_TARGETS = {"p95": (300.0, 20.0), "p99": (500.0, 50.0)}
"""The document's and ours, in milliseconds."""
_HIT_RATES, _MEGABYTES = (80.0, 95.0), (100.0, 100.0)
_SETTLED_SECONDS = 30.0


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "healthy"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
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
    print(f"real-time metrics, one of {_SERVICES} services hung: on {api_parts.machine()}")
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
            _show(
                rate,
                options.seconds,
                load,
                [now - was for now, was in zip(after, before, strict=True)],
            )
        print(f"  memory of the worker {api_parts.memory(process)}"
              f" (document < {_MEGABYTES[0]:.0f} MB)", flush=True)  # fmt: skip


def _show(rate: int, seconds: float, load: dict[str, Any], counts: list[float]) -> None:
    ready, missed = counts
    print(f"  {rate}/s for {seconds:g} s: {load['statuses']}, p50 {load['p50']:.1f} ms", flush=True)
    for name, (document, ours) in _TARGETS.items():
        print(
            f"    {name} {load[name]:.1f} ms (document < {document:.0f} ms, ours < {ours:.0f} ms)"
        )
    hits = 100 * ready / (ready + missed) if ready + missed else 0.0
    print(f"    ready {hits:.2f} % (document > {_HIT_RATES[0]:.0f}, ours > {_HIT_RATES[1]:.0f})",
          flush=True)  # fmt: skip


def _ready(url: str) -> list[float]:
    """Return how many answers were ready, and how many were not, so far."""
    # The service counts by the hundred, in a thread of its own.
    time.sleep(1.0)
    _, _, page = api_parts.get(url, "/metrics")
    rows = dict(
        row.rsplit(" ", 1) for row in page.decode().splitlines() if row and not row.startswith("#")
    )
    return [float(rows.get(_READY % outcome, 0)) for outcome in ("ready", "miss")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, nargs="+", default=[100, 200])
    parser.add_argument("--seconds", type=float, default=60.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
