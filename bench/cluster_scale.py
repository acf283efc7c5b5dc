"""The cluster exporter, as a process, following a large cluster that changes all the time.

    .venv/bin/python bench/cluster_scale.py [--nodes N] [--pods N] [--gpu-pods N] [--seconds S]

Starts a demo API server with a fleet of realistic objects and the exporter beside it, and prints:
the first sync, memory, CPU, what a scrape takes and weighs while pods change, how long a change
takes until it can be read, and what `generate_latest` needs for the same samples. Bounded in time.
"""

import argparse
import gzip
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import promises
import urllib3
from figures import Figure
from machine import machine
from reference import Reference
from spent import MEGA, Memory, cpu_seconds

from demo import stack
from demo.processes import LOOPBACK, Process, free_port

_BATCHES = 10  # of changes, a second
_SENTINEL_SECONDS = 3.0
_PLAIN_EVERY = 5
_PATIENCE_SECONDS = 600.0
_PAGED = "--no-stream-lists"
_PAGED_SYNC = Figure("first sync by pages", "s")
_SYNC = Figure(
    "first sync",
    "s",
    budgets=(promises.CLUSTER_SYNC,),
    missed="the API server of the demo, in Python, writes the objects on the same two cores "
    "that read them.",
)
_SYNC_CPU = Figure("CPU of the first sync", "s")
_SCRAPE = Figure(
    "a scrape as gzip while pods change, p50",
    "s",
    beside="generate_latest of prometheus_client for as many samples, not compressed",
    budgets=(promises.CLUSTER_SCRAPE,),
    missed="what has changed since the last scrape is written and compressed anew, and the API "
    "server of the demo makes the changes on the same two cores.",
)
_LATE_SCRAPE = Figure("a scrape as gzip while pods change, p99", "s")
_CHANGE = Figure("until a change can be read, p50", "s")
_LATE_CHANGE = Figure(
    "until a change can be read, p99",
    "s",
    budgets=(promises.CLUSTER_CHANGE,),
    missed="a scrape that was begun before the change arrived must end first, and the API "
    "server of the demo, which tells of it, is on the same two cores.",
)
_CPU = Figure("CPU while pods change", "%")
_MEMORY = Figure("memory, at its peak", "MB", budgets=(promises.CLUSTER_MEMORY,))
_A_SERIES = Figure("memory of the whole process for each series", "KiB")
FIGURES = (
    *(_SYNC, _SYNC_CPU, _PAGED_SYNC, _SCRAPE, _LATE_SCRAPE, _CHANGE, _LATE_CHANGE),
    *(_CPU, _MEMORY, _A_SERIES),
)
OPTIONS = ("--seconds=45",)
LIMIT_SECONDS = 600.0
NOTES = (
    (
        "kube-state-metrics documents for itself: 250 MiB and 0.1 core to begin with, once 2 "
        "MiB for each node; a scrape of 100 nodes p50 0.260 s, p90 0.475 s, p99 0.907 s (its "
        "README, “Scaling”). Its users measured 7 to 12 KiB for each series (cozystack, issue "
        "3846)."
    ),
)

_pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(60))


def main() -> None:
    """Measure and tell."""
    options = _options()
    case = f"{options.nodes:,} nodes, {options.pods:,} pods, {options.gpu_pods:,} with GPUs"
    print(f"cluster scale: {case}\n  on {machine()}", flush=True)
    with tempfile.TemporaryDirectory() as folder, _api_server(Path(folder), options) as server:
        print(f"  demo API server: {Memory.of(server.pid).now / MEGA:.0f} MB", flush=True)
        with _exporter(Path(folder), _PAGED) as (exporter, _):
            _PAGED_SYNC.tell(case, _age(exporter.pid))
        with _exporter(Path(folder)) as (exporter, url):
            _SYNC.tell(case, _age(exporter.pid))
            _SYNC_CPU.tell(case, cpu_seconds(exporter.pid))
            print(f"  first scrape: {_scrape(url).seconds:.3f} s", flush=True)
            watched = _follow(options, server, exporter, url)
            memory = Memory.of(exporter.pid)
            page = _scrape(url, compressed=False).body
    _tell_churn(watched, page, memory.now)
    _MEMORY.tell(case, memory.peak / MEGA)


# --- the processes -------------------------------------------------------------------------------


@contextmanager
def _api_server(folder: Path, options: argparse.Namespace) -> Iterator[Process]:
    sizes = (f"--nodes={options.nodes}", f"--pods={options.pods}", f"--gpu-pods={options.gpu_pods}")
    with stack.fleet(folder, free_port(), "large", *sizes) as server:
        server.wait_ready(seconds=_PATIENCE_SECONDS)
        yield server


@contextmanager
def _exporter(folder: Path, *flags: str) -> Iterator[tuple[Process, str]]:
    """Run the exporter; it is in step when the block begins."""
    port = free_port()
    with stack.cluster_exporter(folder, port, folder / "kubeconfig", *flags) as exporter:
        exporter.wait_ready(seconds=_PATIENCE_SECONDS)
        yield exporter, f"http://{LOOPBACK}:{port}"


def _age(pid: int) -> float:
    """Return how long a process has been running, in seconds."""
    began = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")


# --- scrapes and changes -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scrape:
    """One answer: how long it took, bytes on the wire, the text."""

    seconds: float
    size: int
    body: bytes


@dataclass(slots=True)
class _Watched:
    """What was seen while pods changed; CPU in seconds a second, memory in MB."""

    compressed: list[_Scrape] = field(default_factory=list)
    plain: list[_Scrape] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    at_once: int = 0
    changes: int = 0
    seconds: float = 0.0
    exporter_cpu: float = 0.0
    server_cpu: float = 0.0


def _scrape(url: str, *, compressed: bool = True) -> _Scrape:
    headers = {"Accept-Encoding": "gzip"} if compressed else {}
    began = time.perf_counter()
    answer = _pool.request("GET", f"{url}/metrics", headers=headers, decode_content=False)
    seconds = time.perf_counter() - began
    body = gzip.decompress(answer.data) if compressed else answer.data
    return _Scrape(seconds, len(answer.data), body)


def _have(server: Process, **what: object) -> None:
    url = str(server.ready_url).removesuffix("/readyz")
    _pool.request("POST", f"{url}/_demo/large", json=what)


class _Churn(threading.Thread):
    """Changes the cluster at a rate, a tenth of a second's worth at a time."""

    def __init__(self, server: Process, rate: int) -> None:
        super().__init__(daemon=True)
        self.changes = 0
        self._server = server
        self._batch = max(1, rate // _BATCHES)
        self._stopping = threading.Event()

    def run(self) -> None:
        """Keep to the rate until stopped, catching up after a delay."""
        began = time.monotonic()
        while not self._stopping.is_set():
            _have(self._server, changes=self._batch)
            self.changes += self._batch
            due = began + self.changes / (self._batch * _BATCHES)
            self._stopping.wait(max(0.0, due - time.monotonic()))

    def stop(self) -> None:
        """Stop and wait for it."""
        self._stopping.set()
        self.join()


def _follow(options: argparse.Namespace, server: Process, exporter: Process, url: str) -> _Watched:
    """Let the cluster change, and look out for one new pod after the other."""
    watched, churn = _Watched(), _Churn(server, options.rate)
    used, used_by_server, began = (
        cpu_seconds(exporter.pid),
        cpu_seconds(server.pid),
        time.monotonic(),
    )
    churn.start()
    turn = 0
    while time.monotonic() < began + options.seconds:
        turn += 1
        time.sleep(_SENTINEL_SECONDS)
        if turn % _PLAIN_EVERY == 0:
            watched.plain.append(_scrape(url, compressed=False))
        else:
            _look_out(watched, server, url, f"sentinel-{turn}")
    churn.stop()
    watched.seconds = time.monotonic() - began
    watched.changes = churn.changes
    watched.exporter_cpu = (cpu_seconds(exporter.pid) - used) / watched.seconds
    watched.server_cpu = (cpu_seconds(server.pid) - used_by_server) / watched.seconds
    return watched


def _look_out(watched: _Watched, server: Process, url: str, name: str) -> None:
    """Make a pod and scrape at once, until it is there.

    The delay runs from the API server's answer to the end of the scrape that shows the pod.
    """
    _have(server, sentinel=name)
    made, wanted = time.perf_counter(), f'pod="{name}"'.encode()
    for tried in range(1000):
        began = time.perf_counter()
        scrape = _scrape(url)
        watched.compressed.append(scrape)
        if wanted in scrape.body:
            watched.at_once += tried == 0
            watched.delays.append(began + scrape.seconds - made)
            return
    raise SystemExit(f"{name} was not published")


# --- the report ----------------------------------------------------------------------------------


def _tell_churn(watched: _Watched, page: bytes, now: float) -> None:
    reference = Reference(page.decode())
    began = time.perf_counter()
    reference.render()
    rendered = time.perf_counter() - began
    _print_churn(watched)
    case = f"{reference.samples:,} samples, {watched.changes / watched.seconds:.0f} changes/s"
    seconds = [it.seconds for it in watched.compressed]
    _SCRAPE.tell(case, statistics.median(seconds), rendered)
    _LATE_SCRAPE.tell(case, _late(seconds))
    _CHANGE.tell(case, statistics.median(watched.delays))
    _LATE_CHANGE.tell(case, _late(watched.delays))
    _CPU.tell(case, 100 * watched.exporter_cpu)
    _A_SERIES.tell(case, now / 1024 / reference.samples)


def _print_churn(watched: _Watched) -> None:
    print(f"  {watched.seconds:.0f} s, a scrape every {_SENTINEL_SECONDS:g} s;"
          f" CPU of the API server {watched.server_cpu:.2f} s/s")  # fmt: skip
    for title, scrapes in (("gzip", watched.compressed), ("plain", watched.plain)):
        if scrapes:
            took, size = _spread([it.seconds for it in scrapes]), scrapes[-1].size / MEGA
            print(f"    scrape, {title}: {took}, {size:.1f} MB, {len(scrapes)} times")
    print(f"    change -> readable: {_spread(watched.delays)}; in a scrape begun at once:"
          f" {watched.at_once} of {len(watched.delays)}", flush=True)  # fmt: skip


def _spread(seconds: list[float]) -> str:
    return (
        f"p50 {statistics.median(seconds):.3f} s, p99 {_late(seconds):.3f} s,"
        f" max {max(seconds):.3f} s"
    )


def _late(seconds: list[float]) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--pods", type=int, default=100_000)
    parser.add_argument("--gpu-pods", type=int, default=30_000)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long pods change")
    parser.add_argument("--rate", type=int, default=300, help="changes a second")
    return parser.parse_args()


if __name__ == "__main__":
    main()
