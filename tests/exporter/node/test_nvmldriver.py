"""Promises of the driver as a whole: its devices from one enumeration to the next, its library."""

import _ctypes
import ctypes
import sys
from types import SimpleNamespace

import pynvml
import pytest

from exporter.errors import (
    ConfigurationError,
    DriverUnavailable,
)
from exporter.node.driver.nvml import NvmlDriver


def test_a_device_that_has_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a device is the same object in each enumeration; another UUID makes another.

    What it does not support is asked again after ten minutes.
    """
    uuids, asked, now = ["GPU-a", "GPU-b"], list[object](), [0.0]
    handles = [ctypes.c_char(), ctypes.c_char()]
    places = {ctypes.addressof(handle): index for index, handle in enumerate(handles)}

    def unsupported(handle: object) -> int:
        asked.append(handle)
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    for name, function in {
        "Count": lambda: 2,
        "HandleByIndex": lambda index: ctypes.pointer(handles[index]),
        "UUID": lambda handle: uuids[places[ctypes.addressof(handle.contents)]],
        "PowerUsage": unsupported,
    }.items():
        monkeypatch.setattr(pynvml, f"nvmlDeviceGet{name}", function)
    driver = NvmlDriver(lambda: now[0])
    first = driver.enumerate({}).devices
    uuids[1] = "GPU-c"
    second = driver.enumerate({}).devices
    for now[0] in (0, 599, 601):
        driver.enumerate({})
        first[0].ask("PowerUsage")

    assert first[0] is second[0]
    assert first[1] is not second[1]
    assert "GPU-c" == second[1].uuid
    assert 2 == len(asked)


def test_without_nvidia_ml_py(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nvidia-ml-py the role does not start, and says what to install."""
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(ConfigurationError, match="pip install"):
        NvmlDriver()


def test_a_device_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that cannot be opened any more is told by name, with why, while it lasts."""
    refusing: list[int] = []

    def handle(index: int) -> object:
        if index in refusing:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return ctypes.pointer(ctypes.c_char())

    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 1)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", handle)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetUUID", lambda _: "GPU-a")
    driver = NvmlDriver()
    before = driver.enumerate({})
    refusing.append(0)
    during = [driver.enumerate({}) for _ in range(2)]
    refusing.clear()
    after = driver.enumerate({})

    assert [{}, {"GPU-a": "lost"}, {"GPU-a": "lost"}, {}] == [
        each.refused for each in (before, *during, after)
    ]
    assert [1, 0, 0, 1] == [len(each.devices) for each in (before, *during, after)]


def test_a_library_in_use_is_not_unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened anew, the library is unloaded first, unless a call into it has not returned."""

    def refuse() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    driver, closed = NvmlDriver(), list[bool]()
    monkeypatch.setattr(pynvml, "nvmlInit", refuse)
    for in_use in (True, False):
        monkeypatch.setattr(driver, "close", lambda now=in_use: closed.append(now))
        with pytest.raises(DriverUnavailable):
            driver.open(in_use=in_use)

    assert [False] == closed


def test_samples_are_freed_before_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was allocated by the library is freed, it is shut down, and only then unloaded."""
    order = list[str]()
    for name, answer in {
        "Init": None,
        "SystemGetDriverVersion": "570.1",
        "SystemGetNVMLVersion": "12.570.1",
        "SystemGetCudaDriverVersion": 12080,
        "DeviceGetCount": 1,
        "DeviceGetHandleByIndex": ctypes.pointer(ctypes.c_char()),
        "DeviceGetUUID": "GPU-a",
        "GpmQueryDeviceSupport": SimpleNamespace(isSupportedDevice=1),
        "GpmSampleAlloc": object(),
        "GpmSampleGet": None,
    }.items():
        monkeypatch.setattr(pynvml, f"nvml{name}", lambda *_, answer=answer: answer)
    monkeypatch.setattr(pynvml, "nvmlGpmSampleFree", lambda _: order.append("free"))
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: order.append("shut down"))
    monkeypatch.setattr(_ctypes, "dlclose", lambda _: order.append("unload"))
    driver = NvmlDriver()
    driver.open(in_use=True)
    monkeypatch.setattr(pynvml, "nvmlLib", SimpleNamespace(_handle=0))
    device = driver.enumerate({}).devices[0]
    device.profile([2])
    driver.close()

    assert ["free", "free", "shut down", "unload"] == order
