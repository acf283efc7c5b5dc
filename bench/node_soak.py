"""The node exporter for months in minutes: what it takes must be the same after as before.

    .venv/bin/python bench/node_soak.py [--rounds=5] [--seconds=30] [--interval=0.1]

Collections follow one another fast while the stand-in driver never stays the same: processes come
and go, MIG is cut anew, devices are lost and found, hang, tell of XIDs, and the driver is upgraded;
scrapes in all forms, and of all other pages, come meanwhile. After each round everything is as it
was at first, and memory, threads, open files and Python's objects are counted.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from figures import Figure
from spent import MEGA, Memory

from demo.kubelet.server import Kubelet, granted
from demo.nvml.build import environment
from demo.nvml.cutting import cut
from demo.nvml.happenings import Event, EventKind
from demo.nvml.models import H100, device
from demo.nvml.scenario import Ailment, Device, Fault, Scenario, System, write
from demo.nvml.tenants import Account, Accounting, Process, Processes
from demo.processes import LOOPBACK, ProcessError, free_port, wait_for
from exporter.node.collectors import COLLECTORS

_DEVICES = 8
_CHANGE_SECONDS = 0.4
_ALL_THERE, _UNINITIALIZED, _CUT = 0.6, 0.05, 0.3
"""How likely each is at a change."""
_CALM_SECONDS = 90
_TELLING = (
    *("gpu_up{", "gpu_down_info{", "gpu_power_watts{", "gpu_devices{"),
    *("gpu_exporter_stuck", "gpu_exporter_unsupported", "gpu_exporter_collector"),
)
"""What is printed when not every device is read after so long."""
_PATHS = ("/metrics", "/metrics", "/metrics", "/", "/healthz", "/readyz", "/nothing")
_CHILD = """
import collections, gc, json, sys, threading
def count():
    for _ in sys.stdin:
        gc.collect()
        found = collections.Counter(type(each).__qualname__ for each in gc.get_objects())
        names = collections.Counter(each.name.partition(" ")[0] for each in threading.enumerate())
        print(json.dumps([found, names]), flush=True)
threading.Thread(target=count, daemon=True).start()
from exporter.cli import main
sys.exit(main())
"""

_FIRST = "after the first"
_MEMORY = Figure("memory after the last round", "MB", beside=_FIRST)
_THREADS = Figure("threads after the last round", "threads", beside=_FIRST)
_FILES = Figure("open files after the last round", "files", beside=_FIRST)
_OBJECTS = Figure("Python's objects after the last round", "objects", beside=_FIRST)
FIGURES = (_MEMORY, _THREADS, _FILES, _OBJECTS)
OPTIONS = ("--rounds=3", "--seconds=20")
NOTES = (
    (
        "All collectors and `--compat`, everything changed 150 times: memory is more than what "
        "a node exporter is promised to take, which stays as it is; with a heap for each thread "
        "it was a third more."
    ),
)


def main(arguments: Sequence[str]) -> None:
    """Run it, and print what has grown."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--interval", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder, Kubelet(Path(folder) / "kubelet.sock") as kubelet:
        scenario = Path(folder) / "scenario.ini"
        write(scenario, _calm())
        with _exporter(scenario, kubelet, options.interval) as exporter:
            print(f"node exporter, after each {options.seconds:g} s of change")
            sizes = []
            for _ in range(options.rounds):
                _churn(exporter, scenario, kubelet, chance, options.seconds)
                sizes.append(_settled(exporter, scenario, kubelet))
                _print_size(sizes[-1])
    _print_growth(sizes[0].objects, sizes[-1].objects)
    case = f"{options.rounds} rounds of {options.seconds:g} s"
    first, last = sizes[0], sizes[-1]
    _MEMORY.tell(case, last.memory, first.memory)
    _THREADS.tell(case, last.threads, first.threads)
    _FILES.tell(case, last.files, first.files)
    _OBJECTS.tell(case, sum(last.objects.values()), sum(first.objects.values()))


@dataclass(frozen=True, slots=True)
class _Size:
    """What it takes: MB, and numbers."""

    memory: float
    threads: int
    files: int
    page: int
    objects: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Exporter:
    """One that runs."""

    child: "subprocess.Popen[str]"
    url: str

    def get(self, path: str = "/metrics", **headers: str) -> bytes:
        return requests.get(self.url + path, headers=headers, timeout=10).content

    def size(self) -> _Size:
        process = Path(f"/proc/{self.child.pid}")
        asking, answer = self.child.stdin, self.child.stdout
        if asking is None or answer is None:
            raise ValueError("the exporter has no pipes")
        asking.write("\n")
        asking.flush()
        objects, threads = json.loads(answer.readline())
        return _Size(
            Memory.of(self.child.pid).now / MEGA,
            len(list((process / "task").iterdir())),
            len(list((process / "fd").iterdir())),
            len(self.get()),
            objects | {f"thread {name}": count for name, count in threads.items()},
        )


def _device(number: int) -> Device:
    uuid = f"GPU-{number:08d}-0000-4000-8000-000000000000"
    return device(H100, uuid, number, busy=0.6, nvlinks=H100.links)


def _calm() -> Scenario:
    return Scenario(tuple(map(_device, range(_DEVICES))))


def _wild(chance: random.Random) -> Scenario:
    """Return anything that may come."""
    devices = [_disturbed(_device(number), chance) for number in range(_DEVICES)]
    present = devices if chance.random() < _ALL_THERE else chance.sample(devices, 6)
    version = chance.choice(("570.124.06", "570.124.06", "570.124.06", "575.51.03"))
    faults = (Fault("*", Ailment.UNINITIALIZED),) if chance.random() < _UNINITIALIZED else ()
    return Scenario(tuple(present), System(driver_version=version, faults=faults))


def _disturbed(calm: Device, chance: random.Random) -> Device:
    pids = [chance.randrange(2, 4_000_000) for _ in range(chance.randrange(8))]
    events = tuple(
        Event(EventKind.XID, chance.randrange(1000), instance=chance.choice((None, 1, 2)))
        for _ in range(chance.randrange(3))
    )
    ailment = chance.choice((None,) * 12 + (Ailment.GPU_LOST, Ailment.HANG, Ailment.NO_PERMISSION))
    fault = () if ailment is None else (Fault(chance.choice(("PowerUsage", "UUID", "*")), ailment),)
    if chance.random() < _CUT:
        profiles = chance.choice((("3g", "3g"), ("1g",) * 7, ("2g", "1g"), ()))
        return replace(cut(calm, H100, *profiles, busy=0.5), events=events, faults=fault)
    shared = (
        Processes(tuple(Process(pid, 1 << 30) for pid in pids)),
        Accounting(tuple(Account(pid, start=time.time(), running=True) for pid in pids)),
    )
    return replace(calm, parts=(*calm.parts, *shared), events=events, faults=fault)


def _pods(chance: random.Random) -> Iterator[dict[str, object]]:
    for number in range(chance.randrange(_DEVICES)):
        uuid = _device(number).uuid
        yield granted(f"pod-{chance.randrange(1_000_000)}", ("nvidia.com/gpu", [uuid]))


def _churn(
    exporter: _Exporter, scenario: Path, kubelet: Kubelet, chance: random.Random, seconds: float
) -> None:
    until = time.monotonic() + seconds
    change = 0.0
    while (now := time.monotonic()) < until:
        if now > change:
            change = now + _CHANGE_SECONDS
            write(scenario, _wild(chance))
            kubelet.show(*_pods(chance))
        accept = chance.choice(("text/plain", "application/openmetrics-text"))
        encoding = chance.choice(("gzip", "identity"))
        exporter.get(chance.choice(_PATHS), **{"Accept": accept, "Accept-Encoding": encoding})
        time.sleep(0.02)


def _settled(exporter: _Exporter, scenario: Path, kubelet: Kubelet) -> _Size:
    """Return what it takes when all is as it was at first."""
    write(scenario, _calm())
    kubelet.show()
    try:
        # Not by a value: what was refused as not permitted is asked again after ten minutes only.
        wait_for(
            lambda: len(re.findall(rb"^gpu_up{.*} 1$", exporter.get(), re.MULTILINE)) == _DEVICES,
            seconds=_CALM_SECONDS,
            what="every device is read",
        )
    except ProcessError:
        _tell_why(exporter)
        raise
    time.sleep(3)  # so that every group is read anew, and calls that hung have ended
    return exporter.size()


def _tell_why(exporter: _Exporter) -> None:
    """Print what the exporter says of what is not read."""
    print(f"  /readyz: {exporter.get('/readyz').decode().strip()}")
    for each in exporter.get().decode().splitlines():
        if each.startswith(_TELLING):
            print(f"  {each}", flush=True)


@contextmanager
def _exporter(scenario: Path, kubelet: Kubelet, interval: float) -> Iterator[_Exporter]:
    port = free_port()
    child = subprocess.Popen(
        [
            *(sys.executable, "-c", _CHILD, "node", "--node-name=worker-1", "--log.level=error"),
            f"--web.listen-address={LOOPBACK}:{port}",
            f"--collection.interval={interval}",
            f"--collection.medium-interval={2 * interval}",
            f"--collection.slow-interval={4 * interval}",
            f"--podresources.socket={kubelet.socket}",
            f"--podresources.interval={interval}",
            "--compat=dcgm-4.9",
            *(f"--collector.{each.name}" for each in COLLECTORS if each.name != "pcie_throughput"),
        ],
        env=os.environ | environment(scenario),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    exporter = _Exporter(child, f"http://{LOOPBACK}:{port}")
    try:
        wait_for(lambda: _is_up(exporter), seconds=60, what="it answers")
        yield exporter
    finally:
        child.kill()
        child.wait(10)


def _is_up(exporter: _Exporter) -> bool:
    try:
        return b"gpu_power_watts" in exporter.get()
    except requests.ConnectionError:
        return False


def _print_size(size: _Size) -> None:
    print(
        f"  {size.memory:6.1f} MB, {size.threads} threads, {size.files} files, page {size.page} B, "
        f"{sum(size.objects.values())} objects",
        flush=True,
    )


def _print_growth(before: dict[str, int], after: dict[str, int]) -> None:
    print("  objects of which there are more, between the first and the last")
    grown = {kind: count - before.get(kind, 0) for kind, count in after.items()}
    for kind, more in sorted(grown.items(), key=lambda each: -each[1])[:12]:
        if more > 0:
            print(f"    {kind:32} {before.get(kind, 0):6} {after[kind]:6}")


if __name__ == "__main__":
    main(sys.argv[1:])
