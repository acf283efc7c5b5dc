"""The node exporter with eight devices and 64 pods, on the stand-in driver and kubelet.

    .venv/bin/python bench/node_scrape.py [--seconds=15] [--interval=5]

Twice, with the collectors that run by default and with all there are: a scrape, and its CPU, beside
prometheus_client's generate_latest over the same samples in the same run; the exporter's own CPU
and memory between scrapes; how fast scrapes are while a device hangs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from demo.kubelet.server import Kubelet, granted
from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Ailment, Device, Fault, Scenario, write
from demo.nvml.tenants import Account, Accounting, Process, Processes, Use
from demo.processes import LOOPBACK, free_port, wait_for
from exporter.node.collectors import COLLECTORS

_DEVICES, _PODS = 8, 64
_SCRAPES = 200
_TICK = os.sysconf("SC_CLK_TCK")
_COMMAND = "import sys; from exporter.cli import main; sys.exit(main())"
_EVERYTHING = tuple(f"--collector.{each.name}" for each in COLLECTORS)


def main(arguments: Sequence[str]) -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--interval", type=float, default=5.0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, Kubelet(Path(folder) / "kubelet.sock") as kubelet:
        scenario = Path(folder) / "scenario.ini"
        devices = tuple(map(_device, range(_DEVICES)))
        kubelet.show(*_pods(devices))
        for name, flags in (("default", ()), ("all", _EVERYTHING)):
            write(scenario, Scenario(devices))
            with _exporter(scenario, kubelet, options.interval, flags) as exporter:
                _measure(name, exporter, options.seconds, options.interval)
                hanging = replace(devices[3], faults=(Fault("PowerUsage", Ailment.HANG),))
                _measure_hanging(exporter, scenario, (*devices[:3], hanging, *devices[4:]))


def _device(number: int) -> Device:
    """Return a device that has everything a scrape can tell of, and a process of every pod."""
    uuid = f"GPU-{number:08d}-0000-4000-8000-000000000000"
    made = device(H100, uuid, number, busy=0.6, nvlinks=H100.links)
    pids = range(4000 + 100 * number, 4000 + 100 * number + _PODS // _DEVICES)
    shared = (
        Processes(
            tuple(Process(pid, 1 << 30) for pid in pids), tuple(Use(pid, sm=7) for pid in pids)
        ),
        Accounting(tuple(Account(pid, sm=7, running=True) for pid in pids)),
    )
    return replace(made, parts=(*made.parts, *shared))


def _pods(devices: Sequence[Device]) -> Iterator[dict[str, object]]:
    for each in devices:
        for share in range(_PODS // _DEVICES):
            name = f"serve-{each.minor_number}-{share}"
            yield granted(name, ("nvidia.com/gpu.shared", [f"{each.uuid}::{share}"]))


@dataclass(frozen=True, slots=True)
class _Exporter:
    """One that runs."""

    pid: int
    url: str
    session: requests.Session

    def scrape(self, *, gzip: bool = True, openmetrics: bool = False) -> bytes:
        headers = {
            "Accept-Encoding": "gzip" if gzip else "identity",
            "Accept": "application/openmetrics-text" if openmetrics else "text/plain",
        }
        return self.session.get(self.url, headers=headers, timeout=10).content

    def cpu(self) -> float:
        """Return the seconds it has computed for."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory(self) -> float:
        """Return what it has in memory, in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def threads(self) -> int:
        """Return how many threads it has."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


def _measure(name: str, exporter: _Exporter, seconds: float, interval: float) -> None:
    page = exporter.scrape().decode()
    samples = sum(not text.startswith("#") for text in page.splitlines())
    before = exporter.cpu()
    time.sleep(seconds)
    idle = (exporter.cpu() - before) / seconds
    plain = _times(lambda: exporter.scrape(gzip=False))
    before = exporter.cpu()
    packed = _times(exporter.scrape)
    cpu = (exporter.cpu() - before) / _SCRAPES
    openmetrics = _times(lambda: exporter.scrape(openmetrics=True))
    registry = CollectorRegistry()
    registry.register(_Families(list(text_string_to_metric_families(page))))
    reference = _times(lambda: generate_latest(registry), repeats=10)
    print(f"node exporter, {name} collectors: {_DEVICES} devices, {_PODS} pods, "
          f"{samples} samples, {len(page) / 1e3:.0f} KB")  # fmt: skip
    print(f"  CPU without scrapes      {100 * idle:6.2f} % of a core, every {interval:g} s")
    print(f"  memory                   {exporter.memory():6.1f} MB, {exporter.threads()} threads")
    print(f"  scrape                   {_told(plain)}")
    print(f"  scrape, gzip             {_told(packed)}, CPU {1000 * cpu:.2f} ms")
    print(f"  scrape, OpenMetrics      {_told(openmetrics)}")
    print(f"  generate_latest          {_told(reference)}, "
          f"{min(reference) / cpu:.1f} x the CPU of a scrape")  # fmt: skip


def _measure_hanging(exporter: _Exporter, scenario: Path, devices: tuple[Device, ...]) -> None:
    write(scenario, Scenario(devices))
    wait_for(lambda: b'reason="stuck"' in exporter.scrape(), seconds=60, what="a device is stuck")
    print(f"  scrape, one device hangs {_told(_times(exporter.scrape))}")


@contextmanager
def _exporter(
    scenario: Path, kubelet: Kubelet, interval: float, flags: Sequence[str]
) -> Iterator[_Exporter]:
    port = free_port()
    child = subprocess.Popen(
        [
            *(sys.executable, "-c", _COMMAND, "node", "--node-name=worker-1", "--log.level=error"),
            f"--web.listen-address={LOOPBACK}:{port}",
            f"--collection.interval={interval}",
            f"--podresources.socket={kubelet.socket}",
            *flags,
        ],
        env=os.environ | environment(scenario),
    )
    try:
        with requests.Session() as session:
            exporter = _Exporter(child.pid, f"http://{LOOPBACK}:{port}/metrics", session)
            wait_for(lambda: _ready(exporter), seconds=60, what="every device is read")
            yield exporter
    finally:
        child.terminate()
        child.wait(10)


def _ready(exporter: _Exporter) -> bool:
    try:
        page = exporter.scrape()
    except requests.ConnectionError:
        return False
    read, held = b"\ngpu_power_watts{", b"\ngpu_device_pod_info{"
    return (page.count(read), page.count(held)) == (_DEVICES, _PODS)


class _Families:
    """A collector of families that are there already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._families


def _times(work: Callable[[], object], *, repeats: int = _SCRAPES) -> list[float]:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return sorted(times)


def _told(times: Sequence[float]) -> str:
    middle, late = times[len(times) // 2], times[int(len(times) * 0.99)]
    return f"p50 {1000 * middle:6.2f} ms, p99 {1000 * late:6.2f} ms"


if __name__ == "__main__":
    main(sys.argv[1:])
