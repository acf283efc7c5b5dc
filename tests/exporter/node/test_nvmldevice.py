"""Promises of the translation from NVML: error codes, and questions that have no answer."""

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from exporter.errors import (
    DeviceDown,
    DeviceError,
    DriverUnavailable,
    Unsupported,
)
from exporter.node.collectors import clocks
from exporter.node.driver.call import translated
from exporter.node.driver.device import NvmlDevice
from exporter.node.fields import Fi
from tests.support.any_driver import answering

CODES = sorted(value for name, value in vars(pynvml).items() if name.startswith("NVML_ERROR_"))
EXPECTED = {
    Unsupported: {2, 3, 4, 6, 13, 25, 26},
    DeviceDown: {15, 16, 28, 999},
    DriverUnavailable: {1, 9, 12, 18},
}


def _expected(code: int) -> type[Exception]:
    return next((error for error, codes in EXPECTED.items() if code in codes), DeviceError)


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_translated(code: int) -> None:
    """Every return code NVML has becomes exactly one of our errors."""
    assert _expected(code) is type(translated(code, "in NVML's words"))


def _device(**functions: Callable[..., Any]) -> NvmlDevice:
    constants = {name: value for name, value in vars(pynvml).items() if name.startswith("NVML_")}
    nvml = SimpleNamespace(NVMLError=pynvml.NVMLError, **constants, **functions)
    return NvmlDevice(nvml, object(), "GPU-a", 0)


def test_unsupported_is_asked_once() -> None:
    """What a device does not support is not asked again; what it supports is, every time."""
    asked = []

    def clock(_: object, domain: int) -> int:
        asked.append(domain)
        if domain == pynvml.NVML_CLOCK_VIDEO:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return 1500

    device = _device(nvmlDeviceGetClockInfo=clock)
    for _ in range(2):
        list(clocks.collect(device))

    assert [0, 1, 2, 3, 0, 1, 2] == [
        {pynvml.NVML_CLOCK_MEM: 2, pynvml.NVML_CLOCK_VIDEO: 3}.get(domain, domain)
        for domain in asked
    ]


def test_a_failure_is_asked_again() -> None:
    """A call that fails for the moment is asked again the next time."""
    codes = [pynvml.NVML_ERROR_MEMORY]

    def power(_: object) -> int:
        if codes:
            raise pynvml.NVMLError(codes.pop())
        return 1000

    device = _device(nvmlDeviceGetPowerUsage=power)
    with pytest.raises(DeviceError):
        device.ask("PowerUsage")

    assert 1000 == device.ask("PowerUsage")


def test_calls_are_counted() -> None:
    """What was called is told once, by function, with what it failed with in NVML's words."""
    device = _device(nvmlDeviceGetPowerUsage=_lost, nvmlDeviceGetName=lambda _: "H100")
    device.ask("Name")
    with pytest.raises(DeviceDown):
        device.ask("PowerUsage")
    tallies = device.tallies()

    assert {"Name": (1, {}), "PowerUsage": (1, {"gpu_is_lost": 1})} == {
        function: (tally.calls, tally.errors) for function, tally in tallies.items()
    }
    assert all(0 <= tally.seconds < 1 for tally in tallies.values())
    assert {} == device.tallies()


@pytest.mark.parametrize(
    ("before", "after"), [((1, 0), (0, 0)), ((0, 0), (1, 0)), ((1, 1), (1, 0)), ((1, 0), (1, 1))]
)
def test_cut_otherwise(before: tuple[int, int], after: tuple[int, int]) -> None:
    """What was not supported is asked again when MIG mode changes, or whether there is a part."""
    now, asked = [before], []

    def rows(_: object) -> None:
        asked.append(now[0])
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def part(_: object, index: int) -> object:
        if index >= now[0][1]:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return ctypes.pointer(ctypes.c_char())

    device = _device(
        nvmlDeviceGetMigMode=lambda _: [now[0][0]] * 2,
        nvmlDeviceGetMaxMigDeviceCount=lambda _: 1,
        nvmlDeviceGetMigDeviceHandleByIndex=part,
        nvmlDeviceGetUUID=lambda _: "MIG-a",
        nvmlDeviceGetGpuInstanceId=lambda _: 1,
        nvmlDeviceGetComputeInstanceId=lambda _: 0,
        nvmlDeviceGetRemappedRows=rows,
    )
    for now[0] in (before, before, after, after):
        device.find_instances()
        device.ask("RemappedRows")

    assert [before, after] == asked


def _lost(_: object) -> int:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)


def test_a_text_that_is_none() -> None:
    """What should be a text and is not, as from a corrupted InfoROM, costs only itself."""

    def serial(_: object) -> str:
        return b"\xff".decode()

    with pytest.raises(DeviceError):
        _device(nvmlDeviceGetSerial=serial).ask("Serial")


def test_modules_are_not_mixed_up() -> None:
    """Two devices that are asked at once for their module do not get each other's."""
    entered = threading.Barrier(2)

    def module(handle: int, number: Any) -> int:
        number._obj.value = handle
        entered.wait(20)
        return 0

    nvml = SimpleNamespace(NVMLError=pynvml.NVMLError, nvmlDeviceGetModuleId=module)
    devices = [NvmlDevice(nvml, number, f"GPU-{number}", number) for number in (1, 2)]
    with ThreadPoolExecutor() as threads:
        assert [1, 2] == list(threads.map(lambda device: device.ask("ModuleId"), devices))


def test_every_fan_has_a_speed_of_its_own() -> None:
    """A fan's measured speed is that of the fan that was asked for."""

    def speed(_: object, info: Any) -> int:
        info._obj.speed = 1000 + info._obj.fan
        return 0

    device = _device(
        c_nvmlFanSpeedInfo_t=pynvml.c_nvmlFanSpeedInfo_t,
        nvmlFanSpeedInfo_v1=pynvml.nvmlFanSpeedInfo_v1,
        _nvmlGetFunctionPointer=lambda _: speed,
    )

    assert [1000, 1001] == [device.ask("FanSpeedRPM", fan) for fan in (0, 1)]


def test_a_field_is_told_once() -> None:
    """What was fetched answers once; after that, or after another fetch, a field is asked anew."""
    with answering(1, pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG) as library:
        device = NvmlDevice(pynvml, pynvml.c_nvmlDevice_t(), "GPU-a", 0)
        device.fetch([(Fi.MEMORY_TEMP, 0), (Fi.POWER_INSTANT, 0)])
        library.number = 2
        fetched = [device.field(Fi.MEMORY_TEMP) for _ in range(2)]
        device.fetch([(Fi.POWER_AVERAGE, 0)])
        fresh = device.field(Fi.POWER_INSTANT)

    assert [1, 2] == fetched
    assert 2 == fresh


def test_why_something_is_not_supported() -> None:
    """A question that has no answer is told with NVML's word for why, each time it is asked."""

    def denied(*_: object) -> int:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NO_PERMISSION)

    device = _device(nvmlDeviceGetPowerUsage=denied)
    for _ in range(2):
        device.ask("PowerUsage")
        device.ask("Nonsense", 2)

        assert ["PowerUsage: no_permission", "Nonsense 2: nvidia-ml-py does not know Nonsense"] == [
            *device.missed()
        ]


def test_the_first_look_at_instances_forgets_nothing() -> None:
    """What was refused before the MIG mode was known is not asked again; after a change it is."""
    asked, modes = list[object](), [0, 0, 1]

    def refused(*_: object) -> int:
        asked.append(1)
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    device = _device(
        nvmlDeviceGetPowerUsage=refused,
        nvmlDeviceGetMigMode=lambda _: [modes.pop(0), 0],
        nvmlDeviceGetMaxMigDeviceCount=lambda _: 0,
    )
    for expected in (1, 1, 1, 2):
        device.ask("PowerUsage")

        assert expected == len(asked)

        if modes:
            device.find_instances()


def test_an_instance_that_does_not_answer_at_first() -> None:
    """It is looked for in the next reading; once all are found nobody looks again."""
    refusing, looks = [True], list[int]()

    def count(_: object) -> int:
        looks.append(1)
        return 1

    def uuid(handle: object) -> object:
        return _lost(handle) if refusing and refusing.pop() else "MIG-a"

    device = _device(
        nvmlDeviceGetMigMode=lambda _: [1, 1],
        nvmlDeviceGetMaxMigDeviceCount=count,
        nvmlDeviceGetMigDeviceHandleByIndex=lambda *_: ctypes.pointer(ctypes.c_char()),
        nvmlDeviceGetUUID=uuid,
        nvmlDeviceGetGpuInstanceId=lambda _: 1,
        nvmlDeviceGetComputeInstanceId=lambda _: 0,
    )

    assert [0, 1, 1] == [len(device.find_instances()), *(len(device.instances()) for _ in "ab")]
    assert 2 == len(looks)
