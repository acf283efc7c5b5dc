"""Promises of what is told of MIG instances, processes and accounts: object in, readings out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exporter import catalogue
from exporter.errors import DeviceError
from exporter.node.collectors import accounting, mig, process_details, processes, profiling
from exporter.node.instances import Members, apart
from exporter.node.processes import name_of, pids
from exporter.node.reading import Reading
from tests.support.fake_driver import FakeDevice, FakeInstance

GIB = 2**30


def _attributes(slices: int, computing: int, mebibytes: int) -> SimpleNamespace:
    return SimpleNamespace(
        gpuInstanceSliceCount=slices,
        computeInstanceSliceCount=computing,
        memorySizeMB=mebibytes,
        multiprocessorCount=16 * computing,
    )


def _process(pid: int, memory: int | None = None) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=memory)


@pytest.mark.parametrize(
    ("whole", "sizes", "name"),
    [
        (81559, (1, 1, 9856), "1g.10gb"),
        (81559, (3, 3, 40448), "3g.40gb"),
        (81559, (3, 1, 40448), "1c.3g.40gb"),
        (81559, (7, 7, 81008), "7g.80gb"),
        (40536, (1, 1, 4864), "1g.5gb"),
        (143771, (1, 1, 16384), "1g.18gb"),
        (143771, (7, 7, 143360), "7g.141gb"),
    ],
)
def test_profile(whole: int, sizes: tuple[int, int, int], name: str) -> None:
    """Where the driver does not name a profile, its sizes do, as they do for a device plugin."""
    assert name == mig.profile(_attributes(*sizes), whole * 2**20)


def test_a_whole_that_cannot_be_profiled() -> None:
    """That the device as a whole cannot be profiled for the moment costs no instance its values."""

    class Failing(FakeDevice):
        def profile(self, metrics: object) -> dict[int, float]:
            raise DeviceError("busy")

    part = FakeInstance("MIG-a", gpm={2: 50.0}, gpu_instance=2)
    found: list[Reading] = []
    with pytest.raises(DeviceError, match="busy"):
        found.extend(profiling.collect(Failing("GPU-a", found=[part])))

    assert [Reading(catalogue.INSTANCE_SM_ACTIVE, 0.5, ("2",))] == found


def test_compute_instances_share() -> None:
    """A GPU instance cut again has one memory and one activity, and every part its name."""
    info = SimpleNamespace(total=40 * GIB, used=GIB, free=39 * GIB)
    parts = [
        FakeInstance(
            f"MIG-{number}",
            answers={"Attributes_v2": _attributes(3, 1, 40448), "MemoryInfo_v2": info},
            gpm={2: 50.0},
            gpu_instance=2,
            compute_instance=number,
        )
        for number in (1, 0)
    ]
    device = FakeDevice("GPU-a", answers={"MemoryInfo": SimpleNamespace(total=81559 * 2**20)})
    device.found = parts

    assert [
        Reading(catalogue.INSTANCE_INFO, 1, ("2", "0", "MIG-0", "1c.3g.40gb")),
        Reading(catalogue.INSTANCE_INFO, 1, ("2", "1", "MIG-1", "1c.3g.40gb")),
        Reading(catalogue.INSTANCE_SLICES, 3, ("2",)),
        Reading(catalogue.INSTANCE_MULTIPROCESSORS, 32, ("2",)),
        Reading(catalogue.INSTANCE_MEMORY_TOTAL, 40 * GIB, ("2",)),
        Reading(catalogue.INSTANCE_MEMORY_USED, GIB, ("2",)),
        Reading(catalogue.INSTANCE_MEMORY_FREE, 39 * GIB, ("2",)),
    ] == list(mig.collect(device))
    assert [Reading(catalogue.INSTANCE_SM_ACTIVE, 0.5, ("2",))] == list(profiling.collect(device))


def test_a_little_above_all() -> None:
    """An average a little above 100 percent is all; one far above is none."""
    device = FakeDevice("GPU-a", gpm={2: 100.4, 3: 150.0})

    assert [Reading(catalogue.SM_ACTIVE, 1.0)] == list(profiling.collect(device))


@dataclass(eq=False)
class Failing(FakeInstance):
    """An instance that fails."""

    def ask(self, function: str, *_: object) -> Any:
        """Fail."""
        raise DeviceError(f"{function} failed")


def test_one_instance_fails() -> None:
    """An instance that fails costs its own samples, is reported, and spoils the sum."""
    good = FakeInstance(
        "MIG-1", answers={"ComputeRunningProcesses_v3": [_process(5)]}, gpu_instance=1
    )
    device = FakeDevice("GPU-a", found=[Failing("MIG-0"), good])
    readings: list[Reading] = []
    with pytest.raises(DeviceError, match="failed"):
        readings.extend(processes.collect(device))

    assert [Reading(catalogue.INSTANCE_PROCESSES, 1, ("1", "compute"))] == readings


def test_order() -> None:
    """GPU instances are told in the order of their ids, whatever order the driver has."""

    def label(number: str, _: Members) -> Iterator[Reading]:
        yield Reading(catalogue.INSTANCE_SLICES, 1, (number,))

    found = [FakeInstance("b", gpu_instance=10), FakeInstance("a", gpu_instance=9)]

    assert ["9", "10"] == [reading.labels[0] for reading in apart(found, label)]


def test_pids() -> None:
    """The processes of a device, or of each of its GPU instances, if the driver lists any kind."""
    answers: dict[object, object] = {
        "ComputeRunningProcesses_v2": [_process(5), _process(0)],
        "GraphicsRunningProcesses_v3": [_process(5), _process(6)],
    }
    parts = [
        FakeInstance(f"MIG-{number}", answers=answers, gpu_instance=3, compute_instance=number)
        for number in (0, 1)
    ]

    assert {None: {5, 6}} == pids(FakeDevice("GPU-a", answers=answers))
    assert {3: {5, 6}} == pids(FakeDevice("GPU-a", found=parts))
    assert {} == pids(FakeDevice("GPU-a", answers={}))


def test_too_many_processes() -> None:
    """The largest processes of a device have series of their own; the others are counted."""
    listed = [_process(pid, pid * GIB) for pid in range(1, process_details.MOST + 11)]
    device = FakeDevice("GPU-a", answers={"ComputeRunningProcesses_v3": listed})
    readings = list(process_details.collect(device))
    told = {r.labels[1] for r in readings if r.family is catalogue.PROCESS_MEMORY}

    assert {str(pid) for pid in range(11, process_details.MOST + 11)} == told
    assert Reading(catalogue.PROCESSES_OMITTED, 10) in readings


@dataclass(frozen=True)
class Account:
    """As nvmlAccountingStats_t."""

    startTime: int  # noqa: N815 - NVML's name
    isRunning: int = 0  # noqa: N815 - idem
    time: int = 1000
    maxMemoryUsage: int = 2**64 - 1  # noqa: N815 - idem
    gpuUtilization: int = 50  # noqa: N815 - idem
    memoryUtilization: int = 2**32 - 1  # noqa: N815 - idem


ACCOUNTS: dict[object, object] = {
    "AccountingMode": 1,
    "AccountingBufferSize": 4000,
    "Accounts": [(pid, Account(pid * 10**6)) for pid in range(1, 101)],
}


def test_accounts() -> None:
    """The newest ended processes are told of one by one, without what the driver does not know."""
    readings = list(accounting.collect(FakeDevice("GPU-a", answers=ACCOUNTS)))
    newest = [r for r in readings if r.labels == ("100",)]
    begun = [r.value for r in readings if r.family is catalogue.ACCOUNTING_START]

    assert list(range(101 - accounting.MOST, 101)) == begun
    assert Reading(catalogue.ACCOUNTING_PROCESSES, 100, ("ended",)) in readings
    assert [
        Reading(catalogue.ACCOUNTING_START, 100, ("100",)),
        Reading(catalogue.ACCOUNTING_TIME, 1, ("100",)),
    ] == newest
    assert Reading(catalogue.ACCOUNTING_UTILIZATION, 0.5, ("100", "sm")) in readings


def test_names(tmp_path: Path) -> None:
    """A process has the name /proc gives it, unless that is of another PID namespace."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "comm").write_text("python3\n")

    assert "" == name_of(7, tmp_path)
    assert "" == name_of(8, tmp_path)
