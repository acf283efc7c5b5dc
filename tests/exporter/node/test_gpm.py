"""Promises of GPM streams: averages of the time between, nothing too soon, nothing freed twice."""

import ctypes
import gc
import math
import time
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from exporter.errors import DeviceError, Unsupported
from exporter.node.driver.device import NvmlDevice
from exporter.node.driver.gpm import SHORTEST, Gpm, SamplePool
from tests.support.fake_driver import ManualClock

_NAMES = {
    "nvmlGpmQueryDeviceSupport": "support",
    "nvmlGpmSampleAlloc": "allocate",
    "nvmlGpmSampleFree": "free",
    "nvmlGpmSampleGet": "take",
    "nvmlGpmMigSampleGet": "take",
    "nvmlGpmMetricsGet": "compare",
}


class FakeGpm:
    """The part of nvidia-ml-py that GPM needs: a sample is the time at which it was taken."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.supported = 1
        self.values = {2: 50.0}
        self.failing: list[int] = []
        self.held: list[Any] = []
        self.freed: list[int | None] = []
        self.taken: dict[int | None, float] = {}
        self.between: tuple[float, float] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self, _NAMES[name]) if name in _NAMES else getattr(pynvml, name)

    def support(self, _: object) -> Any:
        """Say whether there is GPM."""
        return SimpleNamespace(isSupportedDevice=self.supported)

    def allocate(self) -> Any:
        """Return a sample."""
        sample = pynvml.c_nvmlGpmSample_t(pynvml.struct_c_nvmlGpmSample_t())
        self.held.append(sample)
        return sample

    def free(self, sample: Any) -> None:
        """Note that a sample is freed."""
        self.freed.append(_address(sample))

    def take(self, *arguments: Any) -> None:
        """Fill a sample, or fail."""
        if self.failing:
            raise pynvml.NVMLError(self.failing.pop())
        self.taken[_address(arguments[-1])] = self.clock.now

    def compare(self, asked: Any) -> None:
        """Answer with the values that the test wants."""
        self.between = (self.taken[_address(asked.sample1)], self.taken[_address(asked.sample2)])
        for each in asked.metrics[: asked.numMetrics]:
            each.nvmlReturn = 0 if each.metricId in self.values else 3
            each.value = self.values.get(each.metricId, 0)


def _address(sample: Any) -> int | None:
    return ctypes.cast(sample, ctypes.c_void_p).value


@pytest.fixture
def clock() -> ManualClock:
    """Return the clock samples are spaced by."""
    return ManualClock()


@pytest.fixture
def nvml(clock: ManualClock) -> FakeGpm:
    """Return the library."""
    return FakeGpm(clock)


def _gpm(nvml: FakeGpm) -> Gpm:
    return Gpm(nvml, object(), SamplePool(nvml), nvml.clock)


def test_the_time_between(nvml: FakeGpm, clock: ManualClock) -> None:
    """The first call tells nothing; each further one averages since the one before, at once."""
    gpm = _gpm(nvml)
    spans = []
    for _ in range(3):
        found = gpm.read(None, [2])
        spans.append((dict(found), nvml.between))
        clock.now += 5

    assert [
        ({}, None),
        ({2: 50.0}, (1000, 1005)),
        ({2: 50.0}, (1005, 1010)),
    ] == spans


def test_too_soon(nvml: FakeGpm, clock: ManualClock) -> None:
    """Within 100 ms nothing is told, and the next average begins where it would have."""
    gpm = _gpm(nvml)
    gpm.read(None, [2])
    clock.now += 0.09

    assert {} == gpm.read(None, [2])

    clock.now += 1

    assert {2: 50.0} == gpm.read(None, [2])
    assert nvml.between == pytest.approx((1000, 1001.09))


def test_what_is_no_value(nvml: FakeGpm, clock: ManualClock) -> None:
    """A metric that fails, is not a number or below zero is left out; the others are there."""
    nvml.values = {1: math.nan, 2: 10.0, 3: -5.0, 4: math.inf}
    gpm = _gpm(nvml)
    gpm.read(None, [1, 2, 3, 4, 5])
    clock.now += 1

    assert {2: 10.0} == gpm.read(None, [1, 2, 3, 4, 5])


def test_a_failed_sample(nvml: FakeGpm, clock: ManualClock) -> None:
    """After a sample that failed the next average still begins at the last good one."""
    gpm = _gpm(nvml)
    gpm.read(None, [2])
    clock.now += 1
    nvml.failing = [pynvml.NVML_ERROR_MEMORY]
    with pytest.raises(DeviceError):
        gpm.read(None, [2])
    clock.now += 1
    gpm.read(None, [2])

    assert (1000, 1002) == nvml.between


def test_instances_do_not_mix(nvml: FakeGpm, clock: ManualClock) -> None:
    """Each GPU instance has a stream of its own; one that was made anew begins anew."""
    gpm = _gpm(nvml)
    for instance in (None, 1, 2):
        gpm.read(instance, [2])
    gpm.retain({1})
    clock.now += 1

    assert [{2: 50.0}, {2: 50.0}, {}] == [gpm.read(instance, [2]) for instance in (None, 1, 2)]


def test_an_instance_made_anew(nvml: FakeGpm) -> None:
    """An instance that came in the place of another of its number tells nothing of that one."""
    names = ["MIG-a", "MIG-b"]
    for name, answer in {
        "GetMigMode": [1, 1],
        "GetMaxMigDeviceCount": 1,
        "GetMigDeviceHandleByIndex": ctypes.pointer(ctypes.c_char()),
        "GetGpuInstanceId": 1,
        "GetComputeInstanceId": 0,
    }.items():
        setattr(nvml, f"nvmlDevice{name}", lambda *_, answer=answer: answer)
    nvml.nvmlDeviceGetUUID = lambda _: names[0]  # type: ignore[attr-defined]
    device = NvmlDevice(nvml, object(), "GPU-a", 0)
    device.find_instances()[0].profile([2])
    time.sleep(SHORTEST)
    names.pop(0)

    assert {} == device.find_instances()[0].profile([2])


def test_no_gpm(nvml: FakeGpm) -> None:
    """A device without performance monitors says so, and no sample is allocated."""
    nvml.supported = 0

    with pytest.raises(Unsupported):
        _gpm(nvml).read(None, [2])
    assert [] == nvml.held


def test_samples_are_freed(nvml: FakeGpm) -> None:
    """What a device that is gone had allocated is freed, once, and never by the garbage collector.

    That may come while the binding of NVML holds its lock, which would never be let go of again.
    """
    pool = SamplePool(nvml)
    gpm, other = (Gpm(nvml, object(), pool, nvml.clock) for _ in range(2))
    gpm.read(None, [2])
    gpm.read(1, [2])
    del gpm
    gc.collect()
    collected = len(nvml.freed)
    other.read(None, [2])

    assert 0 == collected
    assert 4 == len(nvml.freed) == len(set(nvml.freed))


def test_nothing_is_freed_after_the_library(nvml: FakeGpm) -> None:
    """Before the library is unloaded every sample is freed, and none of them later again."""
    pool = SamplePool(nvml)
    gpm = Gpm(nvml, object(), pool, nvml.clock)
    gpm.read(None, [2])
    pool.free_all()
    freed = len(nvml.freed)
    del gpm
    gc.collect()

    assert (2, 2) == (freed, len(nvml.freed))
