"""What the benches of the query API have in common: a fleet's series, the processes, a counter.

A fleet is generated as it would be stored: recorded totals and nodes, and the raw series of pods,
one sample each. `promtool` makes blocks of it, over which a real Prometheus runs.
"""

import hashlib
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

from spent import Memory

from demo import stack
from demo.processes import LOOPBACK, Process, free_port

CLUSTER = stack.CLUSTER
STATUS = f"/api/v1/realtime/status?cluster={CLUSTER}"
ALL = f"{STATUS}&include=nodes&include=alerts&include=events"
TASKS = f"/api/v1/realtime/running-tasks?cluster={CLUSTER}"
TOKEN = f"gpuscope_0123456789ab_{'5c' * 32}"
GPUS_OF_A_NODE = 8
_ALERTS, _EVENTS = 20, 500
_READY_SECONDS = 120.0
# The first window begins up to a time to live before the service: the fleet is older than that.
_SINCE_SECONDS = 60.0


# --- the fleet -----------------------------------------------------------------------------------


@contextmanager
def prometheus(
    folder: Path, *, nodes: int, tasks: int, more: "More | None" = None
) -> Iterator[str]:
    """Run a Prometheus that holds a fleet, and *more* families of it; returns its URL."""
    folder.mkdir(exist_ok=True)
    series, blocks = folder / "series.txt", folder / "data"
    with series.open("w") as sink:
        now = time.time() - _SINCE_SECONDS
        families = _families(nodes, tasks, now) | (more(nodes, tasks, now) if more else {})
        sink.writelines(_exposition(families, now))
    make = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(series), str(blocks)]
    subprocess.run(make, check=True, capture_output=True)
    series.unlink()
    (folder / "prometheus.yml").write_text("{}")
    url = f"http://{LOOPBACK}:{free_port()}"
    command = [
        *("prometheus", f"--config.file={folder / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={blocks}", "--storage.tsdb.retention.time=10y"),
        f"--web.listen-address={url.removeprefix('http://')}",
        # One sample each is enough for as long as a bench runs.
        *("--query.lookback-delta=2h", "--log.level=warn"),
    ]
    log = folder / "prometheus.log"
    with Process("prometheus", command, log, ready_url=f"{url}/-/ready") as process:
        process.wait_ready(seconds=_READY_SECONDS)
        yield url


def _exposition(families: Mapping[str, "Samples"], now: float) -> Iterator[str]:
    for name, samples in families.items():
        yield f"# TYPE {name} gauge\n"
        for labels, value in samples:
            told = "".join(f',{label}="{text}"' for label, text in labels.items())
            yield f'{name}{{cluster="{CLUSTER}"{told}}} {value} {now:.3f}\n'
    yield "# EOF\n"


Samples = Iterable[tuple[Mapping[str, object], float]]
More = Callable[[int, int, float], dict[str, Samples]]


def _families(nodes: int, tasks: int, now: float) -> dict[str, Samples]:
    gpus = nodes * GPUS_OF_A_NODE
    totals = {
        "gpu_capacity:sum": gpus,
        "gpu_allocated:sum": tasks,
        "gpu_free:sum": gpus - tasks,
        "gpu_free_nodes:count": nodes // 2,
        "gpu_free_block:max": GPUS_OF_A_NODE,
        "gpu_utilized:count": tasks,
        "gpu_utilization_ratio:avg": 0.5,
        "gpu_running_tasks:count": tasks,
        "gpu_snapshot_timestamp_seconds:max": now,
        "gpu_state_timestamp_seconds:min": now,
        "gpu_evaluation_timestamp_seconds:max": now,
    }
    each_node = {
        "gpu_capacity:sum": GPUS_OF_A_NODE,
        "gpu_allocatable:sum": GPUS_OF_A_NODE,
        "gpu_allocated:sum": 4,
        "gpu_free:sum": 4,
        "gpu_free_block:max": 4,
        "gpu_ready:min": 1,
        "gpu_cordoned:max": 0,
        "gpu_utilization_ratio:avg": 0.5,
    }
    alerts = [{"alertname": f"Gpu{n}", "severity": "warning", "node": f"n{n}"} for n in range(20)]
    return {
        **{f"cluster:{name}": [({}, value)] for name, value in totals.items()},
        **{
            f"node:{name}": [({"node": f"gpu-node-{n:05d}"}, value) for n in range(nodes)]
            for name, value in each_node.items()
        },
        **_pods(nodes, tasks, now),
        "gpu_pods": [({"phase": "Running"}, tasks)],
        "ALERTS": [({**labels, "alertstate": "firing"}, 1) for labels in alerts[:_ALERTS]],
        "ALERTS_FOR_STATE": [(labels, now - 60) for labels in alerts[:_ALERTS]],
        "gpu_event_timestamp_seconds": [
            (
                {"id": f"e{n}", "type": "PodCreated", "object": f"ml/p{n}", "message": "Made"},
                now - n,
            )
            for n in range(_EVENTS)
        ],
    }


def _pods(nodes: int, tasks: int, now: float) -> dict[str, Samples]:
    who = [
        {"namespace": f"team-{n % 50}", "pod": f"training-{n // 8}-{n % 8}", "uid": uid(n)}
        for n in range(tasks)
    ]
    where = [{"node": f"gpu-node-{n % nodes:05d}"} for n in range(tasks)]
    what = [
        {
            "workload_type": "Job",
            "workload_name": f"training-{n // 8}",
            "owner": uid(n // 8),
            "model": "NVIDIA H100 80GB HBM3",
            "queue": "default",
            "priority": "normal",
        }
        for n in range(tasks)
    ]
    return {
        "gpu_pod_info": [({**a, **b, **c}, 1) for a, b, c in zip(who, where, what, strict=True)],
        "gpu_pod_allocated": [({**a, **b}, 1) for a, b in zip(who, where, strict=True)],
        "gpu_pod_start_timestamp_seconds": [(a, now - 3600 - n) for n, a in enumerate(who)],
        "gpu_pod_state": [({**a, "phase": "Running", "state": "Running"}, 1) for a in who],
    }


def uid(number: int) -> str:
    """Return the UID of a pod."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


# --- the service ---------------------------------------------------------------------------------


@contextmanager
def service(
    folder: Path,
    prometheus_url: str,
    settings: Mapping[str, Any] | None = None,
    role: str = "viewer",
) -> Iterator[tuple[Process, str]]:
    """Run the query API with authentication, limits and access log on; returns it and its URL.

    The token may do what its *role* may.
    """
    folder.mkdir(exist_ok=True)
    port = free_port()
    given = {
        "clusters": [{"name": CLUSTER, "prometheus_url": prometheus_url}],
        "auth": {"tokens_file": str(_tokens(folder, role))},
        # On, and not in the way: one token asks as often as a thousand clients would.
        "limits": {"per_minute": 100_000_000, "burst": 100_000_000},
        "database_url": None,
        **(settings or {}),
    }
    # The fleet does not move: its one evaluation is never too old.
    given["cache"] = {"stale": 86400, "lag": 86400, **given.get("cache", {})}
    with stack.query_api(folder, [port], given) as process:
        process.wait_ready(seconds=_READY_SECONDS)
        yield process, f"http://{LOOPBACK}:{port}"


def _tokens(folder: Path, role: str) -> Path:
    token = {
        "id": TOKEN.split("_")[1],
        "name": "bench",
        "role": role,
        "digest": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "created": "2026-01-01T00:00:00Z",
    }
    path = folder / "tokens.json"
    path.write_text(json.dumps({"version": 1, "tokens": [token]}))
    path.chmod(0o600)
    return path


def get(url: str, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send one GET on a connection of its own; returns status, headers and body."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


# --- the counter ---------------------------------------------------------------------------------


class Counting:
    """Stands before Prometheus, passes everything on, and remembers the queries."""

    def __init__(self, upstream: str) -> None:
        self.asked: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append(dict(parse_qsl(body.decode())))
                status, told = outer.pass_on(upstream, self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def queries(self) -> Counter[str]:
        """Return how often each query was asked."""
        return Counter(form["query"] for form in self.asked)

    @staticmethod
    def pass_on(upstream: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Send one form to Prometheus and return status and body."""
        connection = http.client.HTTPConnection(upstream.removeprefix("http://"), timeout=60)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, body, kind)
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        return answer.status, told


# --- figures -------------------------------------------------------------------------------------


def workers(process: Process) -> list[int]:
    """Return the process ids of a service's workers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children]


def memory(process: Process) -> Memory:
    """Return what the worker holds that has held most."""
    return max((Memory.of(pid) for pid in workers(process)), key=lambda it: it.peak)


def spread(seconds: list[float], last: int = 95) -> str:
    """Return median and a high percentile, in milliseconds."""
    return f"p50 {statistics.median(seconds) * 1000:.1f} ms, p{last} {high(seconds, last):.1f} ms"


def high(seconds: list[float], percent: int) -> float:
    """Return a percentile in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000


def load(url: str, path: str, *arguments: str) -> dict[str, Any]:
    """Run the load generator, a process of its own; returns what it measured."""
    script = str(Path(__file__).with_name("api_load.py"))
    command = [sys.executable, script, url.removeprefix("http://"), path, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
