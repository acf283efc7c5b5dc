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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import promises
import requests
from figures import Figure
from machine import SHARED
from reference import Reference
from spent import MEGA, Memory, cpu_seconds

from demo.kubelet.server import Kubelet, granted
from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Ailment, Device, Fault, Scenario, write
from demo.nvml.tenants import Account, Accounting, Process, Processes, Use
from demo.processes import LOOPBACK, free_port, wait_for
from exporter.node.collectors import COLLECTORS

_DEVICES, _PODS = 8, 64
_SCRAPES = 200
_COMMAND = "import sys; from exporter.cli import main; sys.exit(main())"
_EVERYTHING = tuple(f"--collector.{each.name}" for each in COLLECTORS)

_GENERATE = "generate_latest of prometheus_client for as many samples"
_MIDDLE = Figure(
    "a scrape, p50",
    "ms",
    beside=_GENERATE,
    budgets=(promises.NODE_SCRAPE,),
    missed=SHARED,
)
_LATE = Figure("a scrape, p99", "ms")
_HANGING = Figure(
    "a scrape while a device hangs, p50",
    "ms",
    budgets=(promises.NODE_WAITS_NOT,),
    missed=SHARED,
)
_CPU = Figure("CPU of a scrape", "ms", beside=_GENERATE)
_IDLE = Figure(
    "CPU without scrapes",
    "%",
    budgets=(promises.NODE_CPU,),
    missed="a collection takes 13 ms of CPU when caches are warm; when others use the core "
    "meanwhile they are not, and each of eight devices is read by a thread of its own.",
)
_MEMORY = Figure("memory, at its peak", "MB", budgets=(promises.NODE_MEMORY,))
FIGURES = (_MIDDLE, _LATE, _HANGING, _CPU, _IDLE, _MEMORY)
NOTES = (
    (
        "Of the CPU between scrapes, waiting for events on the stand-in driver, which looks at "
        "its file 40 times a second, is 0.2 %: a wait of the real one's costs nothing."
    ),
    "Of a scrape's CPU the thread it is made in is 0.08 ms, the process' own metrics 0.09 ms.",
)


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
                _measure_hanging(name, exporter, scenario, (*devices[:3], hanging, *devices[4:]))


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

    def threads(self) -> int:
        """Return how many threads it has."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


def _measure(name: str, exporter: _Exporter, seconds: float, interval: float) -> None:
    page = exporter.scrape().decode()
    samples = sum(not text.startswith("#") for text in page.splitlines())
    before = cpu_seconds(exporter.pid)
    time.sleep(seconds)
    idle = (cpu_seconds(exporter.pid) - before) / seconds
    plain = _times(lambda: exporter.scrape(gzip=False))
    before = cpu_seconds(exporter.pid)
    packed = _times(exporter.scrape)
    cpu = (cpu_seconds(exporter.pid) - before) / _SCRAPES
    openmetrics = _times(lambda: exporter.scrape(openmetrics=True))
    reference = 1000 * min(_times(Reference(page).render, repeats=10))
    print(f"  {name}: {samples} samples, {len(page) / 1e3:.0f} KB, {exporter.threads()} threads")
    for form, times in (("plain", plain), ("gzip", packed), ("OpenMetrics", openmetrics)):
        case = f"{name}, {samples:,} samples, {form}"
        _MIDDLE.tell(case, _percentile(times, 50), reference)
        _LATE.tell(case, _percentile(times, 99))
    _CPU.tell(f"{name}, gzip", 1000 * cpu, reference)
    _IDLE.tell(f"{name}, every {interval:g} s", 100 * idle)
    _MEMORY.tell(name, Memory.of(exporter.pid).peak / MEGA)


def _measure_hanging(
    name: str, exporter: _Exporter, scenario: Path, devices: tuple[Device, ...]
) -> None:
    write(scenario, Scenario(devices))
    wait_for(lambda: b'reason="stuck"' in exporter.scrape(), seconds=60, what="a device is stuck")
    _HANGING.tell(name, _percentile(_times(exporter.scrape), 50))


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


def _times(work: Callable[[], object], *, repeats: int = _SCRAPES) -> list[float]:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return sorted(times)


def _percentile(times: Sequence[float], percent: int) -> float:
    """Return a percentile in milliseconds, of what is in order."""
    return 1000 * times[len(times) * percent // 100]


if __name__ == "__main__":
    main(sys.argv[1:])
