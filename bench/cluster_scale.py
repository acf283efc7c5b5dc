"""The cluster exporter, as a process, following a large cluster that changes all the time.

    .venv/bin/python bench/cluster_scale.py [--nodes N] [--pods N] [--gpu-pods N] [--seconds S]

Starts a demo API server with a fleet of realistic objects and the exporter beside it, and prints:
the first sync, memory, CPU, what a scrape takes and weighs while pods change, how long a change
takes until it can be read, and what `generate_latest` needs for the same samples. Bounded in time.
"""

import argparse
import gzip
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from demo import stack
from demo.processes import LOOPBACK, Process, free_port

_MEGA = 1e6
_BATCHES = 10  # of changes, a second
_SENTINEL_SECONDS = 3.0
_PLAIN_EVERY = 5
_PATIENCE_SECONDS = 600.0
_PAGED = "--no-stream-lists"
# What others say of themselves, to compare with: github.com/kubernetes/kube-state-metrics, README,
# "Scaling"; the last one is measured by its users (github.com/cozystack/cozystack, issue 3846).
_KUBE_STATE_METRICS = """\
kube-state-metrics documents for itself
  memory, CPU          250 MiB and 0.1 core to begin with; it once gave 2 MiB per node
  scrape, 100 nodes    p50 0.260 s, p90 0.475 s, p99 0.907 s
  memory per series    7 to 12 KiB (322 pods, 25,600 series)"""

_pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(60))


def main() -> None:
    """Measure and print."""
    options = _options()
    size = f"{options.nodes} nodes, {options.pods} pods, {options.gpu_pods} of them ask for GPUs"
    print(f"cluster scale: {size}\n  on {_machine()}", flush=True)
    with tempfile.TemporaryDirectory() as folder, _api_server(Path(folder), options) as server:
        print(f"  demo API server      {_memory(server.pid, 'VmRSS'):8.0f} MB", flush=True)
        if _knows(_PAGED):
            with _exporter(Path(folder), _PAGED) as (exporter, _):
                _print_sync("first sync, paged", exporter)
        with _exporter(Path(folder)) as (exporter, url):
            _print_sync("first sync", exporter)
            first = _scrape(url)
            print(f"  first scrape         {first.seconds:8.3f} s", flush=True)
            watched = _follow(options, server, exporter, url)
            _print_churn(watched, options)
            now, peak = _memory(exporter.pid, "VmRSS"), _memory(exporter.pid, "VmHWM")
            print(f"  memory, and its peak {now:8.0f} MB, {peak:.0f} MB", flush=True)
            page = _scrape(url, compressed=False).body
    samples = _print_reference(page, watched)
    print(f"  memory per series    {now * _MEGA / 1024 / samples:8.1f} KiB, whole process")
    print(_KUBE_STATE_METRICS)


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


def _knows(flag: str) -> bool:
    command = [str(Path(sys.executable).with_name("gpuscope-exporter")), "cluster", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return flag in told


def _cpu(pid: int) -> float:
    """Return the CPU time a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int, row: str) -> float:
    """Return VmRSS or VmHWM of a process, in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(f"{row}:")[1].split()[0]) * 1024 / _MEGA


def _age(pid: int) -> float:
    """Return how long a process has been running, in seconds."""
    began = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")


def _machine() -> str:
    models = [row for row in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in row]
    model = models[0].partition(": ")[2] if models else platform.machine()
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"


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


def _tell(server: Process, **what: object) -> None:
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
            _tell(self._server, changes=self._batch)
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
    used, used_by_server, began = _cpu(exporter.pid), _cpu(server.pid), time.monotonic()
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
    watched.exporter_cpu = (_cpu(exporter.pid) - used) / watched.seconds
    watched.server_cpu = (_cpu(server.pid) - used_by_server) / watched.seconds
    return watched


def _look_out(watched: _Watched, server: Process, url: str, name: str) -> None:
    """Make a pod and scrape at once, until it is there.

    The delay runs from the API server's answer to the end of the scrape that shows the pod.
    """
    _tell(server, sentinel=name)
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


def _print_sync(title: str, exporter: Process) -> None:
    age, used = _age(exporter.pid), _cpu(exporter.pid)
    memory, peak = _memory(exporter.pid, "VmRSS"), _memory(exporter.pid, "VmHWM")
    print(f"  {title:20s} {age:8.1f} s   CPU {used:.1f} s, memory {memory:.0f} MB, "
          f"peak {peak:.0f} MB", flush=True)  # fmt: skip


def _print_churn(watched: _Watched, options: argparse.Namespace) -> None:
    print(f"  during {watched.seconds:.0f} s of {watched.changes / watched.seconds:.0f} changes/s "
          f"(asked for: {options.rate}), a scrape every {_SENTINEL_SECONDS:g} s:")  # fmt: skip
    for title, scrapes in (("scrape, gzip", watched.compressed), ("scrape, plain", watched.plain)):
        if scrapes:
            took, size = _spread([it.seconds for it in scrapes]), scrapes[-1].size / _MEGA
            print(f"    {title:18s} {took}, {size:.1f} MB, {len(scrapes)} times")
    print(f"    change -> readable {_spread(watched.delays)}; "
          f"in a scrape begun at once: {watched.at_once} of {len(watched.delays)}")  # fmt: skip
    print(f"    CPU, exporter      {watched.exporter_cpu:8.3f} s/s")
    print(f"    CPU, API server    {watched.server_cpu:8.3f} s/s", flush=True)


def _print_reference(page: bytes, watched: _Watched) -> int:
    """Print what the reference needs for the same page; return how many samples that has."""
    families = list(text_string_to_metric_families(page.decode()))
    registry = CollectorRegistry()
    registry.register(_Families(families))
    began = time.perf_counter()
    generate_latest(registry)
    reference = time.perf_counter() - began
    samples = sum(len(family.samples) for family in families)
    ratio = reference / statistics.median(it.seconds for it in watched.compressed)
    print(f"  generate_latest      {reference:8.3f} s   for the same {samples} samples, "
          f"uncompressed: {ratio:.0f} x our scrape")  # fmt: skip
    return samples


class _Families:
    """A collector of families that are there already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._families


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"p50 {statistics.median(ordered):.3f} s, p99 {p99:.3f} s, max {ordered[-1]:.3f} s"


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
